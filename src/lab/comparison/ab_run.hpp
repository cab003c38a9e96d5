#pragma once
// `gauntlet ab --change NAME=VALUE SCRIPT`: the same load on a system with and without one change, in turn.
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "engine/results/comparison.hpp"
#include "lab/stack/stack.hpp"
#include "lab/target/system_under_test.hpp"
#include "lab/trial/interruption.hpp"

namespace gauntlet::lab {

/// What is different between the runs. After either side the system is ready for load.
struct AbChange {
  std::string title;                                      // "DB_MAX_OPEN_CONNS=50"
  std::function<base::Expected<void>(bool changed)> set;  // with it, or as it was
};
/// A setting of both services over .env: they are restarted for each run. The stack must outlive it.
AbChange changed_setting(Stack& stack, const std::filesystem::path& programs, const std::string& name, const std::string& value);
/// Two commands for sh in the project's folder, where the system is not ours to restart.
AbChange changed_by_commands(const std::filesystem::path& project, const std::string& before, const std::string& after);

struct AbOptions {
  std::filesystem::path script;
  std::map<std::string, std::string> variables;  // for the script
  std::chrono::seconds length{15};               // of each run
  int pairs = 4;
};

struct AbReport {
  std::string change, script;
  std::vector<engine::results::ComparedFigure> measures;  // p95 and mean latency, throughput, CPU per request of services, of the database
};

/// Runs before, after, after, before, ...: what drifts hits both alike. In the end the change is taken back, also after
/// a failure. Writes ab/CHANGE.json into the system's results. permission_denied when all runs together are longer than
/// the target's profile allows.
base::Expected<AbReport> run_ab(const SystemUnderTest& system, const AbChange& change, const AbOptions& options, Interruption& interruption,
                                const Tell& tell);

std::string to_json(const AbReport& report);
std::string to_text(const AbReport& report);

}  // namespace gauntlet::lab
