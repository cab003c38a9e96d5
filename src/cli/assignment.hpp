#pragma once
// NAME=VALUE, as several commands' flags take it.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace gauntlet::cli {

/// invalid_argument names the flag: "--env BASE_URL: write it as NAME=VALUE". The value may be empty and may hold "=".
base::Expected<std::pair<std::string, std::string>> read_assignment(const std::string& flag, const std::string& text);

/// Of a flag that may be repeated; the last value of a name counts.
base::Expected<std::map<std::string, std::string>> read_assignments(const std::string& flag, const std::vector<std::string>& texts);

}  // namespace gauntlet::cli
