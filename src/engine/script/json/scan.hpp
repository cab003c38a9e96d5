#pragma once
// Finding one's way in JSON text without building anything of it. All of this stops at the end of malformed text instead
// of trusting it; positions beyond the end are allowed and stay there.
#include <cstddef>
#include <string>
#include <string_view>

namespace gauntlet::engine::json::scan {

std::size_t skip_space(std::string_view text, std::size_t at);
/// Past the string that starts at `at`.
std::size_t skip_string(std::string_view text, std::size_t at);
/// Past the value that starts at `at`.
std::size_t skip_value(std::string_view text, std::size_t at);

/// Without blanks around it.
std::string_view trim(std::string_view text);
/// The value at the start of the text, without blanks around it.
std::string_view first_value(std::string_view text);

inline bool is_array(std::string_view value) { return value.starts_with('['); }
inline bool is_object(std::string_view value) { return value.starts_with('{'); }
inline bool is_string(std::string_view value) { return value.starts_with('"'); }

/// What a JSON string (with its quotes) means; a lone surrogate means U+FFFD.
std::string unquote(std::string_view text);
/// Calls `visit(element)` until it returns false.
template <class Visit>
void for_each_element(std::string_view array, Visit&& visit) {
  std::size_t at = 1;
  for (;;) {
    at = skip_space(array, at);
    if (at < array.size() && array[at] == ',') at = skip_space(array, at + 1);
    if (at >= array.size() || array[at] == ']' || array[at] == '}' || array[at] == ':') return;
    const std::size_t end = skip_value(array, at);
    if (end == at || !visit(array.substr(at, end - at))) return;
    at = end;
  }
}

/// Calls `visit(key with quotes, value)` until it returns false.
template <class Visit>
void for_each_member(std::string_view object, Visit&& visit) {
  std::size_t at = 1;
  for (;;) {
    at = skip_space(object, at);
    if (at < object.size() && object[at] == ',') at = skip_space(object, at + 1);
    if (at >= object.size() || object[at] != '"') return;
    const std::size_t key_end = skip_string(object, at);
    const std::string_view key = object.substr(at, key_end - at);
    at = skip_space(object, key_end);
    if (at >= object.size() || object[at] != ':') return;
    at = skip_space(object, at + 1);
    const std::size_t end = skip_value(object, at);
    if (end == at || !visit(key, object.substr(at, end - at))) return;
    at = end;
  }
}

}  // namespace gauntlet::engine::json::scan
