#include "engine/plan/plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.hpp"

namespace gauntlet::engine::plan {
namespace {

/// Each begins a line of its own.
std::string problems_with(const std::vector<Scenario>& scenarios, const std::vector<std::string>& functions) {
  std::string problems;
  for (const Scenario& scenario : scenarios) {
    if (const auto found = problems_of(scenario); !found.empty()) {
      problems += fmt::format("\n\t- scenario {} has configuration errors: {}", scenario.name, fmt::join(found, ", "));
    }
    if (std::find(functions.begin(), functions.end(), scenario.exec.value) == functions.end()) {
      const std::vector<std::string_view> names(functions.begin(), functions.end());
      problems += fmt::format("\n\t- executor {}: function '{}' not found in exports{}", scenario.name, scenario.exec.value,
                              base::did_you_mean(scenario.exec.value, names));
    }
  }
  return problems;
}

base::Expected<void> narrow(std::vector<Scenario>& scenarios, const PlanChoices& choices) {
  const auto is_chosen = [&](const Scenario& scenario) {
    return choices.scenarios.empty() ||
           std::find(choices.scenarios.begin(), choices.scenarios.end(), scenario.name) != choices.scenarios.end();
  };
  for (const std::string& name : choices.scenarios) {
    if (std::any_of(scenarios.begin(), scenarios.end(), [&](const Scenario& scenario) { return scenario.name == name; })) continue;
    std::vector<std::string> names;
    for (const Scenario& scenario : scenarios) names.push_back(scenario.name);
    return base::fail(base::ErrorKind::invalid_argument,
                      fmt::format("--scenario {}: the script has no such scenario; it has {}", name, fmt::join(names, ", ")));
  }
  std::erase_if(scenarios, [&](const Scenario& scenario) { return !is_chosen(scenario); });
  if (!choices.once) return {};
  for (Scenario& scenario : scenarios) {
    Scenario once;
    once.name = std::move(scenario.name);
    once.executor = ExecutorKind::per_vu_iterations;  // of one virtual user, one iteration, from the beginning
    once.exec = std::move(scenario.exec);
    once.env = std::move(scenario.env);
    once.tags = std::move(scenario.tags);
    scenario = std::move(once);
  }
  return {};
}

}  // namespace

base::Expected<RunPlan> plan_run(const Options& options, const std::vector<std::string>& functions, const MemoryRoom& room,
                                 std::vector<std::string>& warnings, const PlanChoices& choices) {
  const auto refuse = [](std::string message) { return base::fail(base::ErrorKind::invalid_argument, std::move(message)); };
  auto planned = TRY(plan_scenarios(options, choices.strict_k6));
  warnings = std::move(planned.warnings);
  TRY(narrow(planned.scenarios, choices));

  RunPlan plan;
  plan.of_test = std::move(planned.scenarios);
  std::string problems = problems_with(plan.of_test, functions);
  auto stripe = Stripe::parse(options.execution_segment.value, options.execution_segment_sequence.value);
  if (stripe) {
    plan.stripe = std::move(*stripe);
  } else {
    problems += "\n\t- " + stripe.error().message;
  }
  if (problems.empty()) {
    for (const Scenario& scenario : plan.of_test) {
      if (const auto problem = size_problem_of(scenario, plan.stripe, room); !problem.empty())
        problems += fmt::format("\n\t- scenario {}: {}", scenario.name, problem);
    }
  }
  if (!problems.empty()) return refuse("There were problems with the specified script configuration:" + problems);

  plan.scenarios = plan.of_test;
  std::erase_if(plan.scenarios, [&](Scenario& scenario) { return !take_share(scenario, plan.stripe); });
  std::stable_sort(plan.scenarios.begin(), plan.scenarios.end(),
                   [](const Scenario& a, const Scenario& b) { return a.start_time.value < b.start_time.value; });
  plan.planned_vus = peak_vus(plan.scenarios, false);
  plan.most_vus = peak_vus(plan.scenarios, true);
  if (const auto problem = memory_problem(plan.most_vus, room); !problem.empty()) {
    return refuse(fmt::format("the scenarios together have too many virtual users at a time: {}", problem));
  }
  for (const Scenario& scenario : plan.scenarios) {
    const auto needs = needs_of(scenario, true);
    plan.longest = std::max(plan.longest, needs.empty() ? scenario.start_time.value + regular_duration(scenario) : needs.back().offset);
  }
  return plan;
}

}  // namespace gauntlet::engine::plan
