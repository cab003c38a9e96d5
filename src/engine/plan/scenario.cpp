#include "engine/plan/scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/duration.hpp"
#include "base/text.hpp"
#include "engine/plan/schedule.hpp"

namespace gauntlet::engine::plan {
namespace {

__extension__ using Int128 = __int128;
constexpr Nanoseconds kShortestDuration = std::chrono::seconds(1);

bool is_arrival_rate(ExecutorKind kind) {
  return kind == ExecutorKind::constant_arrival_rate || kind == ExecutorKind::ramping_arrival_rate;
}

bool is_valid_name(const std::string& name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return base::is_digit(c) || base::is_letter(c) || c == '_' || c == '-'; });
}

Nanoseconds total(const std::vector<Stage>& stages) {
  Nanoseconds sum{0};
  for (const Stage& stage : stages) sum += stage.duration;
  return sum;
}

std::int64_t greatest_target(const std::vector<Stage>& stages, std::int64_t start) {
  for (const Stage& stage : stages) start = std::max(start, stage.target);
  return start;
}

/// Sums of times have room in 64 bits of nanoseconds, the machine's clock included, and nobody waits for so long.
constexpr Nanoseconds kLongestTest = std::chrono::hours(100 * 365 * 24);

/// Of everything that is added up to learn when the scenario ends, which may be more than its type holds.
double longest_seconds(const Scenario& s) {
  double sum = 0;
  for (const Nanoseconds part :
       {s.start_time.value, s.duration.value, s.max_duration.value, s.graceful_stop.value, s.graceful_ramp_down.value})
    sum += base::seconds_of(part);
  for (const Stage& stage : s.stages.value) sum += base::seconds_of(stage.duration);
  return sum;
}

void check_stages(const Scenario& scenario, std::vector<std::string>& problems) {
  if (scenario.stages->empty()) problems.emplace_back("at least one stage has to be specified");
  int number = 0;
  for (const Stage& stage : scenario.stages.value) {
    ++number;
    if (!stage.has_duration) {
      problems.push_back(fmt::format("stage {} doesn't have a duration", number));
    } else if (stage.duration.count() < 0) {
      problems.push_back(fmt::format("the duration for stage {} can't be negative", number));
    }
    if (!stage.has_target) {
      problems.push_back(fmt::format("stage {} doesn't have a target", number));
    } else if (stage.target < 0) {
      problems.push_back(fmt::format("the target for stage {} can't be negative", number));
    }
  }
}

void check_at_least_a_second(const char* what, Nanoseconds duration, std::vector<std::string>& problems) {
  if (duration < kShortestDuration) {
    problems.push_back(fmt::format("the {} must be at least 1s, but is {}", what, format_duration(duration)));
  }
}

void check_duration(const Scenario& scenario, std::vector<std::string>& problems) {
  if (!scenario.duration.given) {
    problems.emplace_back("the duration is unspecified");
  } else {
    check_at_least_a_second("duration", scenario.duration, problems);
  }
}

void check_arrival_vus(const Scenario& scenario, std::vector<std::string>& problems) {
  if (!scenario.pre_allocated_vus.given) {
    problems.emplace_back("the number of preAllocatedVUs isn't specified");
  } else if (scenario.pre_allocated_vus < 0) {
    problems.emplace_back("the number of preAllocatedVUs can't be negative");
  }
  if (scenario.max_vus.given && scenario.max_vus.value < scenario.pre_allocated_vus.value) {
    problems.emplace_back("maxVUs can't be less than preAllocatedVUs");
  }
}

base::Expected<void> refuse_two_shortcuts(const Options& options) {
  struct Shortcut {
    const char* name;
    bool given;
  };
  const auto refuse = [](const Shortcut& a, const Shortcut& b) {
    return base::fail(base::ErrorKind::invalid_argument,
                      fmt::format("using `{}` and `{}` options simultaneously is not allowed", a.name, b.name));
  };
  const Shortcut iterations{"iterations", options.iterations.given};
  const Shortcut duration{"duration", options.duration.given};
  const Shortcut stages{"stages", options.stages.given && !options.stages->empty()};
  const Shortcut scenarios{"scenarios", options.scenarios.given && !options.scenarios->empty()};
  if (iterations.given && stages.given) return refuse(iterations, stages);
  if (iterations.given && scenarios.given) return refuse(iterations, scenarios);
  if (duration.given && stages.given) return refuse(duration, stages);
  if (duration.given && scenarios.given) return refuse(duration, scenarios);
  if (stages.given && scenarios.given) return refuse(stages, scenarios);
  return {};
}

