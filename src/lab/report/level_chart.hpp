#pragma once
// A chart over a campaign's levels as one SVG text, for the HTML report. Pure.
#include <optional>
#include <string>
#include <vector>

namespace gauntlet::lab {

struct ChartSeries {
  std::string name;
  std::vector<std::optional<double>> values;  // one a level; nothing: a gap
};

/// Lines over `levels` (names, in order), the vertical axis from 0 and labelled with `unit`. Colours are the CSS
/// variables --line-1 and following; the text of title and legend is inside, and values are the points' tooltips.
std::string level_chart(const std::string& title, const std::string& unit, const std::vector<std::string>& levels,
                        const std::vector<ChartSeries>& series);

}  // namespace gauntlet::lab
