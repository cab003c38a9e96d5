#pragma once
// setup, teardown and handleSummary: calls in a temporary virtual user with __VU 0 and an init of its own.
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/users/test_state.hpp"
#include "engine/users/worker.hpp"

namespace gauntlet::engine::users {

/// What came of it, as plain data that may leave the virtual user's thread.
struct StageResult {
  std::optional<Vu::InitFailure> init_failure;
  Vu::CallResult::Kind kind = Vu::CallResult::Kind::returned;
  bool timed_out = false;
  std::string error;  ///< what it threw

  // What it returned:
  /// As k6 has it: undefined is null, dates have no trailing zeros; nothing for undefined itself.
  std::optional<std::string> json;
  std::string unusable_json;  ///< why it has no such form: '"a" is NaN, which JSON has not'
  bool is_function = false;
  std::vector<std::pair<std::string, std::string>> files;  ///< of an object: text or bytes by name, in order
  std::string unusable_file;                               ///< why the object cannot be written
  bool is_falsy = true;
};

/// Why it has no result: what it threw, that it took longer than `timeout`; empty when it has one.
std::string problem_of(const StageResult& result, std::string_view function, std::chrono::nanoseconds timeout);

class StageCall {
 public:
  /// `argument`: JSON of the function's argument; nothing: undefined.
  StageCall(TestState& test, base::EventLoop& control, Worker& worker, std::string function, std::string group,
            std::optional<std::string> argument);
  /// It must be done.
  ~StageCall();

  /// Begins; `done` is called on the control thread.
  void start(std::chrono::nanoseconds timeout, std::function<void()> done);
  /// Cuts it short, from the control thread; done() follows.
  void interrupt();
  /// Once it is done.
  StageResult take_result() { return std::move(result_); }

 private:
  void run();
  void describe(const Vu::CallResult& outcome);

  TestState& test_;
  base::EventLoop& control_;
  Worker& worker_;
  const std::string function_;
  const std::string group_;
  const std::optional<std::string> argument_;
  std::unique_ptr<Vu> vu_;  // of the worker's thread
  StageResult result_;
  bool timed_out_ = false;
  base::EventLoop::TimerId timer_ = 0;
  std::function<void()> done_;
};

}  // namespace gauntlet::engine::users
