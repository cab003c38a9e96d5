#include "lab/demo/demo.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <tuple>

#include "lab/atomic_file.hpp"
#include "lab/demo/demo_table.hpp"
#include "lab/demo/level_choice.hpp"
#include "lab/fixtures/project_fixtures.hpp"
#include "lab/process/child_process.hpp"
#include "lab/trial/scenario_run.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using base::ErrorKind;

// Long enough that a tick of the CPU clock (10 ms) does not matter, short enough to go unnoticed.
constexpr auto kTrial = 3s;
// Two trials a scenario: the second tells what one more iteration costs beyond what the first one costs.
constexpr LoadLevel kApiTrials[] = {{50, 0}, {300, 0}};
constexpr LoadLevel kEventTrials[] = {{0, 200}, {0, 2000}};
// A run that did not hold its level is repeated one level lower, so often at most.
constexpr int kStepsDown = 2;

class Demo {
 public:
  Demo(Stack& stack, const DemoOptions& options, Interruption& interruption, const Tell& tell)
      : stack_(stack),
        options_(options),
        system_(own_stack(stack, options.programs)),
        interruption_(interruption),
        tell_(tell),
        test_(stack.project() / "test") {
    system_.loaded_with = options.loaded_with;
  }

  base::Expected<void> run() {
    if (auto made = ensure_project_fixtures(stack_.project(), tell_); !made) return made;
    tell_("starting the stack");
    if (auto up = stack_.up({.auto_ports = true, .limits = false, .only = {}, .overrides = {}, .programs = options_.programs}, tell_); !up)
      return up;
    if (auto done = measure_api(); !done) return done;
    if (auto done = measure_events(); !done) return done;
    if (auto done = measure_combined(); !done) return done;
    return conclude();
  }

 private:
  base::Expected<void> measure_api() {
    auto cost = TRY(cost_of_one(1, kApiTrials));
    cost_.request_cpu_s = cost;
    auto result = TRY(measure_held(1, kApiLevels, level_that_fits(kApiLevels, cost_, cores_)));
    table_.add_api("1 API", result, options_.duration);
    return {};
  }

  base::Expected<void> measure_events() {
    auto cost = TRY(cost_of_one(2, kEventTrials));
    cost_.event_cpu_s = cost;
    auto result = TRY(measure_held(2, kEventLevels, level_that_fits(kEventLevels, cost_, cores_)));
    table_.add_events("2 events", result, options_.duration);
    return {};
  }

  base::Expected<void> measure_combined() {
    // Both costs are known by now.
    auto result = TRY(measure_held(3, kCombinedLevels, level_that_fits(kCombinedLevels, cost_, cores_)));
    table_.add_combined("3 combined", result, options_.duration);
    return {};
  }

  /// CPU seconds of one more iteration; notes how much of the machine is there for us now.
  base::Expected<double> cost_of_one(int scenario, const LoadLevel (&levels)[2]) {
    auto few = TRY(measure(scenario, "trial", levels[0], kTrial));
    auto many = TRY(measure(scenario, "trial", levels[1], kTrial));
    cores_ = cores_available(many.cpu.total_s(), many.idle_cpu_s, many.wall_s, static_cast<double>(::sysconf(_SC_NPROCESSORS_ONLN)));
    return cost_of_one_more(few.summary.iterations, few.cpu.total_s(), many.summary.iterations, many.cpu.total_s());
  }

  template <std::size_t N>
  base::Expected<ScenarioResult> measure_held(int scenario, const std::array<LoadLevel, N>& levels, LoadLevel level) {
    for (int step = 0;; ++step) {
      auto result = measure(scenario, "demo", level, options_.duration);
      if (!result || result->held(options_.duration) || step == kStepsDown) return result;
      const LoadLevel below = level_below(levels, level);
      if (below.requests_per_s == level.requests_per_s && below.events_per_s == level.events_per_s) return result;
      tell_("  this machine does not hold that level now; one lower");
      level = below;
    }
  }

  base::Expected<ScenarioResult> measure(int scenario, const char* name, const LoadLevel& level, std::chrono::seconds duration) {
    if (interruption_.has_come()) return base::fail(ErrorKind::cancelled, "interrupted");
    std::ignore = TRY(system_.reset());
    static constexpr const char* kScripts[] = {"scenario1_api_load.js", "scenario2_event_load.js", "scenario3_combined.js"};
    const ScenarioRun run{.script = test_ / "k6" / kScripts[scenario - 1],
                          .result = test_ / "results" / fmt::format("scenario{}", scenario) / fmt::format("{}.json", name),
                          .level = level,
                          .duration = duration,
                          .variables = {}};
    std::string what;
    if (level.requests_per_s > 0) what += fmt::format(" {} RPS", level.requests_per_s);
    if (level.events_per_s > 0) what += fmt::format(" {} EPS", level.events_per_s);
    tell_(fmt::format("scenario {}: {} s at{}", scenario, duration.count(), what));
    if (duration == kTrial) return run_scenario(system_, run, interruption_);
    auto watch = TRY(start_watch(run));
    auto result = run_scenario(system_, run, interruption_);
    watch.finish(0ms);
    return result;
  }

  /// What monitors see of a run lies beside its result, for `gauntlet explain`.
  base::Expected<ChildProcess> start_watch(const ScenarioRun& run) {
    auto target = TRY(system_.find_target());
    const fs::path folder = fs::path(run.result).replace_extension(".monitor");
    std::error_code error;
    fs::create_directories(folder, error);
    const auto most = std::to_string(run.duration.count() + 120);  // bounded, so that it ends even if this process is killed
    return ChildProcess::start({.command = system_.watching({"watch", "--quiet", "--out", folder.string(), "--duration", most}),
                                .environment = script_environment(system_, target, run.level, run.duration),
                                .directory = system_.project,
                                .log = folder / "gauntlet.log",
                                .account = std::nullopt,
                                .cgroup_procs = {}});
  }

  base::Expected<void> conclude() {
    std::error_code error;
    for (const char* trial : {"scenario1/trial.json", "scenario1/trial.log", "scenario2/trial.json", "scenario2/trial.log"})
      fs::remove(test_ / "results" / trial, error);
    const std::string table = table_.text();
    tell_("\n" + table);
    if (auto written = write_file_atomically(test_ / "results" / "demo.txt", table); !written) return written;
    tell_("this table          test/results/demo.txt");
    tell_("figures and output  test/results/scenario{1,2,3}/demo.{json,log}");
    tell_("what limits it      gauntlet explain test/results/scenario1/demo.json");
    tell_("logs of the stack   " + (stack_.directory().root() / "logs").string());
    return {};
  }

  Stack& stack_;
  const DemoOptions& options_;
  SystemUnderTest system_;
  Interruption& interruption_;
  const Tell& tell_;
  const fs::path test_;
  double cores_ = 1;  // that are there for us
  UnitCost cost_;
  DemoTable table_;
};

}  // namespace

base::Expected<void> run_demo(Stack& stack, const DemoOptions& options, Interruption& interruption, const Tell& tell) {
  const bool was_up = stack.is_supervised();
  auto done = Demo(stack, options, interruption, tell).run();
  if (done && interruption.has_come()) done = base::fail(ErrorKind::cancelled, "interrupted");
  if ((done && !options.down_afterwards) || (!done && was_up)) return done;
  if (auto ended = stack.down(); !ended) return done ? ended : done;
  tell("the stack is down");
  return done;
}

}  // namespace gauntlet::lab
