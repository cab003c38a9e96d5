#pragma once
// Points in time as RFC 3339 writes them, in the years 0 to 9999.
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gauntlet::base {

/// In two parts: 64 bits of nanoseconds end in the year 2262.
struct Rfc3339Time {
  std::chrono::sys_seconds second;
  std::int32_t nanoseconds = 0;  // of that second
};

/// "2026-11-23T14:22:34.5+02:00"; 't', 'z' and a blank for the T, as the RFC allows. A leap second is the second after it; of a
/// fraction nine digits count.
std::optional<Rfc3339Time> parse_rfc3339(std::string_view text);

/// "2026-11-23T14:22:34Z", rounded down. No allocation: the characters live in the object.
class Rfc3339 {
 public:
  explicit Rfc3339(std::chrono::sys_seconds time);
  template <class Duration>
  explicit Rfc3339(std::chrono::sys_time<Duration> time) : Rfc3339(std::chrono::floor<std::chrono::seconds>(time)) {}

  std::string_view view() const { return {text_.data(), text_.size()}; }
  /// Without the Z, for a fraction to follow.
  std::string_view without_zone() const { return {text_.data(), text_.size() - 1}; }

 private:
  std::array<char, 20> text_;
};

template <class Duration>
std::string format_rfc3339(std::chrono::sys_time<Duration> time) {
  return std::string(Rfc3339(time).view());
}

}  // namespace gauntlet::base
