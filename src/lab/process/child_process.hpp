#pragma once
// A program that we start and that ends with us: a monitor, a profiler or a probe beside a run.
#include <chrono>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "lab/process/launch.hpp"

namespace gauntlet::lab {

/// Ended when destroyed. One thread; start it while this process has one thread (launch()).
class ChildProcess {
 public:
  static base::Expected<ChildProcess> start(const LaunchSpec& spec);
  ~ChildProcess();
  ChildProcess(ChildProcess&&) noexcept = default;
  ChildProcess& operator=(ChildProcess&&) = delete;

  /// Waits for its own end, `patience` at most; then asks it to end (SIGINT), and insists after 10 s. Answers its exit
  /// status, 128 + signal when one ended it.
  int finish(std::chrono::milliseconds patience);

 private:
  explicit ChildProcess(LaunchedProcess process) : process_(std::move(process)) {}
  bool wait(std::chrono::milliseconds patience);

  LaunchedProcess process_;
  std::optional<int> status_;
};

}  // namespace gauntlet::lab
