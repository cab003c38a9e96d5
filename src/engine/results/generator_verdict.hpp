#pragma once
// Whether the figures of a test are those of its target, or were shaped by the generator: a decision that the summary, exit
// codes, limit search and diagnosis take alike, and the words for it.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gauntlet::engine::metrics {
struct Snapshot;
}

namespace gauntlet::engine::results {

/// What held the generator back.
enum class GeneratorLimit {
  none,
  cores_busy,   ///< its threads had no CPU left
  starts_late,  ///< iterations started long after they were due
  no_free_vu,   ///< iterations were dropped: too few virtual users, or a target slower than planned
};

/// "none", "cores_busy", ...: as results hold it.
std::string_view name_of(GeneratorLimit limit);

struct GeneratorVerdict {
  GeneratorLimit limit = GeneratorLimit::none;
  std::string words;  ///< a plain sentence; empty with none

  bool kept_up() const { return limit == GeneratorLimit::none; }
  /// The machine could not make the load. (Without a free VU it may still be the target that is slow.)
  bool machine_was_the_limit() const { return limit == GeneratorLimit::cores_busy || limit == GeneratorLimit::starts_late; }
};

/// How well the generator itself kept up.
struct GeneratorHealth {
  std::string who = "the generator";      ///< what the verdict calls it; given by the run
  std::optional<double> cpu_share;        ///< of the cores it may use, 0..1; given by the run
  std::optional<double> busiest_thread;   ///< of the engine's threads: share of a core that it used, 0..1; given by the run
  std::optional<double> loop_lag_p99_ms;  ///< from the snapshot
  std::uint64_t samples_dropped = 0;      ///< single samples that outputs could not take; given by the run
  std::uint64_t interrupted = 0;          ///< iterations; given by the run
  // From the snapshot:
  std::uint64_t scheduled = 0;  ///< iterations that had an intended start
  std::uint64_t late = 0;       ///< of these, started more than kLateMs after it
  double slip_p99_ms = 0;
  double slip_max_ms = 0;
  std::uint64_t dropped = 0;
  std::uint64_t tag_sweeps = 0;
  GeneratorVerdict verdict;  ///< what follows from all of them

  static constexpr double kLateMs = 10;
  static constexpr double kBusyShare = 0.95;
  /// Whether the generator was not the limit in the snapshot's last window, in which it used this share of its cores, and its
  /// busiest thread this one of a core.
  static bool kept_up(const metrics::Snapshot& snapshot, double cpu_share, double busiest_thread);
  /// Starts that were late for no reason of the generator's own are none of its limits.
  GeneratorVerdict judged() const;
};

}  // namespace gauntlet::engine::results
