#include "lab/campaign/campaign.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <tuple>

#include "base/duration.hpp"
#include "base/whole_file.hpp"
#include "lab/atomic_file.hpp"
#include "lab/fixtures/project_fixtures.hpp"
#include "lab/process/child_process.hpp"
#include "lab/record/run_history.hpp"
#include "lab/stack/postgres_cluster.hpp"
#include "lab/trial/wait_until_idle.hpp"
#include "postgres/blocking_connection.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;
using std::chrono::seconds;

constexpr seconds kLongestPause{60};       // the guide's pause between levels
constexpr seconds kAroundALevel{8};        // what reset, pause and start cost, for the estimate of what remains
constexpr seconds kLongestCpuProfile{30};  // the guide's
constexpr seconds kLongestAnalysis{120};

std::string duration_text(std::chrono::seconds time) {
  if (time < seconds(120)) return fmt::format("{} s", time.count());
  if (time < seconds(7200)) return fmt::format("{} min", time.count() / 60);
  return fmt::format("{:.1f} h", static_cast<double>(time.count()) / 3600);
}

/// "[######......]" with a share done.
std::string bar(std::size_t done, std::size_t all) {
  constexpr std::size_t kCells = 20;
  const std::size_t filled = all == 0 ? kCells : done * kCells / all;
  return "[" + std::string(filled, '#') + std::string(kCells - filled, '.') + "]";
}

/// Why a level that was not held was not.
std::string failure_of(const ScenarioResult& result, const CampaignLevel& level) {
  const auto& verdict = result.summary.generator;
  const std::string generator = verdict.machine_was_the_limit() ? "; " + verdict.words : "";
  if (!result.thresholds_held) {
    std::string why = "a threshold was crossed";
    if (result.summary.request_time) why += fmt::format(", p95 of requests {:.0f} ms", result.summary.request_time->p95_ms);
    if (result.summary.call_time) why += fmt::format(", p95 of events {:.0f} ms", result.summary.call_time->p95_ms);
    return why + generator;
  }
  std::string reached;
  if (level.load.requests_per_s > 0) reached = fmt::format("{:.0f} requests/s", result.requests_per_s(level.duration));
  if (level.load.events_per_s > 0)
    reached += fmt::format("{}{:.0f} events/s", reached.empty() ? "" : " and ", result.events_per_s(level.duration));
  return fmt::format("only {} were reached{}", reached, generator);
}

class Campaign {
 public:
  Campaign(const SystemUnderTest& system, Stack* stack, const CampaignOptions& options, Interruption& interruption, const Tell& tell)
      : system_(system),
        stack_(stack),
        options_(options),
        interruption_(interruption),
        tell_(tell),
        test_(system.project / "test"),
        results_(system.results) {}

