#pragma once
// How far a run and its scenarios are: what the terminal draws and the live page shows.
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace gauntlet::engine::results {

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
  std::int64_t vus_active = 0;             ///< run iterations now
  std::int64_t vus_most = 0;               ///< that did at a time
  std::int64_t vus = 0;                    ///< configured; ramping: greatest target; arrival rates: allocated so far
  std::int64_t max_vus = 0;                ///< arrival rates
  std::uint64_t iterations_done = 0;
  std::uint64_t iterations_total = 0;  ///< those of all VUs
  std::uint64_t iterations_per_vu = 0;
  std::uint64_t iterations_dropped = 0;
  double rate = 0;  ///< iterations per second asked for now
  double max_rate = 0;
  double done_rate = 0;  ///< iterations per second that were done, over the last second; once it has ended over all its time
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

}  // namespace gauntlet::engine::results
