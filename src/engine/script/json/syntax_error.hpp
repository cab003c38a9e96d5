#pragma once
#include <string>
#include <string_view>

namespace gauntlet::engine::json {

/// Why `text` is no JSON, as k6 words it for Response.json(): "cannot parse json due to an error at line 1, character
/// 8 , error: invalid character '}' looking for beginning of object key string".
std::string describe_syntax_error(std::string_view text);
/// The last part alone, which is what Go's decoder says: "invalid character 'g' looking for beginning of value". Empty
/// when it is JSON.
std::string syntax_problem(std::string_view text);

}  // namespace gauntlet::engine::json