/// The needs of virtual users that stop at different times: one interval for each of them.
class Needs {
 public:
  void add(Nanoseconds from, Nanoseconds to, std::int64_t count = 1) {
    if (count == 0 || to <= from) return;
    changes_[from] += count;
    changes_[to] -= count;
  }
  std::vector<VuNeed> take() const {
    std::vector<VuNeed> needs;
    std::int64_t sum = 0;
    for (const auto& [offset, change] : changes_) needs.push_back({offset, sum += change});
    return needs;
  }

 private:
  std::map<Nanoseconds, std::int64_t> changes_;
};

void add_ramping_needs(const Scenario& scenario, Needs& needs) {
  const Nanoseconds start = scenario.start_time;
  const Nanoseconds last = start + total(scenario.stages) + scenario.graceful_stop.value;
  std::vector<Nanoseconds> started;  // of the users in the order of their slots
  std::vector<Nanoseconds> busy_until;
  for (const VuStep& step : ramping_steps(scenario.start_vus, scenario.stages, scenario.vu_stripe)) {
    while (static_cast<std::int64_t>(started.size()) > step.vus) {
      const std::size_t slot = started.size() - 1;
      if (busy_until.size() <= slot) busy_until.resize(slot + 1, Nanoseconds(-1));
      // A slot that starts again while its former user winds down needs that one only.
      const Nanoseconds from = std::max(started[slot], busy_until[slot]);
      const Nanoseconds to = std::min(start + step.offset + scenario.graceful_ramp_down.value, last);
      needs.add(from, to);
      busy_until[slot] = std::max(busy_until[slot], to);
      started.pop_back();
    }
    while (static_cast<std::int64_t>(started.size()) < step.vus) started.push_back(start + step.offset);
  }
  for (std::size_t slot = 0; slot < started.size(); ++slot) {
    const Nanoseconds from = slot < busy_until.size() ? std::max(started[slot], busy_until[slot]) : started[slot];
    needs.add(from, last);
  }
}

}  // namespace

base::Expected<ScenarioPlan> plan_scenarios(const Options& options, bool strict_k6) {
  TRY(refuse_two_shortcuts(options));
  ScenarioPlan plan;
  if (options.scenarios.given && !options.scenarios->empty()) {
    plan.scenarios = options.scenarios;
    return plan;
  }
  Scenario scenario;
  scenario.name = "default";
  const bool only_vus =
      options.vus.given && !options.duration.given && !options.stages.given && !options.scenarios.given && options.vus != 1 && !strict_k6;
  if (options.iterations.given || only_vus) {
    scenario.executor = ExecutorKind::shared_iterations;
    scenario.vus = options.vus.value;
    scenario.iterations = options.iterations.given ? options.iterations.value : options.vus.value;
    if (options.duration.given) scenario.max_duration = options.duration.value;
  } else if (options.duration.given) {
    scenario.executor = ExecutorKind::constant_vus;
    scenario.vus = options.vus.value;
    scenario.duration = options.duration.value;
  } else if (options.stages.given && !options.stages->empty()) {
    scenario.executor = ExecutorKind::ramping_vus;
    if (options.vus.given) scenario.start_vus = options.vus.value;
    scenario.stages = options.stages.value;
  } else {
    scenario.executor = ExecutorKind::per_vu_iterations;
    if (options.scenarios.given) {
      plan.warnings.emplace_back("`scenarios` was explicitly set to an empty value, running the script with 1 iteration in 1 VU");
    } else if (options.stages.given) {
      plan.warnings.emplace_back("`stages` was explicitly set to an empty value, running the script with 1 iteration in 1 VU");
    } else if (options.vus.given && options.vus != 1) {
      plan.warnings.push_back(fmt::format(
          "`vus={}` option will be ignored, it only works in conjunction with `iterations`, `duration`, or `stages`", options.vus.value));
    }
  }
  plan.scenarios.push_back(std::move(scenario));
  return plan;
}

