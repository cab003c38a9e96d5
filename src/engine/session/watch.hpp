#pragma once
// What goes on beside a run's work: a snapshot each second, from which thresholds are judged, the live page is fed and the
// generator's own health is known; and the progress that people see. Control thread only.
#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.hpp"
#include "engine/metrics/collector.hpp"
#include "engine/metrics/recorder.hpp"
#include "engine/plan/plan.hpp"
#include "engine/results/progress.hpp"
#include "engine/results/summary.hpp"
#include "engine/session/crew.hpp"
#include "engine/session/engine.hpp"
#include "engine/session/judge.hpp"
#include "engine/session/screen.hpp"
#include "engine/session/team.hpp"
#include "engine/sinks/page/dashboard.hpp"
#include "engine/users/test_state.hpp"

namespace gauntlet::engine::session {

/// What a watch looks at and who hears of it. All of it outlives the watch.
struct Watched {
  const RunSettings& settings;
  const plan::RunPlan& plan;
  users::TestState& test;
  const std::atomic<results::RunProgress::Phase>& phase;
  const Crew& crew;
  metrics::Collector& collector;
  metrics::Recorder& recorder;
  Judge& judge;
  Screen& screen;
  dashboard::Dashboard* page;  ///< nullptr: not wanted
};

class Watch {
 public:
  /// `abort` ends the test: a threshold wants it.
  Watch(base::EventLoop& control, const Watched& watched, std::function<void(Verdict)> abort);
  ~Watch() { stop(); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// Each second from now on; until stop().
  void start();
  void stop();
  /// Results count from now on.
  void begin_results();
  /// What happens in the scenarios before `end` is in no result.
  void warm_up_until(users::Clock::time_point end);
  /// From now on the numbers are those of agents, which do the work; it outlives the watch.
  void look_at(Team& team) { team_ = &team; }
  /// Takes what the team has sent by now.
  void take_from_team();
  /// Hands what was gathered since the last time to the leader.
  void report_to_leader();

  results::GeneratorHealth health() const;
  results::Summary summarize(std::vector<std::string> trend_stats) const;
  void show_progress();
  /// The last state of the live page.
  void end_page(const dashboard::Ending& ending);

 private:
  void tick();
  void draw();
  void record_gauges();
  void record_health();
  void judge_thresholds();
  template <class Show>
  void show_on_page(const dashboard::GeneratorUse& use, const Show& show);
  void update_page();
  void end_warm_up();
  results::RunProgress progress() const;
  /// Since its last call.
  dashboard::GeneratorUse generator_use();

  base::EventLoop& control_;
  const Watched watched_;
  const std::function<void(Verdict)> abort_;
  base::EventLoop::TimerId tick_timer_ = 0;
  base::EventLoop::TimerId draw_timer_ = 0;
  base::EventLoop::TimerId warm_up_timer_ = 0;
  int ticks_ = 0;
  bool is_warming_up_ = false;
  bool told_of_lost_samples_ = false;

  // What the generator takes of the machine.
  std::optional<users::Clock::time_point> begun_;  // when results began to count
  double cpu_at_begin_s_ = 0;
  std::vector<double> threads_at_begin_s_;
  users::Clock::time_point last_look_{};
  double cpu_at_last_look_s_ = 0;
  std::vector<double> threads_at_last_look_s_;
  double busiest_thread_ = 0;         // in the last second
  dashboard::GeneratorUse last_use_;  // in the last second
  Team* team_ = nullptr;
  bool anew_ = false;  // what the leader was told before does not count
};

}  // namespace gauntlet::engine::session
