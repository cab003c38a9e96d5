#include "base/parse.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "base/text.hpp"

namespace gauntlet::base {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t nanoseconds;
};
constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::array kUnits = {
    Unit{"ns", 1},      Unit{"us", 1'000},       Unit{"µs", 1'000},         Unit{"ms", 1'000'000},
    Unit{"s", kSecond}, Unit{"m", 60 * kSecond}, Unit{"h", 3600 * kSecond}, Unit{"d", 24 * 3600 * kSecond},
};
__extension__ using Wide = unsigned __int128;

Error invalid_duration(std::string_view text) {
  return {ErrorKind::invalid_argument, fmt::format("\"{}\" is no duration, as 1m30s or 500ms", text)};
}

const Unit* unit_named(std::string_view name) {
  const auto* found = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& unit) { return unit.name == name; });
  return found == kUnits.end() ? nullptr : found;
}

/// "12", "1.5", "4." or ".5" units in nanoseconds, what is less than one cut off as Go does; nullopt: no number, or none below
/// 10^19.
std::optional<Wide> read_number(std::string_view text, std::uint64_t unit) {
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  std::string_view fraction = text.substr(std::min(point + 1, text.size()));
  if (whole.empty() && fraction.empty()) return std::nullopt;
  if (whole.size() > 19 || fraction.find('.') != std::string_view::npos) return std::nullopt;
  fraction = fraction.substr(0, 18);  // of a day 10^-18 is less than a nanosecond
  Wide value = 0;
  for (const char digit : whole) value = value * 10 + static_cast<unsigned>(digit - '0');
  Wide parts = 0;
  Wide in_one = 1;
  for (const char digit : fraction) {
    parts = parts * 10 + static_cast<unsigned>(digit - '0');
    in_one *= 10;
  }
  return value * unit + parts * unit / in_one;
}

bool is_number_part(char c) { return is_digit(c) || c == '.'; }

}  // namespace

Expected<std::chrono::nanoseconds> parse_duration(std::string_view text, std::chrono::nanoseconds bare_unit) {
  std::string_view rest = text;
  const bool negative = !rest.empty() && rest.front() == '-';
  if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) rest.remove_prefix(1);
  if (rest.empty()) return tl::unexpected(invalid_duration(text));
  Wide total = 0;
  while (!rest.empty()) {
    const auto* number_end = std::find_if_not(rest.begin(), rest.end(), is_number_part);
    const auto* unit_end = std::find_if(number_end, rest.end(), is_number_part);
    const std::string_view unit_name(number_end, static_cast<std::size_t>(unit_end - number_end));
    // A number without a unit has to stand alone.
    const Unit bare{"", static_cast<std::uint64_t>(bare_unit.count())};
    const Unit* unit = unit_name.empty() && total == 0 ? &bare : unit_named(unit_name);
    if (unit == nullptr) return tl::unexpected(invalid_duration(text));
    const auto part = read_number({rest.begin(), number_end}, unit->nanoseconds);
    if (!part) return tl::unexpected(invalid_duration(text));
    total += *part;
    if (total > std::numeric_limits<std::int64_t>::max()) return tl::unexpected(invalid_duration(text));
    rest.remove_prefix(static_cast<std::size_t>(unit_end - rest.begin()));
  }
  const auto nanoseconds = static_cast<std::int64_t>(total);
  return std::chrono::nanoseconds(negative ? -nanoseconds : nanoseconds);
}

Expected<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t number = 0;
  const char* begin = !text.empty() && text.front() == '+' ? text.data() + 1 : text.data();
  const auto [end, failure] = std::from_chars(begin, text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size() || text.empty()) {
    return fail(ErrorKind::invalid_argument, fmt::format("\"{}\" is no whole number", text));
  }
  return number;
}

Expected<bool> parse_bool(std::string_view text) {
  for (const char* yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == no) return false;
  }
  return fail(ErrorKind::invalid_argument, fmt::format("\"{}\" is neither true nor false", text));
}

}  // namespace gauntlet::base
