#pragma once
// What a run shows before and while it runs: banner, header, progress of its scenarios. Pure functions: the run gives
// the state and prints the text.
//
// On a terminal the progress is drawn over itself ten times a second:
//   out << redrawn(render_progress(state, {.bars = true, .color = true, .columns = 120}));
// and every log line is printed before the next drawing. Elsewhere a block is printed once a second.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/results/progress.hpp"

namespace gauntlet::engine::sinks {

std::string render_banner(bool color);

struct RunHeader {
  std::string execution = "local";
  std::string script;
  std::string dashboard_url;         ///< empty: the live page is not served
  std::vector<std::string> outputs;  ///< descriptions: "json (points.ndjson)"; none is shown as "-"
  double segment_share = 1;          ///< of the test that this process runs
  std::int64_t max_vus = 0;
  std::string max_duration;  ///< Go's notation: "10m30s"
  /// Name and k6's words for what it does ("2 looping VUs for 2s (gracefulStop: 30s)"), by start time, then name.
  std::vector<std::pair<std::string, std::string>> scenarios;
};
/// The block `execution / script / output`, and the line for each scenario; ends with a blank line.
std::string render_header(const RunHeader& header, bool color);

struct ProgressStyle {
  bool bars = false;  ///< drawn bars instead of percentages; for terminals
  bool color = false;
  std::size_t columns = 80;  ///< width of the terminal; 0: unknown
  bool rates = false;        ///< a last column with the iterations a second that are done, which k6 has not
};
/// A blank line, then one line for the run and one per scenario.
std::string render_progress(const results::RunProgress& progress, const ProgressStyle& style);

/// `block` so that the next one printed overwrites it.
std::string redrawn(const std::string& block);
/// `text` (a summary, a log line) printed over a drawn progress: clears what remains of each line.
std::string over_progress(const std::string& text);

/// The last lines of a run: where its files are. Empty without files.
std::string render_output_files(const std::vector<std::pair<std::string, std::string>>& kinds_and_paths, bool color);

/// `elapsed` with as many digits as `max` needs: "00.2s" of 20 s, "0m00.6s" of 1m30s, "00m05.0s" of 10 m.
std::string fixed_length_duration(std::chrono::nanoseconds elapsed, std::chrono::nanoseconds max);

}  // namespace gauntlet::engine::sinks