std::vector<std::string> problems_of(const Scenario& s) {
  std::vector<std::string> problems;
  if (!is_valid_name(s.name)) {
    problems.emplace_back("the scenario name should contain only numbers, latin letters, underscores, and dashes");
  }
  if (s.exec->empty()) problems.emplace_back("exec value cannot be empty");
  if (s.start_time->count() < 0) problems.emplace_back("the startTime can't be negative");
  if (s.graceful_stop->count() < 0) problems.emplace_back("the gracefulStop timeout can't be negative");
  if (longest_seconds(s) > base::seconds_of(kLongestTest)) {
    problems.push_back(fmt::format("its times (startTime, duration or stages, gracefulStop) together are longer than {}: shorten them",
                                   format_duration(kLongestTest)));
  }
  switch (s.executor) {
    case ExecutorKind::shared_iterations:
      if (s.vus < 1) problems.emplace_back("the number of VUs must be more than 0");
      if (s.iterations.value < s.vus.value) {
        problems.push_back(
            fmt::format("the number of iterations ({}) can't be less than the number of VUs ({})", s.iterations.value, s.vus.value));
      }
      check_at_least_a_second("maxDuration", s.max_duration, problems);
      break;
    case ExecutorKind::per_vu_iterations:
      if (s.vus < 1) problems.emplace_back("the number of VUs must be more than 0");
      if (s.iterations < 1) problems.emplace_back("the number of iterations must be more than 0");
      check_at_least_a_second("maxDuration", s.max_duration, problems);
      break;
    case ExecutorKind::constant_vus:
      if (s.vus < 1) problems.emplace_back("the number of VUs must be more than 0");
      check_duration(s, problems);
      break;
    case ExecutorKind::ramping_vus:
      if (s.start_vus < 0) problems.emplace_back("the number of start VUs can't be negative");
      if (!s.stages->empty() && greatest_target(s.stages, s.start_vus) <= 0) {
        problems.emplace_back("either startVUs or one of the stages' target values must be greater than 0");
      }
      check_stages(s, problems);
      break;
    case ExecutorKind::constant_arrival_rate:
      if (!s.rate.given) {
        problems.emplace_back("the iteration rate isn't specified");
      } else if (s.rate < 1) {
        problems.emplace_back("the iteration rate must be more than 0");
      }
      if (s.time_unit->count() <= 0) problems.emplace_back("the timeUnit must be more than 0");
      check_duration(s, problems);
      check_arrival_vus(s, problems);
      break;
    case ExecutorKind::ramping_arrival_rate:
      if (s.start_rate < 0) problems.emplace_back("the startRate value can't be negative");
      if (s.time_unit->count() <= 0) problems.emplace_back("the timeUnit must be more than 0");
      check_stages(s, problems);
      check_arrival_vus(s, problems);
      break;
  }
  return problems;
}

std::string memory_problem(std::int64_t vus, const MemoryRoom& room) {
  // Of one that does nothing: QuickJS's own objects (docs/PERFORMANCE.md). What the script keeps comes on top.
  constexpr std::size_t kLeastBytes = 110'000;
  const auto most = static_cast<std::int64_t>(room.bytes / kLeastBytes);
  if (vus <= most) return "";
  return fmt::format("{} virtual users need at least {:.0f} GB of memory, and there {} {:.1f} GB, enough for {} at most", vus,
                     static_cast<double>(vus) * static_cast<double>(kLeastBytes) / 1e9, room.is_share ? "is for each process" : "is",
                     static_cast<double>(room.bytes) / 1e9, most);
}

