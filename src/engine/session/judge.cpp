#include "engine/session/judge.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

namespace gauntlet::engine::session {

base::Expected<void> Judge::take_thresholds(const plan::Options& options, metrics::MetricRegistry& registry) {
  for (const auto& [key, list] : options.thresholds.value) {
    std::vector<metrics::ThresholdSpec> specs;
    for (const plan::ThresholdOption& threshold : list) {
      specs.push_back({threshold.expression, threshold.abort_on_fail, threshold.delay_abort_eval});
    }
    specs_.emplace_back(key, specs);
    TRY(thresholds_.add(registry, key, specs));
  }
  return {};
}

void Judge::give(Verdict verdict) {
  if (!verdict_) verdict_ = std::move(verdict);
}

std::optional<Verdict> Judge::look(const metrics::Snapshot& snapshot) {
  if (thresholds_.empty()) return std::nullopt;
  thresholds_.evaluate(snapshot, metrics::Thresholds::When::during_run);
  if (!thresholds_.should_abort()) return std::nullopt;
  return Verdict{ExitCode::thresholds_crossed, thresholds_.crossed_message(true), ""};
}

void Judge::judge(const metrics::Snapshot& snapshot) {
  thresholds_.evaluate(snapshot, metrics::Thresholds::When::at_end);
  if (!thresholds_.crossed().empty()) give({ExitCode::thresholds_crossed, thresholds_.crossed_message(false), ""});
  if (is_marked_failed_) give({ExitCode::marked_failed, "test run was marked as failed", ""});
}

void Judge::require_all(const metrics::Snapshot& snapshot) {
  std::vector<std::string> idle;
  for (const metrics::ThresholdGroup& group : thresholds_.groups())
    if (!group.thresholds.front().has_samples) idle.push_back(group.name);
  std::uint64_t failed = 0, all = 0;
  for (const metrics::CheckCount& check : snapshot.checks) {
    failed += check.fails;
    all += check.fails + check.passes;
  }
  if (failed != 0)
    give({ExitCode::thresholds_crossed, fmt::format("{} of {} checks failed, and --require-all-ok is set", failed, all), ""});
  if (!idle.empty()) {
    give({ExitCode::thresholds_crossed,
          fmt::format("thresholds on metrics '{}' never had a sample, and --require-all-ok is set", fmt::join(idle, ", ")), ""});
  }
}

void Judge::require(const results::GeneratorVerdict& generator) {
  if (generator.kept_up()) return;
  give({ExitCode::generator_limited, generator.words,
        "the figures are not those of the target: spread the load over more cores or machines"});
}

}  // namespace gauntlet::engine::session
