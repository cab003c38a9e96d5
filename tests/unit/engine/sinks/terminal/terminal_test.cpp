#include "engine/sinks/terminal/terminal.hpp"

#include <gtest/gtest.h>

namespace gauntlet::engine::sinks {
namespace {

using namespace std::chrono_literals;
using Kind = results::ScenarioProgress::Kind;
using Status = results::ScenarioProgress::Status;

results::ScenarioProgress scenario(std::string name, Kind kind, Status status, double fraction, std::chrono::nanoseconds elapsed,
                                   std::chrono::nanoseconds duration, std::string duration_text) {
  results::ScenarioProgress progress;
  progress.name = std::move(name);
  progress.kind = kind;
  progress.status = status;
  progress.fraction = fraction;
  progress.elapsed = elapsed;
  progress.duration = duration;
  progress.duration_text = std::move(duration_text);
  return progress;
}

/// The moment of a recorded k6 run with one scenario of each kind, 3.0 s after its start.
results::RunProgress recorded_moment() {
  results::RunProgress run;
  run.phase = results::RunProgress::Phase::running;
  run.elapsed = 3s;
  run.max_duration = 1h + 30s;
  run.vus_active = 9;
  run.vus_initialized = 40;
  run.max_vus = 148;
  run.iterations_complete = 297;
  results::ScenarioProgress a = scenario("a", Kind::constant_arrival_rate, Status::running, 0.39, 800ms, 2s, "2s");
  a.vus = 12;
  a.max_vus = 120;
  a.rate = a.max_rate = 0.5;
  results::ScenarioProgress p = scenario("p", Kind::per_vu_iterations, Status::running, 0.48, 800ms, 10min, "10m0s");
  p.vus = 3;
  p.iterations_done = 57;
  p.iterations_total = 120;
  p.iterations_per_vu = 40;
  results::ScenarioProgress r = scenario("r", Kind::ramping_arrival_rate, Status::running, 0.395, 800ms, 2s, "2s");
  r.vus = r.max_vus = 12;
  r.rate = 394.33;
  r.max_rate = 1000;
  results::ScenarioProgress s = scenario("s", Kind::shared_iterations, Status::done, 1, 1650ms, 1h, "1h0m0s");
  s.vus = 3;
  s.iterations_done = s.iterations_total = 120;
  results::ScenarioProgress v = scenario("v", Kind::ramping_vus, Status::running, 0.39, 800ms, 2s, "2s");
  v.vus = 10;
  v.vus_active = 3;
  run.scenarios = {a, p, r, s, v};
  return run;
}

TEST(Progress, block_is_worded_and_aligned_as_k6_does) {
  EXPECT_EQ(render_progress(recorded_moment(), {}),
            "\n"
            "running (0h00m03.0s), 009/040 VUs, 297 complete and 0 interrupted iterations\n"
            "a      [  39% ] 000/012 VUs  0.8s/2s            0.50 iters/s\n"
            "p      [  48% ] 3 VUs        00m00.8s/10m0s     057/120 iters, 40 per VU\n"
            "r      [  39% ] 00/12 VUs    0.8s/2s            0394.33 iters/s\n"
            "s    ✓ [ 100% ] 3 VUs        0h00m01.6s/1h0m0s  120/120 shared iters\n"
            "v      [  39% ] 03/10 VUs    0.8s/2.0s         \n");
}

TEST(Progress, waiting_stopping_and_finished_scenarios_have_k6s_marks) {
  results::RunProgress run;
  run.phase = results::RunProgress::Phase::running;
  run.elapsed = 2100ms;
  run.max_duration = 2min + 1s;
  run.vus_active = 5;
  run.vus_initialized = 14;
  run.max_vus = 16;
  run.iterations_complete = 65;
  results::ScenarioProgress car = scenario("car", Kind::constant_arrival_rate, Status::stopping, 1, 2s, 2s, "2s");
  car.vus = car.vus_active = 2;
  car.max_vus = 4;
  car.rate = car.max_rate = 5;
  results::ScenarioProgress cv = scenario("cv", Kind::constant_vus, Status::interrupted, 1, 2s, 2s, "2s");
  cv.vus = 2;
  results::ScenarioProgress late = scenario("late", Kind::constant_vus, Status::waiting, 0, 0s, 1s, "1s");
  late.starts_in = 1400ms;
  late.start_time = 1500ms;
  run.scenarios = {car, cv, late};
  EXPECT_EQ(render_progress(run, {}),
            "\n"
            "running (0m02.1s), 05/14 VUs, 65 complete and 0 interrupted iterations\n"
            "car  ↓ [ 100% ] 2/2 VUs  2s  5.00 iters/s\n"
            "cv   ✗ [ 100% ] 2 VUs    2s \n"
            "late • [   0% ] waiting  1.4s\n");
}

TEST(Progress, what_scenarios_do_a_second_is_a_last_column_where_it_is_wanted) {
  results::RunProgress run = recorded_moment();
  run.scenarios.erase(run.scenarios.begin() + 1, run.scenarios.end() - 1);
  run.scenarios[0].done_rate = 0.46;
  run.scenarios[1].done_rate = 1234.56;
  EXPECT_NE(render_progress(run, {.rates = true})
                .find("\n"
                      "a      [  39% ] 000/012 VUs  0.8s/2s    0.50 iters/s  0.5 done/s\n"
                      "v      [  39% ] 03/10 VUs    0.8s/2.0s  1234.6 done/s\n"),
            std::string::npos)
      << render_progress(run, {.rates = true});
}

TEST(Progress, setup_and_init_have_a_line_of_their_own) {
  results::RunProgress run;
  run.phase = results::RunProgress::Phase::setup;
  run.scenarios = {scenario("a", Kind::constant_vus, Status::waiting, 0, 0s, 1s, "1s")};
  EXPECT_EQ(render_progress(run, {}), "\nRun    [ 100% ] setup()\na      [   0% ]\n");
  run.phase = results::RunProgress::Phase::init;
  run.vus_initialized = 20;
  run.vus_to_initialize = 40;
  EXPECT_EQ(render_progress(run, {}), "\nInit   [  50% ] 20/40 VUs initialized\na      [   0% ]\n");
}

TEST(Progress, bars_shrink_with_the_terminal_and_give_way_to_percentages) {
  results::RunProgress run;
  run.phase = results::RunProgress::Phase::running;
  run.max_duration = 10s;
  results::ScenarioProgress s = scenario("s", Kind::constant_vus, Status::running, 0.5, 5s, 10s, "10s");
  s.vus = 1;
  run.scenarios = {s};
  EXPECT_NE(render_progress(run, {.bars = true, .color = false, .columns = 120}).find("[==================>-------------------] 1 VUs"),
            std::string::npos);
  EXPECT_NE(render_progress(run, {.bars = true, .color = false, .columns = 40}).find("[======>-------] 1 VUs  05.0s/10s"),
            std::string::npos);
  EXPECT_NE(render_progress(run, {.bars = true, .color = false, .columns = 20}).find("[  50% ] 1 VUs"), std::string::npos);
}

TEST(Progress, drawing_goes_back_to_where_it_began) { EXPECT_EQ(redrawn("\na\nb\n"), "\x1b[K\na\x1b[K\nb\x1b[K\n\r\x1b[J\x1b[3A"); }

TEST(Header, is_k6s_block) {
  RunHeader header;
  header.script = "exec.js";
  header.max_vus = 16;
  header.max_duration = "2m1s";
  header.scenarios = {{"car", "5.00 iterations/s for 2s (maxVUs: 2-4, gracefulStop: 30s)"},
                      {"cv", "2 looping VUs for 2s (gracefulStop: 5s)"}};
  EXPECT_EQ(render_header(header, false),
            "\n     execution: local\n        script: exec.js\n        output: -\n\n"
            "     scenarios: (100.00%) 2 scenarios, 16 max VUs, 2m1s max duration (incl. graceful stop):\n"
            "              * car: 5.00 iterations/s for 2s (maxVUs: 2-4, gracefulStop: 30s)\n"
            "              * cv: 2 looping VUs for 2s (gracefulStop: 5s)\n\n");
  header.outputs = {"json (a.ndjson)", "csv (b.csv)"};
  header.scenarios.pop_back();
  EXPECT_NE(render_header(header, false).find("output: json (a.ndjson), csv (b.csv)\n\n     scenarios: (100.00%) 1 scenario, "),
            std::string::npos);
}

TEST(Duration, has_as_many_digits_as_the_longest_needs) {
  EXPECT_EQ(fixed_length_duration(290ms, 20s), "00.2s");
  EXPECT_EQ(fixed_length_duration(600ms, 90s), "0m00.6s");
  EXPECT_EQ(fixed_length_duration(100ms, 10min), "00m00.1s");
  EXPECT_EQ(fixed_length_duration(3700s, 12h), "01h01m40.0s");
  EXPECT_EQ(fixed_length_duration(2s, 2s), "2.0s");
}

}  // namespace
}  // namespace gauntlet::engine::sinks
