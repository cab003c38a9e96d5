#pragma once
// Points in time as the domain and the tables see them: UTC, microseconds since 1970-01-01 (PostgreSQL's resolution).
// The domain never reads a clock: every rule that depends on time takes `now` as an argument.
#include <array>
#include <chrono>
#include <string>
#include <string_view>

namespace gauntlet::challenge {

using Instant = std::chrono::sys_time<std::chrono::microseconds>;

/// `2026-11-23T14:22:34Z`: RFC 3339 in UTC with whole seconds (rounded down), as the contract's timestamps are.
/// Years 0 to 9999. No allocation: the characters live in the returned value.
class Rfc3339 {
 public:
  explicit Rfc3339(Instant instant);
  std::string_view view() const { return {text_.data(), text_.size()}; }

 private:
  std::array<char, 20> text_;
};

inline std::string format_rfc3339(Instant instant) { return std::string(Rfc3339(instant).view()); }

}  // namespace gauntlet::challenge
