#pragma once
// Everything the live page has been told, so that a late visitor sees the run from its start and the report has it all.
// Bounded: as many rows as metrics::Series keeps, coarser for longer tests.
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "engine/dashboard/system_view.hpp"
#include "engine/metrics/series.hpp"
#include "engine/metrics/snapshot.hpp"

namespace gauntlet::engine::dashboard {

/// Written by the control thread, read by any.
class History {
 public:
  explicit History(std::string run_json) : run_(std::move(run_json)) {}

  /// What a second brought beside the metrics.
  struct Extra {
    double generator_cores = 0;
    std::uint64_t generator_bytes = 0;
    std::vector<std::pair<std::string, std::uint64_t>> failures;  ///< by outcome, since the start
  };
  /// Adds the snapshot's last window as a row, and the system's sample where there is one. `series` gives coarser rows
  /// when there are too many.
  void add(const metrics::Snapshot& snapshot, const metrics::Series& series, const Extra& extra,
           const SystemSample* system);
  void set_state(std::string json);
  void set_end(std::string json);

  /// Everything: {"run","columns","rows","system","detail","state","end"}.
  std::string document() const;
  /// What came since the last call: {"rows","system","detail","state"}. The control thread's.
  std::string take_update();

 private:
  struct Row {
    double at_s = 0;
    double length_s = 0;
    std::string numbers;  // of the metrics, after at and length, with leading commas
    double generator_cores = 0;
    std::uint64_t generator_bytes = 0;
    std::map<std::string, std::uint64_t> failures;  // in this row
  };
  struct SystemRow {
    double at_s = 0;
    std::vector<double> values;  // by names_; shorter in old rows
  };

  void coarsen(const metrics::Series& series);
  void add_system(double at_s, const SystemSample& sample);
  std::string rows_json(std::size_t from) const;
  std::string system_json(std::size_t from) const;

  mutable std::mutex mutex_;
  const std::string run_;
  std::vector<Row> rows_;
  std::vector<SystemRow> system_rows_;
  std::vector<std::string> names_;                 // of the system's figures
  std::map<std::string, std::uint64_t> failures_;  // since the start
  std::string detail_ = "{}";
  std::string state_ = "null";
  std::string end_ = "null";
  std::size_t told_rows_ = 0;  // by take_update()
  std::size_t told_system_rows_ = 0;
};

}  // namespace gauntlet::engine::dashboard
