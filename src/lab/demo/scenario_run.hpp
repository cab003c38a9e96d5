#pragma once
// One of the guide's scenarios, run once against a stack of ours, with what it cost each part of the machine.
#include <chrono>
#include <filesystem>
#include <map>
#include <string>

#include "base/error.hpp"
#include "lab/demo/interruption.hpp"
#include "lab/demo/load_level.hpp"
#include "lab/demo/run_summary.hpp"
#include "lab/stack/stack.hpp"

namespace gauntlet::lab {

struct ScenarioRun {
  std::filesystem::path script;
  std::filesystem::path result;  // summary file, *.json; the engine's terminal output goes beside it, *.log
  LoadLevel level;
  std::chrono::seconds duration{20};
  std::map<std::string, std::string> variables;  // further ones for the script, over those of script_environment()
};

/// What a script gets to see: this stack's addresses, TARGET_RPS and TARGET_EPS of the level, DURATION, and little
/// else.
std::map<std::string, std::string> script_environment(const StackPlan& plan, const LoadLevel& level,
                                                      std::chrono::seconds duration);

/// CPU seconds that each part used during a run.
struct CpuUse {
  double generator_s = 0;
  double services_s = 0;  // challenge-service and challenge-event-handler
  double database_s = 0;  // PostgreSQL with all its backends, finished ones included

  double total_s() const { return generator_s + services_s + database_s; }
};

struct ScenarioResult {
  LoadLevel level;
  RunSummary summary;
  CpuUse cpu;
  double wall_s = 0;
  double idle_cpu_s = 0;  // that nobody on this machine used meanwhile, all cores together
  bool thresholds_held = false;

  double requests_per_s(std::chrono::seconds duration) const;  // iterations of the API side
  double events_per_s(std::chrono::seconds duration) const;
  /// The thresholds held and the load was really applied.
  bool held(std::chrono::seconds duration) const;
};

/// Runs the engine of `programs` in a process of its own. cancelled when interrupted (the engine is ended first);
/// internal when it fails, with the end of its output.
base::Expected<ScenarioResult> run_scenario(const Stack& stack, const std::filesystem::path& programs,
                                            const ScenarioRun& run, Interruption& interruption);

}  // namespace gauntlet::lab
