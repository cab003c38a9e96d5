#pragma once
// An answer held against what a case expects of it.
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace gauntlet::lab {

struct ContractAnswer {
  int status = 0;                              // HTTP's, or gRPC's code
  std::map<std::string, std::string> headers;  // names in lower case
  std::string text;
  std::string message;  // gRPC's, where it failed
};

/// Parses JSON; invalid_argument where it is none, or a key stands twice in one object.
base::Expected<nlohmann::json> parse_answer(std::string_view text);

/// What a pointer finds in an answer. Segments are keys or indices, `field=value` the first element of an array with that
/// field, `*field` that field of every element; a last `#` is the number of elements, `{}` the sorted keys. Absent: null.
///
///   find_in(answer, "/challenges/challengeId=ladder/goals/*goalId")
nlohmann::json find_in(const nlohmann::json& answer, std::string_view pointer);

/// Nothing when `found` is as expected, else what is wrong. Beside plain values `expected` may be "<time>" (RFC 3339 UTC
/// with seconds), "<midnight>", "<monday>", "<month>" (the next such boundary after `now`), {"between": [least, most]},
/// {"oneOf": [...]}, {"sorted": [...]} (an array in any order) or {"contains": "text"}.
std::string difference(const nlohmann::json& expected, const nlohmann::json& found, std::chrono::system_clock::time_point now);

}  // namespace gauntlet::lab
