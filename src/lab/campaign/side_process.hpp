#pragma once
// A program that works beside a run: a monitor, a profiler, a probe.
#include <chrono>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "lab/process/launch.hpp"

namespace gauntlet::lab {

/// Ended when destroyed. One thread; start it while this process has one thread (launch()).
class SideProcess {
 public:
  static base::Expected<SideProcess> start(const LaunchSpec& spec);
  ~SideProcess();
  SideProcess(SideProcess&&) noexcept = default;
  SideProcess& operator=(SideProcess&&) = delete;

  /// Waits for its own end, `patience` at most; then asks it to end (SIGINT), and insists after 10 s. Answers its exit
  /// status, 128 + signal when one ended it.
  int finish(std::chrono::milliseconds patience);

 private:
  explicit SideProcess(LaunchedProcess process) : process_(std::move(process)) {}
  bool wait(std::chrono::milliseconds patience);

  LaunchedProcess process_;
  std::optional<int> status_;
};

}  // namespace gauntlet::lab
