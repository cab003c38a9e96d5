#include "engine/run/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "base/text.hpp"
#include "engine/run/options_table.hpp"

namespace gauntlet::engine::run {
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

base::Error invalid_duration(std::string_view text) {
  return {base::ErrorKind::invalid_argument, fmt::format("\"{}\" is no duration, as 1m30s or 500ms", text)};
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

/// `count` as a number of units of 10^`digits`, exactly and without exponent: "1.5", "0.000004".
std::string in_units(std::uint64_t count, unsigned digits) {
  std::string text = fmt::format("{:0{}}", count, digits + 1);
  text.insert(text.size() - digits, 1, '.');
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

bool is_number_part(char c) { return base::is_digit(c) || c == '.'; }

template <class T>
void take(Setting<T>& lower, const Setting<T>& upper) {
  if (upper.given) lower = upper;
}

/// Its parts come from different places, too.
void take(Setting<DnsOptions>& lower, const Setting<DnsOptions>& upper) {
  if (!upper.given) return;
  take(lower.value.ttl, upper->ttl);
  take(lower.value.select, upper->select);
  take(lower.value.policy, upper->policy);
  lower.given = true;
}

template <class T>
void wipe(Setting<T>& setting) {
  setting = Setting<T>();
}

}  // namespace

const char* name_of(ExecutorKind kind) {
  switch (kind) {
    case ExecutorKind::shared_iterations: return "shared-iterations";
    case ExecutorKind::per_vu_iterations: return "per-vu-iterations";
    case ExecutorKind::constant_vus: return "constant-vus";
    case ExecutorKind::ramping_vus: return "ramping-vus";
    case ExecutorKind::constant_arrival_rate: return "constant-arrival-rate";
    case ExecutorKind::ramping_arrival_rate: return "ramping-arrival-rate";
  }
  return "";
}

base::Expected<Nanoseconds> parse_duration(std::string_view text) {
  std::string_view rest = text;
  const bool negative = !rest.empty() && rest.front() == '-';
  if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) rest.remove_prefix(1);
  if (rest.empty()) return tl::unexpected(invalid_duration(text));
  Wide total = 0;
  while (!rest.empty()) {
    const auto* number_end = std::find_if_not(rest.begin(), rest.end(), is_number_part);
    const auto* unit_end = std::find_if(number_end, rest.end(), is_number_part);
    const std::string_view unit_name(number_end, static_cast<std::size_t>(unit_end - number_end));
    // A number without a unit is milliseconds, but only when it stands alone.
    const bool bare = unit_name.empty() && total == 0;
    const Unit* unit = bare ? unit_named("ms") : unit_named(unit_name);
    if (unit == nullptr) return tl::unexpected(invalid_duration(text));
    const auto part = read_number({rest.begin(), number_end}, unit->nanoseconds);
    if (!part) return tl::unexpected(invalid_duration(text));
    total += *part;
    if (total > std::numeric_limits<std::int64_t>::max()) return tl::unexpected(invalid_duration(text));
    rest.remove_prefix(static_cast<std::size_t>(unit_end - rest.begin()));
  }
  const auto nanoseconds = static_cast<std::int64_t>(total);
  return Nanoseconds(negative ? -nanoseconds : nanoseconds);
}

std::string format_duration(Nanoseconds duration) {
  const std::int64_t count = duration.count();
  if (count == 0) return "0s";
  const std::string sign = count < 0 ? "-" : "";
  const auto whole = static_cast<std::uint64_t>(count < 0 ? -count : count);
  if (whole < 1'000) return fmt::format("{}{}ns", sign, whole);
  if (whole < 1'000'000) return fmt::format("{}{}µs", sign, in_units(whole, 3));
  if (whole < kSecond) return fmt::format("{}{}ms", sign, in_units(whole, 6));
  const std::uint64_t minutes = whole / (60 * kSecond);
  const std::string seconds = in_units(whole % (60 * kSecond), 9);
  if (minutes == 0) return fmt::format("{}{}s", sign, seconds);
  if (minutes < 60) return fmt::format("{}{}m{}s", sign, minutes, seconds);
  return fmt::format("{}{}h{}m{}s", sign, minutes / 60, minutes % 60, seconds);
}

base::Expected<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t number = 0;
  const char* begin = !text.empty() && text.front() == '+' ? text.data() + 1 : text.data();
  const auto [end, failure] = std::from_chars(begin, text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size() || text.empty()) {
    return base::fail(base::ErrorKind::invalid_argument, fmt::format("\"{}\" is no whole number", text));
  }
  return number;
}

base::Expected<bool> parse_bool(std::string_view text) {
  for (const char* yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == no) return false;
  }
  return base::fail(base::ErrorKind::invalid_argument, fmt::format("\"{}\" is neither true nor false", text));
}

base::Expected<Stage> parse_stage(std::string_view text) {
  Stage stage;
  const std::size_t colon = text.find(':');
  const std::string_view duration = text.substr(0, colon);
  if (!duration.empty()) {
    if (duration != "0" && duration.find_first_not_of("0123456789.") == std::string_view::npos) {
      return base::fail(base::ErrorKind::invalid_argument, fmt::format("the duration \"{}\" has no unit, as {}s", duration, duration));
    }
    const auto parsed = parse_duration(duration);
    if (!parsed) return tl::unexpected(parsed.error());
    stage.duration = *parsed;
  }
  stage.has_duration = !duration.empty();
  stage.has_target = colon != std::string_view::npos && colon + 1 < text.size();
  if (stage.has_target) {
    const auto parsed = parse_integer(text.substr(colon + 1));
    if (!parsed) return tl::unexpected(parsed.error());
    stage.target = *parsed;
  }
  return stage;
}

void take_part(Options& options, std::int64_t part, std::int64_t parts) {
  options.execution_segment = fmt::format("{}/{}:{}/{}", part - 1, parts, part, parts);
  std::string sequence = "0";
  for (std::int64_t i = 1; i <= parts; ++i) sequence += fmt::format(",{}/{}", i, parts);
  options.execution_segment_sequence = std::move(sequence);
}

Options merge(Options lower, const Options& upper) {
  if (upper.duration.given || upper.iterations.given || upper.stages.given || upper.scenarios.given) {
    wipe(lower.duration);
    lower.iterations = Options().iterations;
    wipe(lower.stages);
    wipe(lower.scenarios);
  }
  for_each_option([&](const auto& row) { take(lower.*row.member, upper.*row.member); });
  return lower;
}

}  // namespace gauntlet::engine::run
