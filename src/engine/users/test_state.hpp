#pragma once
// What all threads and virtual users of a running test share.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.hpp"
#include "engine/metrics/metric.hpp"
#include "engine/plan/options.hpp"
#include "engine/script/natives.hpp"
#include "engine/script/program.hpp"
#include "engine/script/runtime.hpp"
#include "engine/users/log.hpp"
#include "engine/users/secrets.hpp"
#include "engine/users/shared_state.hpp"

namespace gauntlet::engine::users {

using Clock = base::EventLoop::Clock;

/// Made by the engine before any virtual user and gone after the last one. Members that are not atomic or thread-safe
/// by their own word do not change once the first virtual user of a scenario exists.
struct TestState {
  script::Program& program;
  const script::Natives& natives;  ///< what scripts find that is no file
  metrics::MetricRegistry& metrics;
  Log& log;
  plan::Options options;
  plan::StringMap environment;  ///< __ENV before a scenario adds its own
  bool freezes_environment = false;
  plan::Stripe stripe;  ///< what of the test this process runs
  SharedState shared;
  Secrets secrets;
  std::string options_json;  ///< exec.test.options
  /// Where console.* goes: `log` unless the option consoleOutput names a file.
  Log* console = nullptr;

  /// What a virtual user's script may allocate.
  std::size_t heap_bytes_per_vu = script::Runtime::kMaxHeapBytes;
  /// The script changes built-in objects: virtual users do not share them (as with the option isolatedUsers).
  std::atomic<bool> changes_builtins{false};
  std::optional<std::string> setup_data;  ///< what setup() returned, as JSON

  Clock::time_point start{};  ///< of the scenarios, after setup
  Clock::time_point end{};    ///< of the scenarios, once they are over
  std::atomic<std::uint64_t> iterations_completed{0};
  std::atomic<std::uint64_t> iterations_interrupted{0};
  std::atomic<std::int64_t> vus_active{0};
  std::atomic<std::int64_t> vus_initialized{0};

  /// Set as soon as a script calls exec.test.abort(): no iteration begins after that.
  std::atomic<bool> aborted{false};

  /// exec.test.abort and exec.test.fail from any thread. Set by the engine.
  std::function<void(std::string reason)> abort;
  std::function<void(std::string reason)> mark_failed;

  TestState(script::Program& program_, const script::Natives& natives_, metrics::MetricRegistry& metrics_, Log& log_)
      : program(program_), natives(natives_), metrics(metrics_), log(log_), console(&log_) {}
};

}  // namespace gauntlet::engine::users