  base::Expected<CampaignJournal> run() {
    TRY(open_journal());
    TRY(ensure_project_fixtures(system_.project, tell_));
    if (stack_ != nullptr) {
      UpOptions up;
      up.auto_ports = true;
      up.programs = options_.programs;
      TRY(stack_->up(up, tell_));
    }
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      if (interruption_.has_come()) return base::fail(ErrorKind::cancelled, "interrupted; gauntlet campaign --resume goes on");
      const CampaignLevel& level = levels_[i];
      if (const auto* done = journal_.find(level); done != nullptr && done->state != LevelRecord::State::skipped) continue;
      std::erase_if(journal_.levels, [&](const auto& record) { return record.level == level; });
      TRY(do_level(level, i));
    }
    return journal_;
  }

 private:
  base::Expected<void> open_journal() {
    levels_ = campaign_levels(options_.size, options_.scenario, options_.duration);
    if (options_.highest)
      std::erase_if(levels_, [&](const CampaignLevel& level) {
        const LoadLevel& most = *options_.highest;
        return (most.requests_per_s > 0 && level.load.requests_per_s > most.requests_per_s) ||
               (most.events_per_s > 0 && level.load.events_per_s > most.events_per_s);
      });
    if (auto permitted = keep_within_caps(); !permitted) return permitted;
    auto earlier = read_journal(results_);
    if (options_.resume) {
      if (!earlier) return tl::unexpected(std::move(earlier.error()).in("there is no campaign to resume"));
      if (earlier->size != options_.size)
        return base::fail(ErrorKind::invalid_argument, fmt::format("the campaign to resume is a --{} one; say so", to_text(earlier->size)));
      journal_ = std::move(*earlier);
      return {};
    }
    // A campaign of one scenario replaces what is known of it and leaves the others' results as they are.
    if (earlier && options_.scenario) journal_.levels = std::move(earlier->levels);
    for (int scenario = 1; scenario <= 5; ++scenario)
      if (!options_.scenario || *options_.scenario == scenario) forget(scenario);
    journal_.size = options_.size;
    journal_.started_s = base::unix_now_s();
    journal_.environment = describe_environment(system_.project);
    if (!system_.is_own_stack) journal_.environment["target"] = system_.name;
    std::error_code error;
    fs::create_directories(results_, error);   // writing says what is wrong, if anything is
    return write_journal(results_, journal_);  // from here on there is something to resume
  }

  /// Levels above the target's rate are left out; one command may load it for so long and no longer.
  base::Expected<void> keep_within_caps() {
    if (system_.max_rate) {
      const auto left_out = std::erase_if(
          levels_, [&](const CampaignLevel& level) { return level.load.requests_per_s + level.load.events_per_s > *system_.max_rate; });
      if (left_out > 0)
        tell_(fmt::format("{} levels are above the target's max_rate of {:g} a second and are left out", left_out, *system_.max_rate));
    }
    if (levels_.empty()) return base::fail(ErrorKind::invalid_argument, "no level is left to run");
    seconds load{0};
    for (const auto& level : levels_) load += level.duration;
    return system_.permit_length(load);
  }

  /// Results of an earlier campaign must not be taken for this one's. Files that no campaign has written stay.
  void forget(int scenario) {
    for (const auto& record : journal_.levels)
      if (record.level.scenario == scenario) remove_files(record.level);
    for (const auto& level : levels_)
      if (level.scenario == scenario) remove_files(level);
    std::erase_if(journal_.levels, [&](const auto& record) { return record.level.scenario == scenario; });
  }

  void remove_files(const CampaignLevel& level) const {
    const fs::path result = results_ / result_file(level);
    std::error_code error;
    fs::remove(result, error);
    fs::remove(fs::path(result).replace_extension(".log"), error);
    fs::remove_all(fs::path(result).replace_extension(".monitor"), error);
    if (level.scenario == 3)
      for (const auto& entry : fs::directory_iterator(result.parent_path(), error)) {
        const std::string name = entry.path().filename();
        if (name.find("_" + level_name(level.load) + ".") != std::string::npos && !name.starts_with("level_"))
          fs::remove(entry.path(), error);
      }
    for (const char* name : {"db_monitor.log", "query_analysis.txt", "flush_timing.log", "visibility.json", "visibility.log"})
      if (level.scenario >= 4) fs::remove(result.parent_path() / name, error);
  }

  base::Expected<void> do_level(const CampaignLevel& level, std::size_t index) {
    if (const auto* failed = journal_.first_failed(level.scenario); failed != nullptr) {
      LevelRecord record;
      record.level = level;
      record.reason = fmt::format("{} failed", level_title(failed->level.load));
      journal_.levels.push_back(record);
      return write_journal(results_, journal_);
    }
    announce(level, index);
    auto record = measure(level, index);
    if (!record) {
      remove_files(level);
      return tl::unexpected(record.error());
    }
    journal_.levels.push_back(*record);
    remember(*record);
    tell_(fmt::format("    {}", record->state == LevelRecord::State::held ? "held" : "failed: " + record->reason));
    return write_journal(results_, journal_);
  }

  /// In the history of runs. That it cannot be written is no reason to stop.
  void remember(const LevelRecord& record) {
    auto history = RunHistory::open(system_.project);
    if (!history) return tell_("    not in the history: " + history.error().message);
    const fs::path result = results_ / result_file(record.level);
    RunEntry run{.id = 0,
                 .started_s = record.started_s,
                 .seconds = record.ended_s - record.started_s,
                 .kind = "campaign",
                 .script = script_file(record.level),
                 .level = level_title(record.level.load),
                 .state = record.state == LevelRecord::State::held ? "held" : "failed",
                 .result = result.string(),
                 .p95_ms = 0,
                 .throughput_per_s = record.requests_per_s + record.events_per_s};
    if (const auto written = engine::results::read_run_result(result))
      if (const auto latency = summary_of(*written).latency()) run.p95_ms = latency->p95_ms;
    if (auto added = history->add(run); !added) tell_("    not in the history: " + added.error().message);
  }

  /// Of the levels from this one on, as far as no level has failed before them.
  seconds remaining_from(std::size_t index) const {
    seconds remaining{0};
    for (std::size_t i = index; i < levels_.size(); ++i)
      if (journal_.first_failed(levels_[i].scenario) == nullptr) remaining += levels_[i].duration + kAroundALevel;
    return remaining;
  }

  /// What the engine needs to serve the page, with the level's place in the campaign.
  std::map<std::string, std::string> page_variables(const CampaignLevel& level, std::size_t index) const {
    std::map<std::string, std::string> variables{{"K6_WEB_DASHBOARD", "true"}};
    for (const char* name : {"K6_WEB_DASHBOARD_HOST", "K6_WEB_DASHBOARD_PORT", "K6_WEB_DASHBOARD_PERIOD"})
      if (const char* value = std::getenv(name)) variables[name] = value;
    if (system_.state_dir) variables["GAUNTLET_STATE_DIR"] = system_.state_dir->string();
    variables["GAUNTLET_PART"] = fmt::format("{}/{} scenario {} at {} for {}; at most {} to go", index + 1, levels_.size(), level.scenario,
                                             level_title(level.load), duration_text(level.duration), duration_text(remaining_from(index)));
    return variables;
  }

  void announce(const CampaignLevel& level, std::size_t index) {
    const seconds remaining = remaining_from(index);
    tell_(fmt::format("{} {:>2} of {}  scenario {}: {} for {}; at most {} to go", bar(index, levels_.size()), index + 1, levels_.size(),
                      level.scenario, level_title(level.load), duration_text(level.duration), duration_text(remaining)));
  }

  base::Expected<LevelRecord> measure(const CampaignLevel& level, std::size_t index) {
    auto reset = TRY(system_.reset());
    if (!reset.empty()) tell_("    " + reset);
    std::ignore = TRY(wait_until_idle(system_, kLongestPause, interruption_));
    auto target = TRY(system_.find_target());
    const fs::path result = results_ / result_file(level);
    std::error_code error;
    fs::create_directories(result.parent_path(), error);
    const std::uintmax_t handler_log_before = system_.handler_log ? fs::file_size(*system_.handler_log, error) : 0;

    auto sides = TRY(start_sides(level, result, target));
    LevelRecord record;
    record.level = level;
    record.started_s = base::unix_now_s();
    const ScenarioRun run{.script = test_ / "k6" / script_file(level),
                          .result = result,
                          .level = level.load,
                          .duration = level.duration,
                          .variables = options_.web ? page_variables(level, index) : std::map<std::string, std::string>()};
    auto ran = TRY(run_scenario(system_, run, interruption_));
    record.ended_s = base::unix_now_s();
    for (auto& [what, process] : sides) {
      // Monitors are ended; a profile or a probe under way may finish.
      const bool ends_itself = what == "profile" || what == "visibility";
      const int status = process.finish(ends_itself ? std::chrono::milliseconds(30'000) : std::chrono::milliseconds(0));
      if (status != 0) tell_(fmt::format("    {} ended with {}: see {}", what, status, log_of_sides(result).string()));
    }
    sides.clear();
    if (level.scenario == 4 && target.database) TRY(analyse_database(result, target));
    if (level.scenario == 5 && system_.handler_log) TRY(extract_flushes(handler_log_before, result.parent_path() / "flush_timing.log"));

    record.state = ran.held(level.duration) ? LevelRecord::State::held : LevelRecord::State::failed;
    if (record.state == LevelRecord::State::failed) record.reason = failure_of(ran, level);
    record.requests_per_s = std::max(0.0, ran.requests_per_s(level.duration));
    record.events_per_s = ran.events_per_s(level.duration);
    record.cpu = ran.cpu;
    record.wall_s = ran.wall_s;
    return record;
  }

  using Sides = std::vector<std::pair<std::string, ChildProcess>>;

  static fs::path log_of_sides(const fs::path& result) { return fs::path(result).replace_extension(".monitor") / "gauntlet.log"; }

  /// Of a program that works beside the load.
  LaunchSpec side(std::vector<std::string> command, std::map<std::string, std::string> environment, const fs::path& log) const {
    return {.command = std::move(command),
            .environment = std::move(environment),
            .directory = system_.project,
            .log = log,
            .account = std::nullopt,
            .cgroup_procs = {}};
  }

  base::Expected<Sides> start_sides(const CampaignLevel& level, const fs::path& result, const Target& target) {
    const fs::path monitor = fs::path(result).replace_extension(".monitor");
    std::error_code error;
    fs::create_directories(monitor, error);
    auto environment = script_environment(system_, target, level.load, level.duration);
    environment.merge(database_environment(target));
    Sides sides;
    auto start = [&](const std::string& what, std::vector<std::string> command, const fs::path& log) -> base::Expected<void> {
      auto process = ChildProcess::start(side(std::move(command), environment, log));
      if (!process) return tl::unexpected(std::move(process.error()).in(what));
      sides.emplace_back(what, std::move(*process));
      return {};
    };
    // Bounded, so that it ends even if this process is killed.
    const auto most = std::to_string(level.duration.count() + 120);
    if (auto started =
            start("watch", system_.watching({"watch", "--quiet", "--out", monitor.string(), "--duration", most}), log_of_sides(result));
        !started)
      return tl::unexpected(started.error());
    if (level.scenario == 3 && level.duration >= seconds(2) && !target.pprof.empty()) {
      const auto length = std::to_string(std::min(kLongestCpuProfile, level.duration / 2).count());
      if (auto started = start(
              "profile",
              system_.watching({"profile", "--out", result.parent_path().string(), "--level", level_name(level.load), "--seconds", length}),
              log_of_sides(result));
          !started)
        return tl::unexpected(started.error());
    }
    if (level.scenario == 4 && target.database)
      if (auto started = start("monitor_db",
                               {(test_ / "scripts/monitor_db.sh").string(), (result.parent_path() / "db_monitor.log").string(),
                                level.duration > seconds(30) ? "5" : "1"},
                               log_of_sides(result));
          !started)
        return tl::unexpected(started.error());
    if (level.scenario == 5 && system_.max_rate)
      tell_("    the way from event to API is not measured: its probes have no rate that max_rate could cap");
    if (level.scenario == 5 && !system_.max_rate) {
      const fs::path visibility = result.parent_path() / "visibility.json";
      if (auto started = start("visibility", system_.running(test_ / "k6/scenario5_visibility.js", visibility),
                               fs::path(visibility).replace_extension(".log"));
          !started)
        return tl::unexpected(started.error());
    }
    return sides;
  }

  base::Expected<void> analyse_database(const fs::path& result, const Target& target) {
    auto programs = find_postgres_programs();
    if (!programs) {
      tell_("    no query_analysis.txt: " + programs.error().message);
      return {};
    }
    auto environment = database_environment(target);
    environment["LANG"] = "C.UTF-8";
    // Into a file of its own first: what an interruption leaves of it is not taken for the analysis.
    const fs::path raw = fs::path(result).replace_extension(".monitor") / "query_analysis.txt";
    std::error_code error;
    fs::remove(raw, error);
    auto psql = TRY(ChildProcess::start(side({(*programs / "psql").string(), "--no-psqlrc", "--set=ON_ERROR_STOP=1", "-f",
                                              (test_ / "scripts/analyze_db_performance.sql").string()},
                                             std::move(environment), raw)));
    const int status = psql.finish(kLongestAnalysis);
    const auto output = TRY(base::read_file(raw));
    if (status != 0)
      return base::fail(ErrorKind::internal,
                        fmt::format("the database's analysis ended with {}; the end of {}:\n{}", status, raw.string(), tail_of(raw, 12)));
    if (auto written = write_file_atomically(result.parent_path() / "query_analysis.txt", output); !written) return written;
    auto connection = postgres::BlockingConnection::connect(*target.database);
    if (!connection) return {};
    // With its share of the indexes and of what updates left behind: what a row takes on disk.
    const auto size =
        connection->run("SELECT pg_total_relation_size('user_goal_progress') / greatest(count(*), 1) FROM user_goal_progress");
    if (size && !size->rows.empty()) journal_.environment["bytes_per_row"] = size->rows[0][0];
    return {};
  }

  /// The handler's `buffer flush` lines of this level.
  base::Expected<void> extract_flushes(std::uintmax_t from, const fs::path& to) {
    std::ifstream log(*system_.handler_log);
    std::error_code error;
    if (from <= fs::file_size(*system_.handler_log, error)) log.seekg(static_cast<std::streamoff>(from));  // else it was rotated
    std::string lines;
    for (std::string line; std::getline(log, line);)
      if (line.find("buffer flush") != std::string::npos) lines += line + '\n';
    return write_file_atomically(to, lines);
  }

  const SystemUnderTest& system_;
  Stack* const stack_;
  const CampaignOptions& options_;
  Interruption& interruption_;
  const Tell& tell_;
  const fs::path test_;
  const fs::path results_;
  std::vector<CampaignLevel> levels_;
  CampaignJournal journal_;
};

}  // namespace

base::Expected<CampaignJournal> run_campaign(const SystemUnderTest& system, Stack* stack, const CampaignOptions& options,
                                             Interruption& interruption, const Tell& tell) {
  const bool was_up = stack == nullptr || stack->is_supervised();
  auto done = Campaign(system, stack, options, interruption, tell).run();
  if (done || was_up) return done;
  if (auto ended = stack->down(); ended) tell("the stack is down");
  return done;
}

}  // namespace gauntlet::lab
