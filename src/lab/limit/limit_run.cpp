#include "lab/limit/limit_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>
#include <tuple>

#include "base/json_document.hpp"
#include "base/whole_file.hpp"
#include "lab/atomic_file.hpp"
#include "lab/monitor/host_monitor.hpp"
#include "lab/process/child_process.hpp"
#include "lab/process/launch.hpp"
#include "lab/trial/scenario_run.hpp"
#include "lab/trial/wait_until_idle.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;
using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

constexpr seconds kLongestPause{20};
constexpr int kMostConfirmations = 3;
constexpr double kSure = 0.5;  // a confirming run must more likely hold than not

class LimitRun {
 public:
  LimitRun(const SystemUnderTest& system, const LimitOptions& options, const fs::path& folder, Interruption& interruption, const Tell& tell)
      : system_(system),
        options_(options),
        folder_(folder),
        interruption_(interruption),
        tell_(tell),
        search_(options.lowest, options.highest),
        ends_(Clock::now() + options.budget) {
    report_.script = options.script.filename().string();
    report_.variable = options.variable;
    report_.lowest = options.lowest;
    report_.highest = options.highest;
  }

  base::Expected<LimitReport> run() {
    while (!search_.is_settled() && Clock::now() < ends_) {
      const double level = search_.next_level();
      auto tried = TRY(attempt(level, options_.window, false));
      if (report_.refused) return finish();
      search_.observe(level, tried.probability);
    }
    report_.settled = search_.is_settled();
    TRY(confirm());
    return finish();
  }

 private:
  /// Runs at the interval's lower end for twice the window: what is promised must hold. When it does not, that is one
  /// more trial, and the next promise is lower.
  base::Expected<void> confirm() {
    for (int i = 0; i < kMostConfirmations && !report_.refused; ++i) {
      const double level = std::clamp(std::floor(search_.estimate().lower), options_.lowest, options_.highest);
      auto tried = TRY(attempt(level, options_.window * 2, true));
      if (report_.refused) return {};
      search_.observe(level, tried.probability);
      if (tried.probability > kSure) {
        report_.confirmed = level;
        return {};
      }
    }
    return {};
  }

  base::Expected<TriedLevel> attempt(double level, seconds window, bool confirming) {
    if (options_.reset) std::ignore = TRY(system_.reset());
    std::ignore = TRY(wait_until_idle(system_, kLongestPause, interruption_));
    ScenarioRun run{.script = options_.script,
                    .result = folder_ / fmt::format("trial_{:.0f}.json", level),
                    .level = {},
                    .duration = window,
                    .variables = options_.variables};
    run.variables[options_.variable] = fmt::format("{:.0f}", level);
    std::vector<ChildProcess> sides;
    if (confirming) TRY(start_sides(level, window, sides));
    const double idle_before = idle_cpu_s();
    auto ran = TRY(run_scenario(system_, run, interruption_));
    const double idle_s = idle_cpu_s() - idle_before;
    for (auto& side : sides) side.finish(std::chrono::milliseconds(0));
    auto trial = trial_of(ran.result);
    if (!trial) return tl::unexpected(std::move(trial.error()).in(run.result.string()));
    trial->level = level;
    trial->generator_cores = ran.cpu.generator_s / ran.wall_s;
    trial->machine_idle_cores = idle_s / ran.wall_s;
    const double probability = probability_of_holding(*trial);
    tell_(fmt::format("{}={:.0f}: {} ({:.0f} % sure), {:.0f}/s{}", options_.variable, level, probability > 0.5 ? "holds" : "fails",
                      std::max(probability, 1 - probability) * 100, trial->throughput_per_s, confirming ? ", confirming run" : ""));
    // At a level that failed it matters who failed.
    if (const auto verdict = generator_verdict(*trial); probability < kSure && !verdict.kept_up())
      report_.refused = fmt::format("at {}={:.0f} {}", options_.variable, level, verdict.words);
    return report_.tried.emplace_back(TriedLevel{std::move(*trial), probability});
  }

