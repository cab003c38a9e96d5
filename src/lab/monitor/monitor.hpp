#pragma once
// Everything that can be seen of a target, sampled at an interval into a recording.
//
// It runs in a process of its own (`gauntlet watch`), which campaign and limit search start beside the generator: its
// cost is then seen apart, and a run does not wait for it.
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "lab/monitor/database_monitor.hpp"
#include "lab/monitor/host_monitor.hpp"
#include "lab/record/recording.hpp"
#include "lab/target/http_fetch.hpp"
#include "lab/target/target.hpp"

namespace gauntlet::lab {

/// One thread. A part of the target that does not answer is left out of that sample and named in problems(); it is
/// tried again at the next.
class Monitor {
 public:
  /// `find_target` is asked at the start and again when a watched process has gone (a restart gives it a new pid).
  static base::Expected<Monitor> open(std::function<base::Expected<Target>()> find_target);

  /// Ten times a second: what the database's sessions wait for.
  void sample_sessions();
  /// Once an interval: everything. Rates are by the monotonic clock; table `clock` has how far the calendar's clock was
  /// stepped since the previous sample (step_s).
  std::vector<Observation> sample();

  const Target& target() const { return target_; }
  /// What could not be seen in the last sample, one sentence each.
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  Monitor() = default;
  void refresh_target();
  void add_redis(std::vector<Observation>& rows);
  void add_metrics(std::vector<Observation>& rows);

  std::function<base::Expected<Target>()> find_target_;
  Target target_;
  HostMonitor host_;
  std::optional<DatabaseMonitor> database_;
  HttpFetcher http_;
  std::optional<double> calendar_ahead_s_;  // of the monotonic clock, at the last sample
  std::vector<std::string> problems_;
  std::optional<base::Error> sessions_problem_;
};

struct WatchOptions {
  std::optional<std::filesystem::path> folder;  // record into it
  std::chrono::milliseconds interval{1000};
  std::optional<std::chrono::milliseconds> duration;  // else until `stop`
};

/// Samples until the duration is over or `stop` says so (asked ten times a second). `show` gets each sample's rows.
base::Expected<void> watch(Monitor& monitor, const WatchOptions& options, const std::function<bool()>& stop,
                           const std::function<void(const std::vector<Observation>&)>& show);

/// One line for a terminal: "service 0.42 cores 31 MB | ... | tps 812 active 3 idle 40 hit 99.9 %".
std::string describe(const std::vector<Observation>& rows);

}  // namespace gauntlet::lab
