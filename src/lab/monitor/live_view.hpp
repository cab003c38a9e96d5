#pragma once
// What the monitors see of the system, for the live page of a run.
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "engine/dashboard/system_view.hpp"
#include "lab/monitor/monitor.hpp"

namespace gauntlet::lab {

/// Makes the page's figures and tables of monitors' rows. Rates of the servers' own counters are since the rows before,
/// so that the first rows give none of those.
class LiveFigures {
 public:
  engine::dashboard::SystemSample sample_of(const std::vector<Observation>& rows,
                                            const std::vector<std::string>& problems);

 private:
  struct Flushes {
    double events = 0, flushes = 0, seconds = 0;
    bool known = false;
  };
  Flushes flushes_;  // since the event handler's start
};

/// Samples once a second on a thread of its own, below the engine's in priority. A monitor that is slow (a database
/// that does not answer) delays only the next sample.
class LiveView final : public engine::dashboard::SystemView {
 public:
  explicit LiveView(Monitor monitor);
  /// Waits for the sample under way: at most a monitor's timeouts, and then only where the system does not answer.
  ~LiveView() override;

  std::shared_ptr<const engine::dashboard::SystemSample> latest() override;

 private:
  void run();

  Monitor monitor_;      // the thread's
  LiveFigures figures_;  // the thread's
  std::mutex mutex_;
  std::condition_variable stop_asked_;
  bool stopping_ = false;
  std::shared_ptr<const engine::dashboard::SystemSample> latest_;  // shared with the page, which keeps the last one
  std::thread thread_;
};

}  // namespace gauntlet::lab
