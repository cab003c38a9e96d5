#pragma once
// What the monitors see of the system, for the live page of a run.
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "engine/sinks/page/system_view.hpp"
#include "lab/monitor/monitor.hpp"

namespace gauntlet::lab {

/// Makes the page's figures and tables of monitors' rows. Rates of the servers' own counters are since the rows before,
/// so that the first rows give none of those.
class LiveFigures {
 public:
  engine::dashboard::SystemSample sample_of(const std::vector<Observation>& rows, const std::vector<std::string>& problems);

 private:
  struct Flushes {
    double events = 0, flushes = 0, seconds = 0, ended = 0;  // flushes: of those that ended, the committed ones
    bool known = false;
  };
  Flushes flushes_;  // since the event handler's start
};

/// Samples once a second on a thread of its own, below the engine's in priority. A monitor that is slow (a database
/// that does not answer) delays only the next sample.
class LiveView final : public engine::dashboard::SystemView {
 public:
  explicit LiveView(Monitor monitor);
  /// Waits for the sample under way, kPatience at most: a system that does not answer must not hold up the end of a
  /// run. The thread then ends by itself, at the latest with the process.
  ~LiveView() override;

  std::shared_ptr<const engine::dashboard::SystemSample> latest() override;

  static constexpr std::chrono::milliseconds kPatience{300};

 private:
  struct Work;
  std::shared_ptr<Work> work_;  // shared with the thread, which may outlive this
};

}  // namespace gauntlet::lab
