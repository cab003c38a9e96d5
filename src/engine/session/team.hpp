#pragma once
// Several processes of one machine that run a test together (`gauntlet run --processes N`): each runs a segment, the
// first one also setup() and teardown(), and the leader, which runs none, adds their results up and reports.
//
//   member -> leader: ready (virtual users exist), setup (its data; the first member), finished (scenarios),
//                     results (everything), verdict (code and words)
//   leader -> member: go (with the data of setup, or stop), teardown (the first member)
//
// Messages go through a pair of pipes for each member. A leader that dies closes them, and its members end.
#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "engine/session/exit_code.hpp"

namespace gauntlet::engine::session {

/// A member's end of its pipes. Calls block.
class TeamMember {
 public:
  TeamMember(int from_leader, int to_leader, bool first, std::size_t team_size)
      : from_leader_(from_leader), to_leader_(to_leader), first_(first), team_size_(team_size) {}

  /// The one that runs setup() and teardown().
  bool is_first() const { return first_; }
  /// So many members share the machine.
  std::size_t team_size() const { return team_size_; }
  void say_ready();
  /// `json`: what setup() returned, if anything.
  void give_setup_data(const std::optional<std::string>& json);
  struct Start {
    bool go = false;
    std::optional<std::string> setup_data;
  };
  Start wait_for_start();
  void say_finished();
  /// Until everybody has finished: false when the leader has gone.
  bool wait_for_teardown();
  void give_results(const std::string& gathered_json);
  void give_verdict(ExitCode code, const std::string& message, const std::string& hint);

 private:
  int from_leader_;
  int to_leader_;
  bool first_;
  std::size_t team_size_;
};

/// What the leader has in the end.
struct TeamResults {
  std::vector<std::string> gathered_json;  ///< of each member that got so far
  std::optional<std::string> setup_data;
  ExitCode code = ExitCode::ok;  ///< the first member's that was not ok
  std::string message;
  std::string hint;
};

/// The leader's view: made before any thread exists, since it forks.
class Team {
 public:
  /// Forks `size` members; each runs `member(index, end)` and exits with what that returns. Ctrl-C reaches the leader
  /// alone, which passes it on.
  static base::Expected<std::unique_ptr<Team>> fork(std::size_t size, const std::function<int(std::size_t, TeamMember&)>& member);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  /// Leads the members through the test; blocks until all have ended. Signals go to them, then `on_signal` is called.
  TeamResults lead(const std::function<void(int)>& on_signal);

 private:
  struct Seat;
  Team();
  std::vector<std::unique_ptr<Seat>> seats_;
};

}  // namespace gauntlet::engine::session