std::string size_problem_of(const Scenario& scenario, const Stripe& stripe, const MemoryRoom& room) {
  // Segments are dealt by the virtual users of all of them; more than these no set of machines has.
  constexpr std::int64_t kMostVus = 10'000'000;
  // Each is a moment that is kept; a ramp of 10,000 virtual users up and down again has 20,000.
  constexpr double kMostChanges = 1'000'000;
  Scenario of_all = scenario;
  of_all.vu_stripe = Stripe();
  const std::int64_t all = std::max(max_vus(of_all), planned_vus(of_all));
  const bool grows = is_arrival_rate(scenario.executor) && scenario.max_vus.given;
  const char* const option = scenario.executor == ExecutorKind::ramping_vus ? "the stages' targets"
                             : grows                                        ? "maxVUs"
                             : is_arrival_rate(scenario.executor)           ? "preAllocatedVUs"
                                                                            : "vus";
  if (const std::string problem = memory_problem(stripe.count_below(all), room); !problem.empty()) {
    return fmt::format("{}: lower {}, or split the test over machines (--part)", problem, option);
  }
  if (all > kMostVus) return fmt::format("there can be {} virtual users at most, and {} are wanted: lower {}", kMostVus, all, option);
  if (scenario.executor != ExecutorKind::ramping_vus) return "";
  double changes = 0;
  std::int64_t from = scenario.start_vus;
  for (const Stage& stage : scenario.stages.value) {
    changes += std::abs(static_cast<double>(stage.target - from));
    from = stage.target;
  }
  if (changes <= kMostChanges) return "";
  return fmt::format("the stages add and take away {:.0f} virtual users, and {:.0f} can be planned: use fewer stages or lower targets",
                     changes, kMostChanges);
}

bool stretch(std::vector<Scenario>& scenarios, Nanoseconds duration) {
  const auto counts_iterations = [](const Scenario& scenario) {
    return scenario.executor == ExecutorKind::shared_iterations || scenario.executor == ExecutorKind::per_vu_iterations;
  };
  const auto end_of = [](const Scenario& scenario) { return scenario.start_time.value + regular_duration(scenario); };
  Nanoseconds before{0};
  for (const Scenario& scenario : scenarios)
    if (!counts_iterations(scenario)) before = std::max(before, end_of(scenario));
  const bool is_timed = before.count() > 0;
  for (const Scenario& scenario : scenarios) {
    if (is_timed) before = std::max(before, scenario.start_time.value);
    else if (scenario.max_duration.given) before = std::max(before, end_of(scenario));
  }
  if (before.count() <= 0) return false;
  const auto scaled = [&](Nanoseconds time) {
    return Nanoseconds(static_cast<std::int64_t>(static_cast<Int128>(time.count()) * duration.count() / before.count()));
  };
  for (Scenario& scenario : scenarios) {
    // Ends are scaled, so that what ends together still does, and sums are exact.
    const Nanoseconds start = scenario.start_time;
    const auto stretched = [&](Nanoseconds length) {
      return std::max(scaled(start + length) - scaled(start), std::min(length, kShortestDuration));
    };
    if (scenario.duration.given) scenario.duration = stretched(scenario.duration);
    if (scenario.max_duration.given) scenario.max_duration = stretched(scenario.max_duration);
    Nanoseconds end{0};
    for (Stage& stage : scenario.stages.value) {
      const Nanoseconds begin = end;
      end += stage.duration;
      stage.duration = scaled(start + end) - scaled(start + begin);
    }
    scenario.start_time.value = scaled(start);
  }
  return true;
}

bool take_share(Scenario& scenario, const Stripe& stripe) {
  scenario.vu_stripe = scenario.iteration_stripe = stripe;
  const auto take = [&](Setting<std::int64_t>& count) { count.value = stripe.count_below(count.value); };
  if (is_arrival_rate(scenario.executor)) {
    scenario.iteration_stripe = stripe.nested(max_vus(scenario));
    take(scenario.pre_allocated_vus);
    take(scenario.max_vus);
  } else if (scenario.executor == ExecutorKind::shared_iterations) {
    scenario.iteration_stripe = stripe.nested(scenario.vus);
    scenario.iterations.value = scenario.iteration_stripe.count_below(scenario.iterations.value);
    take(scenario.vus);
  } else if (scenario.executor != ExecutorKind::ramping_vus) {
    take(scenario.vus);
  }
  return max_vus(scenario) > 0;
}

Nanoseconds regular_duration(const Scenario& scenario) {
  switch (scenario.executor) {
    case ExecutorKind::shared_iterations:
    case ExecutorKind::per_vu_iterations: return scenario.max_duration;
    case ExecutorKind::constant_vus:
    case ExecutorKind::constant_arrival_rate: return scenario.duration;
    case ExecutorKind::ramping_vus:
    case ExecutorKind::ramping_arrival_rate: return total(scenario.stages);
  }
  return {};
}

