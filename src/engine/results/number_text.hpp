#pragma once
// Numbers as k6's summary writes them: cut off rather than rounded where it cuts off, rounded where it rounds.
#include <string>
#include <string_view>

#include "engine/metrics/metric.hpp"

namespace gauntlet::engine::results {

/// The shortest text that reads back as this number, in JavaScript's notation ("0.1", "1e+21", "NaN", "Infinity").
std::string js_number(double value);
/// The same for JSON, which has no infinities: those become null.
std::string json_number(double value);
/// JavaScript's toFixed: half away from zero on the exact binary value.
std::string to_fixed(double value, int digits);

/// `value` of a metric that contains `kind`; `unit` is "", "s", "ms" or "us" (summaryTimeUnit).
std::string humanize(double value, metrics::ValueKind kind, std::string_view unit);
/// "66.66%", cut off after two decimals.
std::string percent(double fraction);
/// "872ns", "43.61ms", "1m30s" of milliseconds.
std::string humanize_duration(double milliseconds, std::string_view unit);
/// "431 B", "1.2 kB", "13 kB": powers of 1,000.
std::string humanize_bytes(double bytes);

}  // namespace gauntlet::engine::results
