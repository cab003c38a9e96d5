#pragma once
// Reads challenges.json. Three generations of the file exist and all load, mixed files too: keys in snake_case or
// camelCase, `type` (absolute, increment, daily, `daily: true`) or `requirement.progressMode` (absolute, relative; it
// wins where both stand). Every problem is reported, not only the first.
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "challenge/config.hpp"

namespace gauntlet::challenge {

/// One thing wrong with the file.
struct ConfigProblem {
  std::string path;     // challenges[2].goals[0].requirement.targetValue; `line 3, column 7` for a syntax error
  std::string message;  // what is wrong, with the value: "must be above 0, is -5"
};

/// `text` is the whole file. The problems come in the order of the file, those that need the whole
/// of it (prerequisites) last.
tl::expected<Config, std::vector<ConfigProblem>> parse_config(std::string_view text);

/// All problems, one a line, as a start-up message shows them below the file's name.
std::string describe(const std::vector<ConfigProblem>& problems);

}  // namespace gauntlet::challenge
