#pragma once
// Values as users write them in options, variables and flags.
#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/error.hpp"

namespace gauntlet::base {

/// Sums of numbers with units, days included: "1d2h", "1m30.5s", "300ms"; a bare number counts `bare_unit`s.
Expected<std::chrono::nanoseconds> parse_duration(std::string_view text, std::chrono::nanoseconds bare_unit = std::chrono::milliseconds(1));
/// A whole number, with or without a sign.
Expected<std::int64_t> parse_integer(std::string_view text);
/// "true", "1", "t", "false", "0", "f"...
Expected<bool> parse_bool(std::string_view text);

}  // namespace gauntlet::base
