#pragma once
// One of the guide's scenarios, run once against a system, with what it cost each part of it that can be seen.
#include <chrono>
#include <filesystem>
#include <map>
#include <string>

#include "base/error.hpp"
#include "lab/target/system_under_test.hpp"
#include "lab/trial/interruption.hpp"
#include "lab/trial/load_level.hpp"
#include "lab/trial/run_summary.hpp"

namespace gauntlet::lab {

struct ScenarioRun {
  std::filesystem::path script;
  std::filesystem::path result;  // summary file, *.json; the engine's terminal output goes beside it, *.log
  LoadLevel level;
  std::chrono::seconds duration{20};
  std::map<std::string, std::string> variables;  // further ones for the script, over those of script_environment()
};

/// What a script gets to see: the target's addresses, TARGET_RPS and TARGET_EPS of the level, DURATION, and little
/// else. With the project's place, for the programs of ours that get it.
std::map<std::string, std::string> script_environment(const SystemUnderTest& system, const Target& target, const LoadLevel& level,
                                                      std::chrono::seconds duration);

/// CPU seconds that each part used during a run; 0 for what no profile names a process of.
struct CpuUse {
  double generator_s = 0;
  double services_s = 0;  // challenge-service and challenge-event-handler
  double database_s = 0;  // PostgreSQL with all its backends, finished ones included

  double total_s() const { return generator_s + services_s + database_s; }
};

struct ScenarioResult {
  LoadLevel level;
  engine::results::RunResult result;  // all that the engine wrote
  RunSummary summary;                 // its figures
  CpuUse cpu;
  double wall_s = 0;
  double idle_cpu_s = 0;  // that nobody on this machine used meanwhile, all cores together
  bool thresholds_held = false;

  double requests_per_s(std::chrono::seconds duration) const;  // iterations of the API side
  double events_per_s(std::chrono::seconds duration) const;
  /// The thresholds held and the load was really applied.
  bool held(std::chrono::seconds duration) const;
};

/// Runs the engine in a process of its own. cancelled when interrupted (the engine is ended first); internal when it
/// fails or refuses, with the end of its output.
base::Expected<ScenarioResult> run_scenario(const SystemUnderTest& system, const ScenarioRun& run, Interruption& interruption);

}  // namespace gauntlet::lab
