#pragma once
// The path language of res.json(selector): that of tidwall/gjson (its SYNTAX page), evaluated on the text without
// building what is not selected.
//
//   a.b.0  a\.b  a.*  a?c  a.#  a.#.b  a.#(k=="v").b  a.#(k>1)#.b  a|0  {a,b.c}  ["a","b"]  @reverse  @this  @keys ...
#include <quickjs.h>

#include <optional>
#include <string>
#include <string_view>

namespace gauntlet::engine::json {

/// The JSON text that a path selects, or nothing. Text that is no JSON selects whatever the path happens to find, as
/// gjson does; it is never read out of bounds.
std::optional<std::string> find(std::string_view text, std::string_view path);

/// The selected value for a script; undefined when there is none.
JSValue select(JSContext* context, std::string_view text, std::string_view path);

}  // namespace gauntlet::engine::json
