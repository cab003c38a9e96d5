#pragma once
// The JSON forms of google.protobuf's Timestamp, Duration and FieldMask, base64 as bytes fields have it, and numbers
// written as text (https://protobuf.dev/programming-guides/json/). Pure.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gauntlet::engine::grpc {

struct SecondsAndNanos {
  std::int64_t seconds = 0;
  std::int32_t nanos = 0;  ///< of a negative duration: negative or zero
};

/// RFC 3339 with at most nine fractional digits, years 1 to 9999: "2024-01-02T03:04:05.123Z", "...+02:00".
std::optional<SecondsAndNanos> parse_timestamp(std::string_view text);
/// In UTC with 0, 3, 6 or 9 fractional digits; nothing when out of range.
std::optional<std::string> format_timestamp(SecondsAndNanos time);

/// "1.5s", "-3s"; at most nine fractional digits and 10,000 years.
std::optional<SecondsAndNanos> parse_duration(std::string_view text);
std::optional<std::string> format_duration(SecondsAndNanos duration);

/// "user.displayName" -> "user.display_name"; nothing for what is no lowerCamelCase path.
std::optional<std::string> path_from_json(std::string_view path);
/// The other way; nothing when coming back would give another path.
std::optional<std::string> path_to_json(std::string_view path);

/// Standard or URL alphabet, padded or not.
std::optional<std::string> decode_base64(std::string_view text);

/// Whether all of `text` is a JSON number.
bool is_json_number(std::string_view text);
/// The value of a JSON number that is a whole one ("12", "1.0", "1e3"), exactly; nothing when it is not, or too large.
std::optional<std::int64_t> parse_signed(std::string_view text);
std::optional<std::uint64_t> parse_unsigned(std::string_view text);
/// A JSON number, "NaN", "Infinity" or "-Infinity"; nothing for others and for what overflows.
std::optional<double> parse_double(std::string_view text);

}  // namespace gauntlet::engine::grpc
