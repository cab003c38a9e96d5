#pragma once
// Text as protocols and formats have it, whatever the locale: ASCII that they trim, compare and read digits of, and what
// counts as text at all.
#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace gauntlet::base {

/// Of JSON and of most texts with lines.
inline constexpr std::string_view kWhiteSpace = " \t\r\n";

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

/// 0 to 15; -1 of what is no hex digit.
constexpr int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = lower_case(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

inline std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = lower_case(c);
  return lower;
}

/// `lower` is in lower case.
constexpr bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char c, char expected) { return lower_case(c) == expected; });
}

/// Without `blanks` at both ends; they are the optional white space of HTTP's fields, unless told otherwise.
constexpr std::string_view trimmed(std::string_view text, std::string_view blanks = " \t") {
  // A loop: find_first_not_of() calls memchr() for each byte, which a head's parser notices.
  const auto is_blank = [blanks](char c) { return std::any_of(blanks.begin(), blanks.end(), [c](char blank) { return blank == c; }); };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// Empties `text` and frees its memory, which assigning an empty string keeps.
inline void free_memory(std::string& text) { std::string().swap(text); }

/// Well-formed UTF-8 (no surrogates, no overlong forms) without NUL: what PostgreSQL accepts as text.
bool is_text(std::string_view bytes);

/// Levels of arrays and objects in JSON that strangers send: much more than any of ours has, and few enough for those who
/// copy, print or destroy what was parsed, which they do recursively.
inline constexpr std::size_t kMaxJsonDepth = 100;

/// How many levels of arrays and objects a JSON text has, before it is parsed; where it is malformed, no fewer than a parser meets.
std::size_t json_depth(std::string_view text);

/// Of `names` the one that who wrote `word` most likely meant; empty where none is near.
std::string_view nearest_name(std::string_view word, std::span<const std::string_view> names);
/// "; did you mean vus?", or nothing.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> names);

}  // namespace gauntlet::base
