#pragma once
// An agent as the leader has it: the carrier's process, the words to and from it, its clock. Nothing of it blocks: what an agent
// is slow to read waits in a queue of its own.
#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/event_loop.hpp"
#include "engine/fleet/clock.hpp"
#include "engine/fleet/frames.hpp"

namespace gauntlet::engine::fleet {

/// Where an agent runs and how much of the test it takes.
struct Place {
  std::string name;
  std::vector<std::string> command;  ///< a program and its arguments
  std::uint32_t weight = 1;
  std::chrono::seconds patience{60};  ///< until it greets: a carrier may have an image to fetch
};

/// `command` as a user gave it, for /bin/sh: one that ends in the word agent is taken as it is; another one carries, and
/// `gauntlet agent` is what it carries.
Place place_of_command(std::string name, std::string command, std::uint32_t weight);

/// Belongs to its loop's thread, but for ping_again().
class Seat {
 public:
  struct Ears {
    std::function<void(words::FromAgent)> word;
    std::function<void(const std::string& line)> line;  ///< of the carrier's standard error
    /// The connection has ended, for this reason: the last call.
    std::function<void(const std::string& why)> gone;
  };

  /// Starts the carrier, in a session of its own: Ctrl-C reaches the leader alone, and a carrier cannot ask for passwords.
  static base::Expected<std::unique_ptr<Seat>> start(base::EventLoop& loop, const Place& place, Ears ears);
  /// Asks to end, waits for the carrier for another moment and kills it then.
  ~Seat();
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

  void say(const words::ToAgent& word);
  /// A frame that several agents get.
  void say(std::shared_ptr<const std::string> frame);
  /// Asks the agent's clock, where nothing else is on its way there.
  void ping();
  /// Any thread: the same once the clock has been asked. An agent that hears nothing for kMostSilence ends, so that this is not left
  /// to a thread that may wait for a terminal.
  void ping_again();
  /// To be called once a second: whether the agent has said and taken nothing since six calls.
  bool is_silent() { return ++silent_s_ > kMostSilence / std::chrono::seconds(1); }
  const ClockOffset& clock() const { return clock_; }
  /// What the carrier wrote to its standard error last, and to its standard output before the agent greeted.
  std::string last_words() const;
  /// Closes the connection without calling `gone`.
  void hang_up();
  /// Closes the connection, at which the agent ends, waits for the carrier for a moment and sends it SIGTERM then. So that many end
  /// at a time, to be called for all before the first is destroyed.
  void ask_to_end();

 private:
  /// A pipe's end that the loop watches.
  struct Pipe final : base::IoHandler {
    Seat* seat = nullptr;
    void (Seat::*ready)() = nullptr;
    int fd = -1;
    void on_io(std::uint32_t) override { (seat->*ready)(); }
  };
  explicit Seat(base::EventLoop& loop) : loop_(loop) {}
  void read_output();
  void read_errors() { read_more_errors(); }
  bool read_more_errors();  // false: nothing more is there now
  void write_input();
  void write_unsaid();  // with input_mutex_
  void close(Pipe& pipe);
  void end(const std::string& why);
  bool has_ended_by(std::chrono::steady_clock::time_point due);
  /// Once the carrier has, or after a while.
  void tell_how_it_ended();

  base::EventLoop& loop_;
  Ears ears_;
  pid_t process_ = 0;
  bool ended_ = false;  // the process, whose status has been taken
  bool is_asked_to_end_ = false;
  std::mutex input_mutex_;  // of the words to the agent: input_, unsaid_, is_full_
  Pipe input_;              // the agent's
  Pipe output_;
  Pipe errors_;
  FrameReader frames_;
  std::string error_line_;   // not yet whole
  std::string last_errors_;  // the end of what came
  struct Unsaid {
    std::shared_ptr<const std::string> bytes;  // shared: an archive goes to all
    std::size_t begin = 0;
  };
  std::deque<Unsaid> unsaid_;
  bool is_full_ = false;  // the pipe to the agent
  ClockOffset clock_;
  std::atomic<int> silent_s_ = 0;
  std::atomic<std::int64_t> first_ping_ns_ = 0;
  base::EventLoop::TimerId status_timer_ = 0;
  std::chrono::steady_clock::time_point status_due_{};
  std::chrono::steady_clock::time_point hung_up_at_{};
};

}  // namespace gauntlet::engine::fleet
