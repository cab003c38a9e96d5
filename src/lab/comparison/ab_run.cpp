#include "lab/comparison/ab_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>
#include <tuple>

#include "base/json_document.hpp"
#include "lab/atomic_file.hpp"
#include "lab/comparison/paired_difference.hpp"
#include "lab/process/launch.hpp"
#include "lab/trial/scenario_run.hpp"
#include "lab/trial/trial.hpp"
#include "lab/trial/wait_until_idle.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kLongestPause{20};

struct Side {
  std::vector<double> p95_ms, mean_ms, throughput, services_cpu_ms, database_cpu_ms;
};

class AbRun {
 public:
  AbRun(const SystemUnderTest& system, const AbChange& change, const AbOptions& options, Interruption& interruption, const Tell& tell)
      : system_(system), change_(change), options_(options), interruption_(interruption), tell_(tell), folder_(system.results / "ab") {}

  base::Expected<AbReport> run() {
    std::error_code error;
    fs::create_directories(folder_, error);
    for (int pair = 0; pair < options_.pairs; ++pair)
      for (const bool changed : pair % 2 == 0 ? std::array{false, true} : std::array{true, false}) TRY(measure(pair, changed));
    AbReport report;
    report.change = change_.title;
    report.script = options_.script.filename().string();
    auto add = [&](const char* name, bool more_is_better, std::vector<double> Side::*values) {
      report.measures.push_back({paired_difference(before_.*values, after_.*values, more_is_better), name, ""});
    };
    add("p95 latency, ms", false, &Side::p95_ms);
    add("mean latency, ms", false, &Side::mean_ms);
    add("throughput, /s", true, &Side::throughput);
    add("services' CPU per call, ms", false, &Side::services_cpu_ms);
    add("database's CPU per call, ms", false, &Side::database_cpu_ms);
    std::string file = report.change;
    std::replace_if(
        file.begin(), file.end(), [](unsigned char c) { return std::isalnum(c) == 0 && c != '=' && c != '_' && c != '-' && c != '.'; },
        '_');
    TRY(write_file_atomically(folder_ / (file + ".json"), to_json(report)));
    return report;
  }

 private:
  base::Expected<void> measure(int pair, bool changed) {
    if (auto set = change_.set(changed); !set) return set;
    std::ignore = TRY(system_.reset());
    std::ignore = TRY(wait_until_idle(system_, kLongestPause, interruption_));
    const ScenarioRun run{.script = options_.script,
                          .result = folder_ / "run" / fmt::format("{}_{}.json", pair, changed ? "after" : "before"),
                          .level = {},
                          .duration = options_.length,
                          .variables = options_.variables};
    auto ran = TRY(run_scenario(system_, run, interruption_));
    const double calls = std::max(1.0, ran.summary.requests + ran.summary.calls);
    auto trial = trial_of(ran.result);
    if (!trial) return tl::unexpected(std::move(trial.error()).in(run.result.string()));
    const auto& latency = ran.summary.latency();
    Side& side = changed ? after_ : before_;
    side.p95_ms.push_back(latency ? latency->p95_ms : 0);
    side.mean_ms.push_back(trial->mean_service_s * 1000);
    side.throughput.push_back(trial->throughput_per_s);
    side.services_cpu_ms.push_back(ran.cpu.services_s / calls * 1000);
    side.database_cpu_ms.push_back(ran.cpu.database_s / calls * 1000);
    tell_(fmt::format("pair {} of {}, {}: p95 {:.2f} ms, {:.0f}/s", pair + 1, options_.pairs, changed ? change_.title : "as it is",
                      side.p95_ms.back(), side.throughput.back()));
    return {};
  }

  const SystemUnderTest& system_;
  const AbChange& change_;
  const AbOptions& options_;
  Interruption& interruption_;
  const Tell& tell_;
  const fs::path folder_;
  Side before_, after_;
};

}  // namespace

AbChange changed_setting(Stack& stack, const fs::path& programs, const std::string& name, const std::string& value) {
  return {name + "=" + value, [&stack, programs, name, value](bool changed) {
            UpOptions up;
            up.programs = programs;
            // The stack keeps the ports that it has.
            up.auto_ports = true;
            if (changed) up.overrides[name] = value;
            return stack.restart({}, up, [](const std::string&) {});
          }};
}

AbChange changed_by_commands(const fs::path& project, const std::string& before, const std::string& after) {
  return {after, [project, before, after](bool changed) -> base::Expected<void> {
            auto done = run_to_end({"/bin/sh", "-c", changed ? after : before}, std::nullopt, project);
            if (!done) return tl::unexpected(std::move(done.error()).in(changed ? "--after" : "--before"));
            return {};
          }};
}

base::Expected<AbReport> run_ab(const SystemUnderTest& system, const AbChange& change, const AbOptions& options, Interruption& interruption,
                                const Tell& tell) {
  TRY(system.permit_length(2 * options.pairs * options.length));
  auto report = AbRun(system, change, options, interruption, tell).run();
  if (auto restored = change.set(false); !restored && report)
    return tl::unexpected(std::move(restored.error()).in("the system could not be made as it was"));
  return report;
}

std::string to_json(const AbReport& report) {
  using nlohmann::json;
  json measures = json::array();
  for (const auto& m : report.measures)
    measures.push_back({{"name", m.name},
                        {"before", m.a},
                        {"after", m.b},
                        {"difference", m.change / 100},
                        {"lower", m.low / 100},
                        {"upper", std::isfinite(m.high) ? json(m.high / 100) : json(nullptr)},
                        {"judgement", judgement(m)}});
  return base::json_text(json{{"change", report.change}, {"script", report.script}, {"measures", measures}}, 2) + "\n";
}

std::string to_text(const AbReport& report) {
  std::string out = fmt::format("{} on {}\n\n{:<28} {:>10} {:>10} {:>10}  {:<20} {}\n", report.change, report.script, "", "before", "after",
                                "change", "95 % interval", "judgement");
  for (const auto& m : report.measures)
    out += fmt::format("{:<28} {:>10.4g} {:>10.4g} {:>+9.1f}%  {:<20} {}\n", m.name, m.a, m.b, m.change,
                       fmt::format("{:+.1f} to {:+.1f} %", m.low, m.high), judgement(m));
  return out;
}

}  // namespace gauntlet::lab
