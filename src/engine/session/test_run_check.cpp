#include "engine/session/test_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/plan/exported_options.hpp"
#include "engine/plan/load_curve.hpp"
#include "engine/results/json_writer.hpp"
#include "engine/results/number_text.hpp"
#include "engine/session/idle_thresholds.hpp"
#include "engine/sinks/terminal/paint.hpp"

namespace gauntlet::engine::session {
namespace {

constexpr std::size_t kCurveWidth = 60;
constexpr std::string_view kFileUrl = "file://";

struct Findings {
  std::vector<std::string> imports;  // modules and scripts
  std::vector<std::string> files;    // opened
  std::vector<std::string> warnings;
  std::string error;
};

/// Below the working directory by its name there.
std::string shown_path(std::string url) {
  if (!url.starts_with(kFileUrl)) return url;
  url.erase(0, kFileUrl.size());
  const std::string here = std::filesystem::current_path().string() + "/";
  return url.starts_with(here) ? url.substr(here.size()) : url;
}

/// Names and values of the options that somebody gave; what has a part of its own in the report is left out.
std::vector<std::pair<std::string, std::string>> given_options(const plan::Options& options) {
  std::vector<std::pair<std::string, std::string>> given;
  const auto all = nlohmann::ordered_json::parse(plan::exported_json(options));
  for (const auto& [name, value] : all.items()) {
    if (value.is_null() || name == "scenarios" || name == "thresholds" || (name == "dns" && !options.dns.given)) continue;
    given.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
  }
  return given;
}

std::string unit_of(const plan::LoadCurve& curve) { return curve.is_rate ? "iterations/s" : "VUs"; }

std::string text_of(const plan::Options& options, const plan::RunPlan& plan, const Findings& found, const sinks::Paint& paint) {
  std::string text;
  const auto heading = [&](std::string_view title) { text += fmt::format("\n  {}\n", paint.bold(title)); };
  const auto list = [&](std::string_view title, const std::vector<std::string>& lines) {
    if (lines.empty()) return;
    heading(title);
    for (const std::string& line : lines) text += fmt::format("    {}\n", line);
  };
  if (!plan.scenarios.empty()) {
    const plan::Nanoseconds whole = plan::drawn_time(plan.scenarios);
    heading(fmt::format("SCENARIOS: up to {} VUs, over after {} at the latest", plan.most_vus, plan::format_duration(plan.longest)));
    for (const plan::Scenario& scenario : plan.scenarios) {
      text += fmt::format("    {}: {}\n", scenario.name, plan::describe(scenario));
      if (whole.count() <= 0) continue;
      const plan::LoadCurve curve = plan::load_curve(scenario, whole, kCurveWidth);
      text += fmt::format("      {} {} {}\n", paint.cyan(plan::drawn(curve)), results::to_fixed(curve.most, curve.is_rate ? 1 : 0),
                          unit_of(curve));
    }
    if (whole.count() > 0) {
      const std::string end = plan::format_duration(whole);
      text += fmt::format("      {}\n", paint.dim("0s" + std::string(kCurveWidth - 2 - std::min(kCurveWidth - 2, end.size()), ' ') + end));
    }
  }
  std::vector<std::string> thresholds;
  for (const auto& [key, expressions] : options.thresholds.value) {
    for (const plan::ThresholdOption& threshold : expressions)
      thresholds.push_back(fmt::format("{}: {}{}", key, threshold.expression, threshold.abort_on_fail ? " (ends the test)" : ""));
  }
  std::vector<std::string> given;
  for (const auto& [name, value] : given_options(options)) given.push_back(fmt::format("{}: {}", name, value));
  list("OPTIONS", given);
  list("THRESHOLDS", thresholds);
  list("IMPORTS", found.imports);
  list("FILES", found.files);
  heading("FOUND");
  if (!found.error.empty()) text += fmt::format("    {}\n", paint.red("✗ " + found.error));
  for (const std::string& warning : found.warnings) text += fmt::format("    {}\n", paint.yellow("! " + warning));
  if (found.error.empty() && found.warnings.empty()) text += fmt::format("    {}\n", paint.green("✓ nothing that would go wrong"));
  return text + "\n";
}

std::string json_of(const plan::Options& options, const plan::RunPlan& plan, const Findings& found, ExitCode code) {
  results::JsonWriter json(2);
  const auto list = [&](std::string_view name, const std::vector<std::string>& values) {
    json.key(name).begin_array();
    for (const std::string& value : values) json.string(value);
    json.end_array();
  };
  json.begin_object().key("exitCode").integer(static_cast<std::uint64_t>(code));
  json.key("error");
  if (found.error.empty()) json.null();
  else json.string(found.error);
  list("warnings", found.warnings);
  json.key("maxVUs").integer(static_cast<std::uint64_t>(plan.most_vus));
  json.key("totalDuration").string(plan::format_duration(plan.longest));
  json.key("scenarios").begin_array();
  const plan::Nanoseconds whole = plan::drawn_time(plan.scenarios);
  for (const plan::Scenario& scenario : plan.scenarios) {
    json.begin_object().key("name").string(scenario.name).key("executor").string(name_of(scenario.executor));
    json.key("description").string(plan::describe(scenario));
    if (whole.count() > 0) {
      const plan::LoadCurve curve = plan::load_curve(scenario, whole, kCurveWidth);
      json.key("unit").string(unit_of(curve)).key("load").begin_array();
      for (const double value : curve.values) json.number(value);
      json.end_array();
    }
    json.end_object();
  }
  json.end_array();
  json.key("options").raw(to_json(options));
  list("imports", found.imports);
  list("files", found.files);
  return json.end_object().take() + "\n";
}

}  // namespace

ExitCode TestRun::check(bool as_json) {
  is_checked_ = true;
  Findings found;
  const bool loads = look_at_script();
  if (loads && plan() && check_thresholds()) {
    const std::vector<std::string> imports = program_.imports();
    LoadedScript script{.options = test_.options, .scenarios = plan_.of_test, .modules = imports, .text = ""};
    for (const auto& [url, text] : program_.contents())
      if (std::binary_search(imports.begin(), imports.end(), url)) script.text += text + "\n";
    script.text = without_threshold_keys(std::move(script.text), test_.options);
    for (const auto& [key, thresholds] : test_.options.thresholds.value) {
      if (const std::string why = why_idle(key, registry_, script); !why.empty())
        warnings_.push_back(fmt::format("the threshold on {} never has a sample: {}", key, why));
    }
  }
  if (loads) {
    for (const std::string& url : program_.imports()) found.imports.push_back(shown_path(url));
    for (const auto& [url, text] : program_.contents())
      if (const std::string path = shown_path(url); std::find(found.imports.begin(), found.imports.end(), path) == found.imports.end())
        found.files.push_back(path);
  }
  found.warnings = warnings_;
  if (const auto& verdict = judge_.verdict()) found.error = verdict->message;
  const ExitCode code = judge_.verdict() ? judge_.verdict()->code : found.warnings.empty() ? ExitCode::ok : ExitCode::doubtful;
  const std::string report =
      as_json ? json_of(test_.options, plan_, found, code) : text_of(test_.options, plan_, found, sinks::Paint(screen_.color()));
  std::fputs(report.c_str(), stdout);
  return code;
}

}  // namespace gauntlet::engine::session
