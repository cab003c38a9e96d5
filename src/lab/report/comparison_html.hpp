#pragma once
// `gauntlet compare A B --html FILE`: two runs side by side as one HTML file.
#include <string>
#include <vector>

#include "engine/results/comparison.hpp"

namespace gauntlet::lab {

/// The figures as a table, each with its interval drawn beside it; what is worse first, then what is better.
std::string comparison_html(const std::string& a, const std::string& b, const std::vector<engine::results::ComparedFigure>& figures);

}  // namespace gauntlet::lab
