#pragma once
// `gauntlet ab --change NAME=VALUE SCRIPT`: the same load on the stack with and without one changed setting, in turn.
#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "lab/comparison/paired_difference.hpp"
#include "lab/demo/interruption.hpp"
#include "lab/stack/stack.hpp"

namespace gauntlet::lab {

struct AbOptions {
  std::filesystem::path programs;
  std::filesystem::path script;
  std::string name, value;                       // the changed setting of both services
  std::map<std::string, std::string> variables;  // for the script
  std::chrono::seconds length{15};               // of each run
  int pairs = 4;
};

struct AbMeasure {
  std::string name;
  bool smaller_is_better = true;
  PairedDifference difference;
};

struct AbReport {
  std::string change, script;
  std::vector<AbMeasure> measures;  // p95 and mean latency, throughput, CPU per request of services, of the database
};

/// Runs before, after, after, before, ...: what drifts hits both alike. The services are restarted for each run, and in
/// the end once more as .env has them, also after a failure. Writes test/results/ab/CHANGE.json.
base::Expected<AbReport> run_ab(Stack& stack, const AbOptions& options, Interruption& interruption, const Tell& tell);

std::string to_json(const AbReport& report);
std::string to_text(const AbReport& report);

}  // namespace gauntlet::lab
