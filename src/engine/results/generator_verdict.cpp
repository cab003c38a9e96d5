#include "engine/results/generator_verdict.hpp"

#include "engine/metrics/snapshot.hpp"
#include "engine/results/number_text.hpp"

namespace gauntlet::engine::results {

std::string_view name_of(GeneratorLimit limit) {
  switch (limit) {
    case GeneratorLimit::none: return "none";
    case GeneratorLimit::cores_busy: return "cores_busy";
    case GeneratorLimit::starts_late: return "starts_late";
    case GeneratorLimit::no_free_vu: return "no_free_vu";
  }
  return "none";
}

bool GeneratorHealth::kept_up(const metrics::Snapshot& snapshot, double cpu_share, double busiest_thread) {
  if (cpu_share > kBusyShare) return false;
  const auto late = [&](metrics::MetricId id) {
    const metrics::MetricState* metric = snapshot.find(id);
    return metric != nullptr && !metric->window.empty() && metric->window.values.percentile(0.99) > kLateMs;
  };
  if (late(metrics::MetricId::loop_lag)) return false;
  return busiest_thread <= kBusyShare || !late(metrics::MetricId::schedule_slip);
}

GeneratorVerdict GeneratorHealth::judged() const {
  const auto share = [](std::uint64_t part, std::uint64_t whole) {
    return to_fixed(100.0 * static_cast<double>(part) / static_cast<double>(whole), 1) + " %";
  };
  if (cpu_share && *cpu_share > kBusyShare) {
    return {GeneratorLimit::cores_busy, who + " was the limit: its threads were busy " + to_fixed(*cpu_share * 100, 0) + " % of the time"};
  }
  const bool is_core_full = busiest_thread && *busiest_thread > kBusyShare;
  const bool are_loops_held = loop_lag_p99_ms && *loop_lag_p99_ms > kLateMs;
  if (scheduled != 0 && slip_p99_ms > kLateMs && (is_core_full || are_loops_held)) {
    return {GeneratorLimit::starts_late,
            who + " was the limit: " + share(late, scheduled) + " of the iterations started more than " + to_fixed(kLateMs, 0) +
                "ms after they were due, " +
                (is_core_full ? "and one of its threads filled a core: the script computes much in few virtual users"
                              : "and its loops were held up: the script computes for long at a time, or other programs take the cores")};
  }
  if (scheduled + dropped != 0 && dropped * 100 > scheduled + dropped) {
    return {GeneratorLimit::no_free_vu,
            "the load asked for was not made: " + share(dropped, scheduled + dropped) +
                " of the iterations were dropped because no VU was free (raise maxVUs, or the target is slower than planned)"};
  }
  return {};
}

}  // namespace gauntlet::engine::results
