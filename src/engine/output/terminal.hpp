#pragma once
// What a run shows before and while it runs: banner, header, progress of its scenarios. Pure functions: the run gives
// the state and prints the text.
//
// On a terminal the progress is drawn over itself ten times a second:
//   out << redrawn(render_progress(state, {.bars = true, .color = true, .columns = 120}));
// and every log line is printed before the next drawing. Elsewhere a block is printed once a second.
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gauntlet::engine::output {

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

struct ScenarioProgress {
  enum class Status : std::uint8_t { waiting, running, stopping, done, interrupted };
  /// Which of the numbers below the line shows.
  enum class Kind : std::uint8_t {
    shared_iterations,
    per_vu_iterations,
    constant_vus,
    ramping_vus,
    constant_arrival_rate,
    ramping_arrival_rate
  };

  std::string name;
  Kind kind = Kind::constant_vus;
  Status status = Status::waiting;
  double fraction = 0;                     ///< done, 0..1
  std::chrono::nanoseconds starts_in{0};   ///< while waiting
  std::chrono::nanoseconds start_time{0};  ///< from the start of the scenarios
  std::chrono::nanoseconds elapsed{0};     ///< since its start
  std::chrono::nanoseconds duration{0};    ///< regular one, or maxDuration
  std::string duration_text;               ///< the same in Go's notation
  std::int64_t vus_active = 0;             ///< ramping_vus and arrival rates
  std::int64_t vus = 0;                    ///< configured; ramping: greatest target; arrival rates: allocated so far
  std::int64_t max_vus = 0;                ///< arrival rates
  std::uint64_t iterations_done = 0;
  std::uint64_t iterations_total = 0;  ///< those of all VUs
  std::uint64_t iterations_per_vu = 0;
  double rate = 0;  ///< iterations per second asked for now
  double max_rate = 0;
};

struct RunProgress {
  enum class Phase : std::uint8_t { init, setup, running, teardown };
  Phase phase = Phase::init;
  std::chrono::nanoseconds elapsed{0};       ///< of the scenarios
  std::chrono::nanoseconds max_duration{0};  ///< of the scenarios with their graceful stops
  std::int64_t vus_active = 0;
  std::int64_t vus_initialized = 0;
  std::int64_t vus_to_initialize = 0;  ///< init
  std::int64_t max_vus = 0;
  std::uint64_t iterations_complete = 0;
  std::uint64_t iterations_interrupted = 0;
  std::vector<ScenarioProgress> scenarios;
};

struct ProgressStyle {
  bool bars = false;  ///< drawn bars instead of percentages; for terminals
  bool color = false;
  std::size_t columns = 80;  ///< width of the terminal; 0: unknown
};
/// A blank line, then one line for the run and one per scenario.
std::string render_progress(const RunProgress& progress, const ProgressStyle& style);

/// `block` so that the next one printed overwrites it.
std::string redrawn(const std::string& block);
/// `text` (a summary, a log line) printed over a drawn progress: clears what remains of each line.
std::string over_progress(const std::string& text);

/// The last lines of a run: where its files are. Empty without files.
std::string render_output_files(const std::vector<std::pair<std::string, std::string>>& kinds_and_paths, bool color);

/// `elapsed` with as many digits as `max` needs: "00.2s" of 20 s, "0m00.6s" of 1m30s, "00m05.0s" of 10 m.
std::string fixed_length_duration(std::chrono::nanoseconds elapsed, std::chrono::nanoseconds max);

}  // namespace gauntlet::engine::output