Nanoseconds longest_duration(const Scenario& scenario) { return regular_duration(scenario) + scenario.graceful_stop.value; }

std::int64_t max_vus(const Scenario& scenario) {
  if (is_arrival_rate(scenario.executor) && scenario.max_vus.given) return scenario.max_vus;
  return planned_vus(scenario);
}

std::int64_t planned_vus(const Scenario& scenario) {
  if (is_arrival_rate(scenario.executor)) return scenario.pre_allocated_vus;
  if (scenario.executor == ExecutorKind::ramping_vus)
    return scenario.vu_stripe.count_below(greatest_target(scenario.stages, scenario.start_vus));
  return scenario.vus;
}

std::string describe(const Scenario& s) {
  std::string what;
  std::string facts;
  const auto fact = [&](const char* name, const std::string& value) {
    facts += fmt::format("{}{}: {}", facts.empty() ? "" : ", ", name, value);
  };
  const double unit_s = base::seconds_of(s.time_unit.value);
  switch (s.executor) {
    case ExecutorKind::shared_iterations:
      what = fmt::format("{} iterations shared among {} VUs", s.iterations.value, s.vus.value);
      fact("maxDuration", format_duration(s.max_duration));
      break;
    case ExecutorKind::per_vu_iterations:
      what = fmt::format("{} iterations for each of {} VUs", s.iterations.value, s.vus.value);
      fact("maxDuration", format_duration(s.max_duration));
      break;
    case ExecutorKind::constant_vus: what = fmt::format("{} looping VUs for {}", s.vus.value, format_duration(s.duration)); break;
    case ExecutorKind::ramping_vus:
      what =
          fmt::format("Up to {} looping VUs for {} over {} stages", planned_vus(s), format_duration(regular_duration(s)), s.stages->size());
      fact("gracefulRampDown", format_duration(s.graceful_ramp_down));
      break;
    case ExecutorKind::constant_arrival_rate:
      what = fmt::format("{:.2f} iterations/s for {}", static_cast<double>(s.rate.value) * s.iteration_stripe.share() / unit_s,
                         format_duration(s.duration));
      break;
    case ExecutorKind::ramping_arrival_rate:
      what = fmt::format("Up to {:.2f} iterations/s for {} over {} stages",
                         static_cast<double>(greatest_target(s.stages, s.start_rate)) * s.iteration_stripe.share() / unit_s,
                         format_duration(regular_duration(s)), s.stages->size());
      break;
  }
  if (is_arrival_rate(s.executor)) {
    const std::int64_t least = planned_vus(s);
    const std::int64_t most = max_vus(s);
    fact("maxVUs", least == most ? std::to_string(most) : fmt::format("{}-{}", least, most));
  }
  if (s.exec.value != "default") fact("exec", s.exec);
  if (s.start_time->count() > 0) fact("startTime", format_duration(s.start_time));
  if (s.graceful_stop->count() > 0) fact("gracefulStop", format_duration(s.graceful_stop));
  return facts.empty() ? what : fmt::format("{} ({})", what, facts);
}

std::vector<VuNeed> needs_of(const Scenario& scenario, bool most) {
  Needs needs;
  if (scenario.executor == ExecutorKind::ramping_vus) {
    add_ramping_needs(scenario, needs);
  } else {
    const Nanoseconds start = scenario.start_time;
    needs.add(start, start + longest_duration(scenario), most ? max_vus(scenario) : planned_vus(scenario));
  }
  return needs.take();
}

std::int64_t peak_vus(const std::vector<Scenario>& scenarios, bool most) {
  std::map<Nanoseconds, std::int64_t> changes;
  for (const Scenario& scenario : scenarios) {
    std::int64_t before = 0;
    for (const VuNeed& need : needs_of(scenario, most)) {
      changes[need.offset] += need.vus - before;
      before = need.vus;
    }
  }
  std::int64_t sum = 0;
  std::int64_t peak = 0;
  for (const auto& [offset, change] : changes) peak = std::max(peak, sum += change);
  return peak;
}

}  // namespace gauntlet::engine::plan
