#pragma once
// Several agents that run a test together, as the leader has them: `--processes N` (of this machine) and `--agent CMD`. Each runs a
// segment, the first one also setup() and teardown(); the leader runs no load, adds up, judges and reports.
// proto/gauntlet/fleet/fleet.proto says what is spoken.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/event_loop.hpp"
#include "base/loop_thread.hpp"
#include "engine/fleet/seat.hpp"
#include "engine/metrics/metric.hpp"
#include "engine/results/gathered.hpp"
#include "engine/results/progress.hpp"
#include "engine/results/run_result.hpp"
#include "engine/session/verdict.hpp"
#include "engine/sinks/page/moment.hpp"

namespace gauntlet::engine::session {

/// Who is to be in a team.
struct TeamSettings {
  std::vector<fleet::Place> places;
  /// They are processes of this machine, and their shares of its cores add up.
  bool share_the_machine = false;
  /// A test whose agent is lost goes on without it.
  bool goes_on_without_lost = false;

  /// So many processes of this program.
  static TeamSettings of_processes(std::size_t count);
};

/// Control thread only.
class Team {
 public:
  /// What the leader hears of it. None may destroy the team.
  struct Ears {
    std::function<void(const std::string& agent, const fleet::words::Note&)> note = [](const std::string&, const fleet::words::Note&) {};
    /// Something ends the test: what an agent says, or that one was lost.
    std::function<void(Verdict)> fail = [](const Verdict&) {};
    std::function<void()> mark_failed = [] {};
    std::function<void(results::RunProgress::Phase)> phase = [](results::RunProgress::Phase) {};
    std::function<void()> anew = [] {};  ///< the warm-up is over: what was added up does not count
  };

  Team(base::EventLoop& control, const TeamSettings& settings, metrics::MetricRegistry& registry, Ears ears);
  /// Hangs up on those that are still there, at which they end.
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  /// Starts all carriers. Each gets the archive and the assignment with a segment of its own, once all have greeted.
  /// `sample_files`: those of the assignment's outputs that are files, by their place among these; each agent's copy is named by it.
  base::Expected<void> start(const std::string& archive, const fleet::words::Assignment& assignment,
                             const std::map<std::uint32_t, std::string>& sample_files);
  /// Starts the carriers and no test: to see how they are.
  base::Expected<void> start_carriers();
  bool is_over() const;
  /// Whether all that answer have been asked for their clocks often enough.
  bool knows_clocks() const;
  /// Ends the test for all: in order once it has begun, at once before.
  void stop();

  /// All that was gathered; its windows are what came since the last call.
  metrics::Snapshot add_up();
  /// The sum of the last add_up().
  const results::Gathered& sum() const { return sum_; }
  const std::optional<std::string>& setup_data() const { return setup_data_; }
  /// Puts what the agents say of themselves into `progress`, whose scenarios are the whole test's.
  void report_progress(results::RunProgress& progress) const;
  dashboard::GeneratorUse use() const;
  std::vector<results::AgentResult> agents() const;
  /// The agents' files of single samples that are there whole.
  std::vector<std::string> sample_files() const;
  /// What they will be called.
  std::string names_of_sample_files() const;
  /// Those that were lost while the test ran, by name.
  std::string lost() const;
  /// Those that could not keep up, by name.
  std::string limits() const;

 private:
  enum class Stage { starting, greeted, preparing, ready, running, finished, done, gone };
  struct Member;

  void hear(Member& member, const fleet::words::FromAgent& word);
  void hear_hello(Member& member, const fleet::words::Hello& hello);
  void hear_window(Member& member, const fleet::words::Window& window);
  base::Expected<void> add_window(Member& member, const std::string& json);
  void hear_samples(Member& member, const fleet::words::SamplePart& part);
  /// Tells of files that will not become whole.
  void give_up_samples(Member& member);
  void hear_verdict(Member& member, const fleet::words::Verdict& verdict);
  void lose(Member& member, const std::string& why);
  void fail(Verdict verdict);
  void go_on();
  void assign();
  void start_together();
  void tick();
  /// On the pinger's thread, whose loop it is: the owner of that is no longer to be asked while it ends.
  void keep_pinging(base::EventLoop& loop);
  /// Whether all that are still there have come so far.
  bool all_are(Stage stage) const;
  std::string called(const Member& member) const;
  std::string names_of(const std::function<bool(const Member&)>& is_meant) const;
  double share_of(const Member& member) const;

  base::EventLoop& control_;
  const TeamSettings settings_;
  metrics::MetricRegistry& registry_;
  const Ears ears_;
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<std::shared_ptr<const std::string>> archive_;  // frames, shared by the members' queues
  std::optional<fleet::words::Assignment> assignment_;
  base::EventLoop::TimerId timer_ = 0;
  const std::int64_t began_ns_ = fleet::steady_ns();
  int ticks_ = 0;
  std::unique_ptr<base::LoopThread> pinger_;  // once members_ are complete
  bool assigned_ = false;
  bool sets_up_ = false;
  bool has_setup_data_ = false;
  std::optional<std::string> setup_data_;
  std::optional<std::int64_t> started_ns_;
  bool tears_down_ = false;
  bool stops_ = false;
  results::Gathered sum_;
  std::chrono::nanoseconds elapsed_before_{0};
};

}  // namespace gauntlet::engine::session
