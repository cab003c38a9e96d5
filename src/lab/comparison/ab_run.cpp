#include "lab/comparison/ab_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/whole_file.hpp"
#include "lab/atomic_file.hpp"
#include "lab/campaign/rest.hpp"
#include "lab/demo/scenario_run.hpp"
#include "lab/fixtures/stack_reset.hpp"
#include "lab/limit/trial.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kLongestPause{20};

struct Side {
  std::vector<double> p95_ms, mean_ms, throughput, services_cpu_ms, database_cpu_ms;
};

class AbRun {
 public:
  AbRun(Stack& stack, const AbOptions& options, Interruption& interruption, const Tell& tell)
      : stack_(stack),
        options_(options),
        interruption_(interruption),
        tell_(tell),
        folder_(stack.project() / "test/results/ab") {}

  base::Expected<AbReport> run() {
    std::error_code error;
    fs::create_directories(folder_, error);
    for (int pair = 0; pair < options_.pairs; ++pair)
      for (const bool changed : pair % 2 == 0 ? std::array{false, true} : std::array{true, false})
        if (auto done = measure(pair, changed); !done) return tl::unexpected(done.error());
    AbReport report;
    report.change = options_.name + "=" + options_.value;
    report.script = options_.script.filename().string();
    auto add = [&](const char* name, bool smaller_is_better, std::vector<double> Side::*values) {
      report.measures.push_back({name, smaller_is_better, paired_difference(before_.*values, after_.*values)});
    };
    add("p95 latency, ms", true, &Side::p95_ms);
    add("mean latency, ms", true, &Side::mean_ms);
    add("throughput, /s", false, &Side::throughput);
    add("services' CPU per call, ms", true, &Side::services_cpu_ms);
    add("database's CPU per call, ms", true, &Side::database_cpu_ms);
    std::string file = report.change;
    std::replace_if(
        file.begin(), file.end(),
        [](unsigned char c) { return std::isalnum(c) == 0 && c != '=' && c != '_' && c != '-' && c != '.'; }, '_');
    if (auto written = write_file_atomically(folder_ / (file + ".json"), to_json(report)); !written)
      return tl::unexpected(written.error());
    return report;
  }

  base::Expected<void> restore() { return restart(false); }

 private:
  base::Expected<void> restart(bool changed) {
    UpOptions up;
    up.programs = options_.programs;
    // The stack keeps the ports that it has.
    up.auto_ports = true;
    if (changed) up.overrides[options_.name] = options_.value;
    return stack_.restart({}, up, [](const std::string&) {});
  }

  base::Expected<void> measure(int pair, bool changed) {
    if (auto restarted = restart(changed); !restarted) return restarted;
    if (auto reset = reset_stack(stack_, SeedOptions{}); !reset) return tl::unexpected(reset.error());
    if (auto rested = wait_until_at_rest(stack_, kLongestPause, interruption_); !rested)
      return tl::unexpected(rested.error());
    const ScenarioRun run{.script = options_.script,
                          .result = folder_ / "run" / fmt::format("{}_{}.json", pair, changed ? "after" : "before"),
                          .level = {},
                          .duration = options_.length,
                          .variables = options_.variables};
    auto ran = run_scenario(stack_, options_.programs, run, interruption_);
    if (!ran) return tl::unexpected(ran.error());
    const double calls = std::max(1.0, ran->summary.requests + ran->summary.calls);
    auto text = base::read_file(run.result);
    if (!text) return tl::unexpected(text.error());
    auto trial = read_trial(*text);
    if (!trial) return tl::unexpected(std::move(trial.error()).in(run.result.string()));
    const auto& latency = ran->summary.request_time ? ran->summary.request_time : ran->summary.call_time;
    Side& side = changed ? after_ : before_;
    side.p95_ms.push_back(latency ? latency->p95_ms : 0);
    side.mean_ms.push_back(trial->mean_service_s * 1000);
    side.throughput.push_back(trial->throughput_per_s);
    side.services_cpu_ms.push_back(ran->cpu.services_s / calls * 1000);
    side.database_cpu_ms.push_back(ran->cpu.database_s / calls * 1000);
    tell_(fmt::format("pair {} of {}, {}: p95 {:.2f} ms, {:.0f}/s", pair + 1, options_.pairs,
                      changed ? options_.name + "=" + options_.value : "as it is", side.p95_ms.back(),
                      side.throughput.back()));
    return {};
  }

  Stack& stack_;
  const AbOptions& options_;
  Interruption& interruption_;
  const Tell& tell_;
  const fs::path folder_;
  Side before_, after_;
};

}  // namespace

base::Expected<AbReport> run_ab(Stack& stack, const AbOptions& options, Interruption& interruption, const Tell& tell) {
  AbRun ab(stack, options, interruption, tell);
  auto report = ab.run();
  if (auto restored = ab.restore(); !restored && report)
    return tl::unexpected(std::move(restored.error()).in("the services could not be restarted as they were"));
  return report;
}

std::string to_json(const AbReport& report) {
  using nlohmann::json;
  json measures = json::array();
  for (const auto& m : report.measures)
    measures.push_back({{"name", m.name},
                        {"before", m.difference.before},
                        {"after", m.difference.after},
                        {"difference", m.difference.difference},
                        {"lower", m.difference.lower},
                        {"upper", std::isfinite(m.difference.upper) ? json(m.difference.upper) : json(nullptr)},
                        {"judgement", judgement(m.difference, m.smaller_is_better)}});
  return json{{"change", report.change}, {"script", report.script}, {"measures", measures}}.dump(2) + "\n";
}

std::string to_text(const AbReport& report) {
  std::string out = fmt::format("{} on {}\n\n{:<28} {:>10} {:>10} {:>10}  {:<20} {}\n", report.change, report.script,
                                "", "before", "after", "change", "95 % interval", "judgement");
  for (const auto& m : report.measures)
    out += fmt::format("{:<28} {:>10.4g} {:>10.4g} {:>+9.1f}%  {:<20} {}\n", m.name, m.difference.before,
                       m.difference.after, m.difference.difference * 100,
                       fmt::format("{:+.1f} to {:+.1f} %", m.difference.lower * 100, m.difference.upper * 100),
                       judgement(m.difference, m.smaller_is_better));
  return out;
}

}  // namespace gauntlet::lab