  /// Evidence at the limit: monitors, and profiles of both services.
  base::Expected<void> start_sides(double level, seconds window, std::vector<ChildProcess>& sides) {
    auto target = TRY(system_.find_target());
    const fs::path monitor = folder_ / fmt::format("{:.0f}.monitor", level);
    std::error_code error;
    fs::create_directories(monitor, error);
    std::vector<std::vector<std::string>> works{
        {"watch", "--quiet", "--out", monitor.string(), "--duration", std::to_string(window.count() + 120)}};
    if (!target.pprof.empty())
      works.push_back({"profile", "--out", folder_.string(), "--level", fmt::format("{:.0f}", level), "--seconds",
                       std::to_string(std::max<long>(1, std::min<long>(30, window.count() / 2)))});
    for (const auto& words : works) {
      auto side = TRY(ChildProcess::start({.command = system_.watching(words),
                                           .environment = script_environment(system_, target, {}, window),
                                           .directory = system_.project,
                                           .log = monitor / "gauntlet.log",
                                           .account = std::nullopt,
                                           .cgroup_procs = {}}));
      sides.push_back(std::move(side));
    }
    return {};
  }

  base::Expected<LimitReport> finish() {
    report_.estimate = search_.estimate();
    std::vector<ScalabilityPoint> points;
    for (const auto& tried : report_.tried) points.push_back({tried.trial.concurrency(), tried.trial.throughput_per_s});
    report_.fit = fit_scalability(points);
    TRY(write_file_atomically(folder_ / "limit.json", to_json(report_)));
    return report_;
  }

  const SystemUnderTest& system_;
  const LimitOptions& options_;
  const fs::path folder_;
  Interruption& interruption_;
  const Tell& tell_;
  LimitSearch search_;
  LimitReport report_;
  Clock::time_point ends_;
};

/// An error when no file of the script mentions the variable: every level would be the same load. K6_... are the engine's own.
base::Expected<void> require_mention(const SystemUnderTest& system, const LimitOptions& options) {
  if (options.variable.starts_with("K6_")) return {};
  const auto said = run_to_end({system.gauntlet.front(), "deps", "--json", options.script.string()}, std::nullopt, system.project);
  const auto found = nlohmann::json::parse(said.value_or(""), nullptr, false);
  if (!found.is_object()) return {};  // It does not load by itself; the first trial says why.
  constexpr std::string_view kFile = "file://";
  for (const auto& import : found.at("imports")) {
    const auto& name = import.get_ref<const std::string&>();
    if (!name.starts_with(kFile)) continue;
    const auto text = base::read_file(name.substr(kFile.size()));
    if (!text || text->find(options.variable) != std::string::npos) return {};
  }
  return base::fail(ErrorKind::invalid_argument,
                    fmt::format("--over {}: neither {} nor what it imports mentions this variable, so every level would be the same",
                                options.variable, options.script.filename().string()));
}

}  // namespace

base::Expected<LimitReport> find_limit(const SystemUnderTest& system, const LimitOptions& options, const fs::path& folder,
                                       Interruption& interruption, const Tell& tell) {
  TRY(system.permit_length(options.budget + kMostConfirmations * 2 * options.window));
  std::error_code error;
  if (!fs::exists(options.script, error)) return base::fail(ErrorKind::not_found, options.script.string() + ": no such script");
  TRY(require_mention(system, options));
  fs::remove_all(folder, error);
  fs::create_directories(folder, error);
  return LimitRun(system, options, folder, interruption, tell).run();
}

