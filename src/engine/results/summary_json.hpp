#pragma once
// The results of a test as JSON: what handleSummary() is given, and the files that end-of-test options write.
#include <string>
#include <string_view>

#include "engine/metrics/series.hpp"
#include "engine/results/summary.hpp"

namespace gauntlet::engine::results {

/// The argument of handleSummary(data).
std::string handle_summary_json(const Summary& summary);

/// `--summary-export FILE`: flattened values; a Rate's rate is called `value`; and, as k6 has it, a threshold's entry is
/// true when it FAILED.
std::string summary_export_json(const Summary& summary);

/// `--out json=FILE.json`: handleSummary's data, and beside it `series` (a row a second), `endpoints`, `open_model` and
/// `generator`. What it says of thresholds is what handleSummary is told.
/// `state_json`: to_json() of what was gathered (gathered.hpp), so that results can be added up and compared.
std::string results_json(const Summary& summary, const std::vector<metrics::SeriesRow>& rows, const metrics::MetricRegistry& registry,
                         const std::string& state_json);

/// k6 names groups and checks by the MD5 of their path.
std::string id_of_path(std::string_view path);

}  // namespace gauntlet::engine::results
