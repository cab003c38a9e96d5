#pragma once
// Durations as numbers, for metrics, texts and rates.
#include <chrono>

namespace gauntlet::base {

constexpr double seconds_of(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }
constexpr double milliseconds_of(std::chrono::nanoseconds duration) { return std::chrono::duration<double, std::milli>(duration).count(); }
/// Since 1970, by the calendar.
inline double unix_now_s() { return seconds_of(std::chrono::system_clock::now().time_since_epoch()); }

}  // namespace gauntlet::base