std::string to_json(const LimitReport& report) {
  using nlohmann::json;
  json tried = json::array();
  for (const auto& t : report.tried)
    tried.push_back({{"level", t.trial.level},
                     {"probability_of_holding", t.probability},
                     {"seconds", t.trial.seconds},
                     {"throughput_per_s", t.trial.throughput_per_s},
                     {"mean_service_ms", t.trial.mean_service_s * 1000},
                     {"dropped_per_s", t.trial.dropped_per_s},
                     {"generator_cores", t.trial.generator_cores},
                     {"machine_idle_cores", t.trial.machine_idle_cores}});
  json out{{"script", report.script},
           {"variable", report.variable},
           {"range", {report.lowest, report.highest}},
           {"refused", report.refused.value_or("")},
           {"settled", report.settled},
           {"trials", tried}};
  if (!report.refused) {
    out["interval"] = {report.estimate.lower, report.estimate.upper};
    out["median"] = report.estimate.median;
    out["above_range"] = report.estimate.above_range;
    out["below_range"] = report.estimate.below_range;
    out["confirmed"] = report.confirmed ? json(*report.confirmed) : json(nullptr);
  }
  if (report.fit) {
    out["scalability"] = {{"a_s", report.fit->a},
                          {"b_s", report.fit->b},
                          {"c_s", report.fit->c},
                          {"residuals", report.fit->residuals},
                          {"worst_residual", report.fit->worst_residual},
                          {"concurrency", {report.fit->least_concurrency, report.fit->most_concurrency}}};
    if (const auto peak = report.fit->peak()) out["scalability"]["peak_throughput_per_s"] = peak->throughput;
  }
  return base::json_text(out, 2) + "\n";
}

std::string to_text(const LimitReport& report) {
  std::string out;
  if (report.refused) {
    out = fmt::format(
        "No answer: the generator was the limit, not the system: {}.\nGive it more CPU (another machine, fewer other "
        "programs), or more virtual users.\n",
        *report.refused);
  } else if (report.estimate.below_range) {
    out = fmt::format("{} does not hold even {}={:.0f}; search lower.\n", report.script, report.variable, report.lowest);
  } else if (report.estimate.above_range) {
    out = fmt::format("{} holds all of the range: the limit lies at or above {}={:.0f}; search higher.\n", report.script, report.variable,
                      report.highest);
  } else {
    out = fmt::format("{} holds {}={:.0f}; 95 % interval {:.0f} to {:.0f}.\n", report.script, report.variable, report.estimate.median,
                      report.estimate.lower, report.estimate.upper);
    if (!report.settled) out += "The time ran out before the interval was narrow; --budget gives it more.\n";
  }
  if (!report.refused)
    out += report.confirmed ? fmt::format("Confirmed by a run of twice the length at {:.0f}.\n", *report.confirmed)
                            : std::string("Not confirmed: the runs at the interval's lower end did not hold.\n");
  out +=
      fmt::format("\n{:>8}  {:>7}  {:>12}  {:>12}  {:>10}  {:>9}\n", "level", "holds", "throughput/s", "service ms", "generator", "idle");
  for (const auto& t : report.tried)
    out += fmt::format("{:>8.0f}  {:>6.0f}%  {:>12.1f}  {:>12.2f}  {:>10.2f}  {:>9.2f}\n", t.trial.level, t.probability * 100,
                       t.trial.throughput_per_s, t.trial.mean_service_s * 1000, t.trial.generator_cores, t.trial.machine_idle_cores);
  if (report.fit) {
    const auto& fit = *report.fit;
    out += fmt::format(
        "\nUniversal Scalability Law: throughput(N) = N / ({:.3g} + {:.3g} N + {:.3g} N^2) for N requests in the "
        "system,\nmeasured from N = {:.2f} to {:.2f}; residuals up to {:.1f} %",
        fit.a, fit.b, fit.c, fit.least_concurrency, fit.most_concurrency, fit.worst_residual * 100);
    if (const auto peak = fit.peak(); peak && std::isfinite(peak->concurrency))
      out += fmt::format("; its peak is {:.0f}/s at N = {:.1f}", peak->throughput, peak->concurrency);
    else if (peak) out += fmt::format("; it levels off at {:.0f}/s", peak->throughput);
    out += fit.worst_residual > 0.2 ? ".\nThe residuals are large: do not trust it.\n" : ".\n";
  }
  return out;
}

}  // namespace gauntlet::lab
