#pragma once
// The one table that the demo ends with.
#include <chrono>
#include <string>
#include <vector>

#include "lab/trial/scenario_run.hpp"

namespace gauntlet::lab {

class DemoTable {
 public:
  void add_api(const std::string& name, const ScenarioResult& result, std::chrono::seconds duration);
  void add_events(const std::string& name, const ScenarioResult& result, std::chrono::seconds duration);
  /// Two rows; latency from the intended start and CPU are those of both together and stand in the first.
  void add_combined(const std::string& name, const ScenarioResult& result, std::chrono::seconds duration);

  std::string text() const;

 private:
  struct Row {
    std::string name, target, achieved;
    std::string service[3], intended[3];
    std::string errors, generator, services, database;
  };
  static Row api_row(const std::string& name, const ScenarioResult& result, std::chrono::seconds duration);
  static Row events_row(const std::string& name, const ScenarioResult& result, std::chrono::seconds duration);
  static void add_shared(Row& row, const ScenarioResult& result);

  std::vector<Row> rows_;
};

}  // namespace gauntlet::lab
