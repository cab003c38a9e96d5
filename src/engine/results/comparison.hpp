#pragma once
// Two runs of a test side by side: is B slower than A, or does the difference lie within what the runs themselves vary?
// Each figure's interval comes from a bootstrap over the runs' seconds: whole seconds are drawn with replacement, since
// what happens within one is not independent.
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "engine/metrics/metric.hpp"
#include "engine/metrics/series.hpp"

namespace gauntlet::engine::results {

/// How B differs from A.
struct Difference {
  double a = 0;
  double b = 0;
  /// b - a in percent of a (of a share: in percentage points), with the limits of its 95 % interval.
  double change = 0;
  double low = 0;
  double high = 0;
  bool more_is_better = false;

  enum class Verdict : std::uint8_t { no_difference_shown, better, worse };
  /// A difference is shown where the interval leaves out 0.
  Verdict verdict() const;
};
const char* to_text(Difference::Verdict verdict);  ///< "better"

struct ComparedFigure : Difference {
  std::string name;  ///< "http_req_duration p(95)", "http_reqs per s", "http_req_failed"
  std::string unit;  ///< "ms", "/s", "%"
};

struct ComparisonOptions {
  std::size_t resamples = 2000;
  std::uint64_t seed = 1;
};

/// One run: its seconds, and the registry that their metrics are from.
struct ComparedRun {
  const std::vector<metrics::SeriesRow>& rows;
  const metrics::MetricRegistry& registry;
};

/// What both runs have of durations (p(50), p(95), p(99)), rates and failures. Fails when a run has fewer than 5 whole
/// seconds: nothing can be said about its variation.
base::Expected<std::vector<ComparedFigure>> compare(const ComparedRun& a, const ComparedRun& b, const ComparisonOptions& options = {});

std::string render_comparison(const std::vector<ComparedFigure>& figures, bool color);

}  // namespace gauntlet::engine::results
