#pragma once
// The end-of-test summary in the terminal. The two layouts are k6's, byte for byte; what only we know follows
// as a block of its own.
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "engine/results/summary.hpp"

namespace gauntlet::engine::sinks {

enum class SummaryMode : std::uint8_t { compact, full, disabled };
/// "compact", "full" or "disabled".
base::Expected<SummaryMode> parse_summary_mode(std::string_view name);

/// k6's summary. Begins and ends with blank lines as k6's does; empty for `disabled`.
std::string render_summary(const results::Summary& summary, SummaryMode mode, bool color);

/// Our block: latency from the intended start, gRPC failures, endpoints, the generator's own health. Empty when there
/// is nothing to say. Not for --strict-k6.
std::string render_beyond_k6(const results::Summary& summary, bool color);

}  // namespace gauntlet::engine::sinks
