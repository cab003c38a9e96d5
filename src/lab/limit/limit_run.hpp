#pragma once
// `gauntlet limit SCRIPT --over TARGET_RPS=50..5000`: the search on a real system, in short windows.
#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "lab/limit/limit_search.hpp"
#include "lab/limit/scalability.hpp"
#include "lab/stack/stack.hpp"
#include "lab/target/system_under_test.hpp"
#include "lab/trial/interruption.hpp"
#include "lab/trial/trial.hpp"

namespace gauntlet::lab {

struct LimitOptions {
  std::filesystem::path script;
  std::string variable;  // what the script takes its level from: "TARGET_RPS"
  double lowest = 0, highest = 0;
  std::map<std::string, std::string> variables;  // further ones for the script
  std::chrono::seconds window{15};               // of each trial
  std::chrono::seconds budget{840};              // for all of it; the search then answers with the interval that it has
  bool reset = true;                             // SystemUnderTest::reset before each trial
};

struct TriedLevel {
  Trial trial;
  double probability = 0;  // of holding
};

struct LimitReport {
  std::string script, variable;
  double lowest = 0, highest = 0;
  LimitEstimate estimate;
  bool settled = false;  // else the budget ran out first
  std::vector<TriedLevel> tried;
  std::optional<double> confirmed;     // the level of the confirming run, twice as long, that held
  std::optional<std::string> refused;  // why there is no answer: the generator was the limit
  std::optional<ScalabilityFit> fit;
};

/// Files go to `folder`: trial_LEVEL.json for each trial, LEVEL.monitor/ and the profiles of the confirming run,
/// limit.json with the report. Errors as run_scenario; permission_denied when the budget with its confirming runs is more
/// than the target's profile allows; cancelled when interrupted.
base::Expected<LimitReport> find_limit(const SystemUnderTest& system, const LimitOptions& options, const std::filesystem::path& folder,
                                       Interruption& interruption, const Tell& tell);

std::string to_json(const LimitReport& report);
/// The answer, the trials and the fitted law, for a terminal or a Markdown code block.
std::string to_text(const LimitReport& report);

}  // namespace gauntlet::lab
