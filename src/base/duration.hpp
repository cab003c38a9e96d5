#pragma once
// Durations as numbers, for metrics, texts and rates.
#include <chrono>

namespace gauntlet::base {

constexpr double seconds_of(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }
constexpr double milliseconds_of(std::chrono::nanoseconds duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

}  // namespace gauntlet::base
