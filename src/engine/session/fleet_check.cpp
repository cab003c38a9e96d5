#include "engine/session/fleet_check.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <memory>
#include <utility>

#include "base/event_loop.hpp"

namespace gauntlet::engine::session {

std::vector<AgentCheck> check_fleet(const TeamSettings& settings) {
  std::signal(SIGPIPE, SIG_IGN);
  base::EventLoop loop;
  metrics::MetricRegistry registry;
  std::vector<AgentCheck> checks(settings.places.size());
  std::vector<std::unique_ptr<Team>> teams;  // of one each: what fails in one ends no other
  for (std::size_t i = 0; i < checks.size(); ++i) {
    TeamSettings one = settings;
    one.places = {settings.places[i]};
    Team::Ears ears;
    ears.fail = [&check = checks[i]](Verdict verdict) { check.problem = std::move(verdict.message); };
    teams.push_back(std::make_unique<Team>(loop, one, registry, std::move(ears)));
    if (auto started = teams.back()->start_carriers(); !started) checks[i].problem = started.error().message;
  }
  const auto is_known = [&](std::size_t i) { return !checks[i].problem.empty() || teams[i]->knows_clocks(); };
  const auto all_known = [&] {
    for (std::size_t i = 0; i < checks.size(); ++i) {
      if (!is_known(i)) return false;
    }
    return true;
  };
  while (!all_known()) loop.run_once(std::chrono::hours(1));
  for (std::size_t i = 0; i < checks.size(); ++i) checks[i].agent = teams[i]->agents().front();
  return checks;
}

}  // namespace gauntlet::engine::session
