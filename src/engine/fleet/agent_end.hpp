#pragma once
// The agent's end of its connection to the leader: two threads of its own, so that pings are answered and a leader that has gone
// is noticed whatever the test's threads do.
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "engine/fleet/frames.hpp"

namespace gauntlet::engine::fleet {

/// Thread-safe. Ends the process, at once, when the leader is gone or has been silent for kMostSilence: nobody would hear what
/// comes of the test, and an agent leaves nothing behind.
class AgentEnd {
 public:
  /// Greets the leader. `from_leader` and `to_leader` stay open.
  AgentEnd(int from_leader, int to_leader);
  /// Waits until all that was said has left.
  ~AgentEnd();
  AgentEnd(const AgentEnd&) = delete;
  AgentEnd& operator=(const AgentEnd&) = delete;

  /// Leaves in its turn; never waits.
  void say(const words::FromAgent& word);
  /// Log lines may be many: one that would have to wait behind kMostUnsaid bytes is dropped, and how many were is told later.
  void say_if_room(const words::FromAgent& word);
  /// Waits until so little is unsaid that a large word may be said.
  void wait_for_room();
  /// How many lines were dropped since the last call.
  std::uint64_t take_dropped();
  /// Whether no window waits for the ones before it to leave.
  bool is_clear() const;
  /// Waits for the leader's next word.
  words::ToAgent wait();
  /// From now on each word is handed over as it comes, on a thread of this end's; not to nullptr. It may not call this end.
  void listen(std::function<void(words::ToAgent)> on_word);

  static constexpr std::size_t kMostUnsaid = std::size_t{4} << 20;
  /// While words of the leader's take longer than this to come in (an archive on a slow link), it is told that they do.
  static constexpr std::chrono::milliseconds kMostQuiet{1000};
  /// What the process ends with when the leader has gone.
  static constexpr int kLeaderGone = 1;

 private:
  void read();
  void write();
  void hear(words::ToAgent word);
  void answer(const words::FromAgent& word);

  const int from_leader_;
  const int to_leader_;
  const int ending_;  // an eventfd: wakes the reader for its end
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  struct Frame {
    std::string bytes;
    bool is_window;
  };
  std::deque<Frame> urgent_;        // windows and answers, which pass all lines of a log
  std::deque<Frame> unsaid_;        // all else, in its order
  std::size_t unsaid_windows_ = 0;  // with the one that is being written
  std::size_t unsaid_bytes_ = 0;    // with the frame that is being written
  std::uint64_t dropped_ = 0;       // lines, not told yet
  bool ends_ = false;
  std::deque<words::ToAgent> heard_;
  std::function<void(words::ToAgent)> on_word_;
  std::chrono::steady_clock::time_point answered_ = std::chrono::steady_clock::now();  // the leader; the reader's own
  std::thread writer_;
  std::thread reader_;
};

}  // namespace gauntlet::engine::fleet
