#pragma once
// Everything the live page has been told, so that a late visitor sees the run from its start and the report has it all.
// Bounded: as many rows as metrics::Series keeps, coarser for longer tests; most of them in a file.
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "engine/metrics/row_file.hpp"
#include "engine/metrics/series.hpp"
#include "engine/metrics/snapshot.hpp"
#include "engine/sinks/page/system_view.hpp"

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
  void add(const metrics::Snapshot& snapshot, const metrics::Series& series, const Extra& extra, const SystemSample* system);
  void set_state(std::string json);
  void set_end(std::string json);

  /// Everything: {"run","columns","rows","system","detail","state","end"}.
  std::string document() const;
  /// What came since the last call: {"rows","system","detail","state"}. The control thread's.
  std::string take_update();

 private:
  /// What a row has that is not in the series, for longer rows.
  struct Own {
    double at_s = 0;
    double length_s = 0;
    double generator_cores = 0;
    std::uint64_t generator_bytes = 0;
    std::vector<std::pair<std::string, std::uint64_t>> failures;  // in this row, by outcome
  };

  static std::string row_json(const Own& own, const metrics::SeriesRow& metrics);
  void coarsen(const metrics::Series& series);
  void add_system(double at_s, const SystemSample& sample);
  /// `rows`: JSON arrays with commas between them.
  std::string system_json(const std::string& rows) const;

  mutable std::mutex mutex_;
  const std::string run_;
  std::vector<Own> own_;
  metrics::RowFile rows_;         // as JSON
  metrics::RowFile system_rows_;  // as JSON: at, then by names_; shorter in old rows
  std::string new_rows_;          // since take_update(), with commas between them
  std::string new_system_rows_;
  std::vector<std::string> names_;                 // of the system's figures
  std::map<std::string, std::uint64_t> failures_;  // since the start
  std::string detail_ = "{}";
  std::string state_ = "null";
  std::string end_ = "null";
};

}  // namespace gauntlet::engine::dashboard
