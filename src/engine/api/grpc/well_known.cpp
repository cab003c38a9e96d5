#include "engine/api/grpc/well_known.hpp"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>

#include "base/base64.hpp"
#include "base/rfc3339.hpp"
#include "base/text.hpp"

namespace gauntlet::engine::grpc {
namespace {

constexpr std::int64_t kMinTimestamp = -62'135'596'800;  // 0001-01-01T00:00:00Z
constexpr std::int64_t kMaxTimestamp = 253'402'300'799;  // 9999-12-31T23:59:59Z
constexpr std::int64_t kMaxDuration = 315'576'000'000;
constexpr std::int32_t kNanosPerSecond = 1'000'000'000;

using base::is_digit;
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

bool take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

/// One to nine digits after a point, as nanoseconds.
bool take_fraction(std::string_view& text, std::int32_t& nanos) {
  std::size_t count = 0;
  nanos = 0;
  while (count < text.size() && is_digit(text[count])) ++count;
  if (count == 0 || count > 9) return false;
  for (std::size_t i = 0; i < 9; ++i) nanos = nanos * 10 + (i < count ? text[i] - '0' : 0);
  text.remove_prefix(count);
  return true;
}

std::string format_fraction(std::int32_t nanos) {
  if (nanos == 0) return {};
  if (nanos % 1'000'000 == 0) return fmt::format(".{:03}", nanos / 1'000'000);
  if (nanos % 1'000 == 0) return fmt::format(".{:06}", nanos / 1'000);
  return fmt::format(".{:09}", nanos);
}

/// A JSON number's digits without leading and trailing zeros, and the power of ten that they are multiplied with.
struct Decimal {
  bool negative = false;
  std::string digits;
  std::int64_t exponent = 0;
};

std::optional<Decimal> read_decimal(std::string_view text) {
  Decimal number;
  number.negative = take(text, '-');
  std::size_t whole = 0;
  while (whole < text.size() && is_digit(text[whole])) ++whole;
  if (whole == 0 || (whole > 1 && text[0] == '0')) return std::nullopt;
  number.digits = text.substr(0, whole);
  text.remove_prefix(whole);
  if (take(text, '.')) {
    std::size_t part = 0;
    while (part < text.size() && is_digit(text[part])) ++part;
    if (part == 0) return std::nullopt;
    number.digits += text.substr(0, part);
    number.exponent = -static_cast<std::int64_t>(part);
    text.remove_prefix(part);
  }
  if (!text.empty() && (text[0] == 'e' || text[0] == 'E')) {
    text.remove_prefix(1);
    const bool negative = !take(text, '+') && take(text, '-');
    std::int64_t exponent = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), exponent);
    if (text.empty() || !is_digit(text[0]) || end != text.data() + text.size()) return std::nullopt;
    if (problem != std::errc() || exponent > 100'000) exponent = 100'000;  // beyond every range
    number.exponent += negative ? -exponent : exponent;
  } else if (!text.empty()) {
    return std::nullopt;
  }
  const std::size_t first = number.digits.find_first_not_of('0');
  number.digits.erase(0, first == std::string::npos ? number.digits.size() : first);
  while (number.digits.ends_with('0')) {
    number.digits.pop_back();
    ++number.exponent;
  }
  return number;
}

/// The magnitude of a whole number.
std::optional<std::uint64_t> whole_value(const Decimal& number) {
  if (number.digits.empty()) return 0;
  if (number.exponent < 0 || number.digits.size() + static_cast<std::size_t>(number.exponent) > 20) return std::nullopt;
  const std::string digits = number.digits + std::string(static_cast<std::size_t>(number.exponent), '0');
  std::uint64_t value = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (problem != std::errc()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<SecondsAndNanos> parse_timestamp(std::string_view text) {
  const auto parsed = base::parse_rfc3339(text);
  // Not all that the RFC allows: no small letters, no blank, no leap second, no tenth digit.
  if (!parsed || text[10] != 'T' || text.back() == 'z' || text[17] == '6' ||
      (text[19] == '.' && text.find_first_not_of("0123456789", 20) > 29))
    return std::nullopt;
  const SecondsAndNanos time{parsed->second.time_since_epoch().count(), parsed->nanoseconds};
  if (time.seconds < kMinTimestamp || time.seconds > kMaxTimestamp) return std::nullopt;
  return time;
}

std::optional<std::string> format_timestamp(SecondsAndNanos time) {
  if (time.seconds < kMinTimestamp || time.seconds > kMaxTimestamp || time.nanos < 0 || time.nanos >= kNanosPerSecond) return std::nullopt;
  const base::Rfc3339 text(std::chrono::sys_seconds(std::chrono::seconds(time.seconds)));
  return fmt::format("{}{}Z", text.without_zone(), format_fraction(time.nanos));
}

std::optional<SecondsAndNanos> parse_duration(std::string_view text) {
  SecondsAndNanos duration;
  const bool negative = !take(text, '+') && take(text, '-');
  const bool has_whole = !text.empty() && is_digit(text[0]);
  if (has_whole) {
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), duration.seconds);
    if (problem != std::errc() || duration.seconds > kMaxDuration) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  if (take(text, '.')) {
    if (text == "s" ? !has_whole : !take_fraction(text, duration.nanos)) return std::nullopt;
  } else if (!has_whole) {
    return std::nullopt;
  }
  if (text != "s") return std::nullopt;
  if (duration.seconds == kMaxDuration && duration.nanos != 0) return std::nullopt;
  if (negative) duration = {-duration.seconds, -duration.nanos};
  return duration;
}

std::optional<std::string> format_duration(SecondsAndNanos duration) {
  if (duration.seconds > kMaxDuration || duration.seconds < -kMaxDuration || duration.nanos <= -kNanosPerSecond ||
      duration.nanos >= kNanosPerSecond || (duration.seconds > 0 && duration.nanos < 0) || (duration.seconds < 0 && duration.nanos > 0)) {
    return std::nullopt;
  }
  const bool negative = duration.seconds < 0 || duration.nanos < 0;
  return fmt::format("{}{}{}s", negative ? "-" : "", std::abs(duration.seconds), format_fraction(std::abs(duration.nanos)));
}

namespace {

/// Identifiers divided by points.
bool is_path(std::string_view path) {
  bool at_start = true;
  for (const char c : path) {
    if (c == '.') {
      if (at_start) return false;
      at_start = true;
      continue;
    }
    if (!(is_lower(c) || is_upper(c) || c == '_' || (is_digit(c) && !at_start))) return false;
    at_start = false;
  }
  return !at_start;
}

std::string to_camel(std::string_view path) {
  std::string camel;
  bool raise = false;
  for (const char c : path) {
    if (c == '_') {
      raise = true;
      continue;
    }
    camel += raise && is_lower(c) ? static_cast<char>(c - 'a' + 'A') : c;
    raise = false;
  }
  return camel;
}

std::string to_snake(std::string_view path) {
  std::string snake;
  for (const char c : path) {
    if (is_upper(c)) {
      snake += '_';
      snake += base::lower_case(c);
    } else {
      snake += c;
    }
  }
  return snake;
}

}  // namespace

std::optional<std::string> path_from_json(std::string_view path) {
  if (path.find('_') != std::string_view::npos || !is_path(path)) return std::nullopt;
  return to_snake(path);
}

std::optional<std::string> path_to_json(std::string_view path) {
  std::string camel = to_camel(path);
  if (!is_path(path) || to_snake(camel) != path) return std::nullopt;
  return camel;
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 == 0) {
    for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  }
  const bool is_url = text.find_first_of("-_") != std::string_view::npos;
  return base::decode_base64(text, {.is_url = is_url, .is_padded = false, .may_have_line_breaks = false});
}

bool is_json_number(std::string_view text) { return read_decimal(text).has_value(); }

std::optional<std::int64_t> parse_signed(std::string_view text) {
  const auto number = read_decimal(text);
  if (!number) return std::nullopt;
  const auto magnitude = whole_value(*number);
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  if (!magnitude || *magnitude > kMax + (number->negative ? 1 : 0)) return std::nullopt;
  return static_cast<std::int64_t>(number->negative ? 0 - *magnitude : *magnitude);
}

std::optional<std::uint64_t> parse_unsigned(std::string_view text) {
  const auto number = read_decimal(text);
  if (!number) return std::nullopt;
  const auto magnitude = whole_value(*number);
  if (!magnitude || (number->negative && *magnitude != 0)) return std::nullopt;
  return magnitude;
}

std::optional<double> parse_double(std::string_view text) {
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  if (!is_json_number(text)) return std::nullopt;
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem == std::errc::result_out_of_range) {
    // Too small becomes zero, too large is refused; from_chars does not tell which.
    const auto number = read_decimal(text);
    if (number->exponent + static_cast<std::int64_t>(number->digits.size()) > 0) return std::nullopt;
    return number->negative ? -0.0 : 0.0;
  }
  return value;
}

}  // namespace gauntlet::engine::grpc
