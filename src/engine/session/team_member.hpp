#pragma once
// A run that is one of several of a test, as its own TestRun sees it: what the leader tells it to do, and what it has to report.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "base/event_loop.hpp"
#include "engine/fleet/agent_end.hpp"
#include "engine/results/progress.hpp"
#include "engine/session/verdict.hpp"
#include "engine/sinks/page/moment.hpp"
#include "engine/users/log.hpp"

namespace gauntlet::engine::session {

/// Control thread only, but for log().
class TeamMember {
 public:
  TeamMember(fleet::AgentEnd& end, const fleet::words::Assignment& assignment)
      : end_(end), is_first_(assignment.is_first()), machine_shares_(std::max(1U, assignment.machine_shares())) {}

  /// The one that runs setup() and teardown().
  bool is_first() const { return is_first_; }

  /// So many members share the machine's memory.
  std::size_t machine_shares() const { return machine_shares_; }
  /// Words of the leader's are heard on `control` from now on; `stop` is called when it ends the test.
  void listen(base::EventLoop& control, std::function<void()> stop);
  /// `control` is no longer touched.
  void stop_listening() { end_.listen(nullptr); }

  // What the leader has told so far.
  struct Start {
    base::EventLoop::Clock::time_point at;
    std::optional<std::string> setup_data;
  };
  bool may_set_up() const { return may_set_up_; }
  bool may_tear_down() const { return may_tear_down_; }
  const std::optional<Start>& start() const { return start_; }

  void say_ready();
  /// `json`: what setup() returned, if anything.
  void give_setup_data(const std::optional<std::string>& json);
  void say_finished();
  void say_failed();
  void give_verdict(const Verdict& verdict, bool last);
  /// Whether everything said has left, so that a window would leave now.
  bool is_clear() const { return end_.is_clear(); }
  std::uint64_t take_dropped_lines() { return end_.take_dropped(); }
  /// Sends the file of that output of the assignment; waits where the leader is slow to take it.
  base::Expected<void> give_samples(std::uint32_t output, int descriptor);
  /// `anew`: what was given before does not count.
  void give_window(std::string gathered, bool anew, const dashboard::GeneratorUse& use, const results::RunProgress& progress);

  /// A log whose lines go to the leader.
  static std::unique_ptr<users::Log> log(fleet::AgentEnd& end, bool verbose, bool console);

 private:
  void hear(const fleet::words::ToAgent& word);

  fleet::AgentEnd& end_;
  const bool is_first_;
  const std::size_t machine_shares_;
  std::function<void()> stop_;
  std::uint64_t windows_ = 0;  // given
  bool may_set_up_ = false;
  bool may_tear_down_ = false;
  std::optional<Start> start_;
};

}  // namespace gauntlet::engine::session
