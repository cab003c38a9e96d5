#include "lab/doctor/doctor.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <memory>
#include <optional>
#include <thread>
#include <tuple>

#include "base/duration.hpp"
#include "base/whole_file.hpp"
#include "challenge/config_parser.hpp"
#include "lab/fixtures/project_fixtures.hpp"
#include "lab/fixtures/reset.hpp"
#include "lab/monitor/host_monitor.hpp"
#include "lab/monitor/metrics_page.hpp"
#include "lab/stack/postgres_cluster.hpp"
#include "lab/target/http_fetch.hpp"
#include "lab/target/target.hpp"
#include "postgres/blocking_connection.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;
using Level = Finding::Level;

// What the guide's largest scenario opens: 1,500 virtual users with two connections each, and as much again in the
// services; below the smaller number even the middle levels fail.
constexpr rlim_t kEnoughDescriptors = 16'384;
constexpr rlim_t kFewestDescriptors = 4'096;
constexpr double kCrowdedConnections = 0.8;
constexpr double kNoisyShare = 0.25;  // of the machine, used by programs that are not ours
constexpr double kApart_s = 1;        // of two machines' clocks
constexpr double kStep_s = 0.05;      // far beyond what NTP slews within a second
constexpr std::chrono::milliseconds kLook{1200};
constexpr std::chrono::seconds kContainersUp{120};

class Doctor {
 public:
  Doctor(Stack& stack, const DoctorOptions& options, const Tell& tell)
      : stack_(&stack), project_(stack.project()), options_(options), tell_(tell) {}
  Doctor(const ContainerStack& stack, const DoctorOptions& options, const Tell& tell)
      : containers_(stack), project_(stack.project()), options_(options), tell_(tell) {}

  std::vector<Finding> examine() {
    begin_watching();
    if (containers_) {
      look_at_containers();
    } else {
      look_at_programs();
      look_at_stack();
      look_at_ports();
    }
    look_at_dashboard_port();
    look_at_fixtures();
    look_at_configuration();
    look_at_database();
    look_at_limits();
    look_at_machine();
    return std::move(findings_);
  }

 private:
  void well(const char* subject, std::string what) { findings_.push_back({subject, Level::well, std::move(what), "", {}}); }
  void problem(const char* subject, std::string what, std::string fix, std::function<base::Expected<void>()> repair = {}) {
    findings_.push_back({subject, Level::problem, std::move(what), std::move(fix), std::move(repair)});
  }
  void warn(const char* subject, std::string what, std::string fix) {
    findings_.push_back({subject, Level::warning, std::move(what), std::move(fix), {}});
  }

  void look_at_programs() {
    if (auto programs = find_postgres_programs(); !programs) problem("installed", programs.error().message, "scripts/install-deps");
    else if (::access("/usr/bin/redis-server", X_OK) != 0) problem("installed", "redis-server is missing", "scripts/install-deps");
    else well("installed", "PostgreSQL 15 and Redis");
    std::string missing;
    for (const char* name : {kService, kEventHandler})
      if (::access((options_.programs / name).c_str(), X_OK) != 0) missing += std::string(missing.empty() ? "" : ", ") + name;
    if (missing.empty()) well("built", "both services");
    else problem("built", missing + " not built in " + options_.programs.string(), "make build");
  }

  void look_at_stack() {
    auto status = stack_->status();
    if (!status) return problem("services", status.error().message, "gauntlet logs supervisor");
    status_ = std::move(*status);
    if (status_.supervisor == 0)
      return problem("services", "the stack is down", "make dev-up (gauntlet up)", [this] {
        // Whoever has one of the usual ports keeps it: ending strangers is not for a repair to decide.
        return stack_->up({.auto_ports = true, .limits = false, .only = {}, .overrides = {}, .programs = options_.programs}, tell_);
      });
    look_at_parts();
  }

  void look_at_containers() {
    auto status = containers_->status();
    if (!status) return problem("services", status.error().message, "start the Docker daemon, or scripts/install-deps --containers");
    status_ = std::move(*status);
    if (status_.supervisor == 0)
      return problem("services", "the containers are down", "STACK=docker make dev-up (gauntlet up --docker)",
                     [this] { return containers_->up(kContainersUp, tell_); });
    look_at_parts();
  }

  void look_at_parts() {
    for (const auto& component : status_.components)
      if (component.condition != Condition::healthy)
        problem("services",
                fmt::format("{} is {}{}", component.name, to_text(component), component.reason.empty() ? "" : ": " + component.reason),
                fmt::format("gauntlet logs {}; then make dev-restart", component.name));
    if (status_.all_healthy()) well("services", "all four are up and healthy");
  }

  /// Ports matter where nobody of ours listens yet.
  void look_at_ports() {
    const auto plan = stack_->plan();
    StackPorts ports;
    if (plan && status_.supervisor != 0) ports = plan->ports;
    bool taken = false;
    if (status_.supervisor == 0)
      for (const auto& [name, port] : named(ports))
        if (const auto holder = find_port_holder(port)) {
          taken = true;
          problem("ports", fmt::format("port {} ({}) is taken by {}", port, name, holder->describe()),
                  "end that program, or make dev-up AUTO_PORTS=1");
        }
    if (!taken) well("ports", status_.supervisor == 0 ? "the stack's ports are free" : "the stack has its ports");
  }

  void look_at_dashboard_port() {
    if (const auto holder = find_port_holder(options_.dashboard_port))
      problem("dashboard port", fmt::format("port {} is taken by {}", options_.dashboard_port, holder->describe()),
              "end that program, or set K6_WEB_DASHBOARD_PORT=5666");
    else well("dashboard port", fmt::format("{} is free", options_.dashboard_port));
  }

  void look_at_fixtures() {
    const fs::path folder = project_ / "test/fixtures";
    std::error_code error;
    std::string missing;
    for (const char* name : {"users.json", "tokens.json", "challenges.json"})
      if (!fs::exists(folder / name, error)) missing += std::string(missing.empty() ? "" : ", ") + name;
    const auto make = [this] { return ensure_project_fixtures(project_, tell_); };
    if (!missing.empty())
      return problem("fixtures", "test/fixtures lacks " + missing, "gauntlet fixtures (or the scripts test/scripts/generate_*.sh)", make);
    const auto players = read_players((folder / "users.json").string());
    if (!players) return problem("fixtures", players.error().message, "test/scripts/generate_users.sh");
    well("fixtures", fmt::format("{} players, their tokens, and challenges", players->size()));
  }

  void look_at_configuration() {
    const auto fixture = base::read_file(project_ / "test/fixtures/challenges.json");
    if (!fixture || status_.supervisor == 0) return;
    for (const auto& [name, variable] : {std::pair(kService, "CHALLENGE_CONFIG_PATH"), std::pair(kEventHandler, "CONFIG_PATH")}) {
      const std::string file = challenge_file(name, variable);
      if (file.empty()) continue;
      const auto read = base::read_file(file);
      if (read && *read == *fixture) continue;
      return problem("configuration", fmt::format("{} reads {}, which is not test/fixtures/challenges.json", name, file),
                     "copy the fixture as the guide's step 4 says, then make dev-restart", [this]() -> base::Expected<void> {
                       if (auto made = ensure_project_fixtures(project_, tell_); !made) return made;
                       if (containers_) return containers_->restart({}, kContainersUp, tell_);
                       return stack_->restart(
                           {}, {.auto_ports = true, .limits = false, .only = {}, .overrides = {}, .programs = options_.programs}, tell_);
                     });
    }
    well("configuration", "both services read the fixture's challenges");
  }

  /// "" where it is not known.
  std::string challenge_file(const char* service, const char* variable) const {
    if (containers_) return containers_->challenge_file(service).string();
    const auto plan = stack_->plan();
    const Component* component = plan ? plan->find(service) : nullptr;
    return component == nullptr ? "" : component->environment.at(variable);
  }

  void look_at_database() {
    auto target = containers_ ? target_of_containers(*containers_) : target_of_stack(*stack_);
    if (!target || !target->database) return;
    auto database = *target->database;
    database.application_name = "gauntlet doctor";
    database.connect_timeout = std::chrono::seconds(2);
    auto connection = postgres::BlockingConnection::connect(database);
    if (!connection)
      return problem("connections", connection.error().message,
                     "gauntlet logs challenge-postgres says more; where its connections are used up, POSTGRES_MAX_CONNECTIONS=500 in .env, "
                     "then make dev-restart");
    auto ask = [&](const std::string& sql) {
      auto answer = connection->run(sql);
      return answer && !answer->rows.empty() ? answer->rows[0] : std::vector<std::string>(4);
    };
    const auto counts =
        ask("SELECT count(*), current_setting('max_connections') FROM pg_stat_activity WHERE backend_type = 'client "
            "backend'");
    const double used = std::strtod(counts[0].c_str(), nullptr), most = std::strtod(counts[1].c_str(), nullptr);
    if (used > kCrowdedConnections * most)
      problem("connections", fmt::format("{:.0f} of {:.0f} database connections are taken", used, most),
              "POSTGRES_MAX_CONNECTIONS=500 in .env, then make dev-restart; or end what holds them");
    else well("connections", fmt::format("{:.0f} of {:.0f}", used, most));

    if (ask("SELECT count(*) FROM pg_extension WHERE extname = 'pg_stat_statements'")[0] != "1")
      problem("pg_stat_statements", "it is not created in this database", "gauntlet exec-sql \"CREATE EXTENSION pg_stat_statements\"",
              [database]() -> base::Expected<void> {
                auto again = TRY(postgres::BlockingConnection::connect(database));
                std::ignore = TRY(again.run("CREATE EXTENSION IF NOT EXISTS pg_stat_statements"));
                return {};
              });
    else well("pg_stat_statements", "created");

    const auto clock = ask("SELECT extract(epoch FROM clock_timestamp())");
    if (const double apart = std::abs(std::strtod(clock[0].c_str(), nullptr) - base::unix_now_s()); apart > kApart_s)
      problem("clock", fmt::format("the database's clock is {:.1f} s apart from this machine's", apart), "synchronise both (NTP)");

    if (ask("SELECT EXISTS (SELECT FROM user_goal_progress WHERE is_active)")[0] != "t")
      problem("goals", "no player has an active goal: events change nothing, and there is nothing to claim", "gauntlet reset");
    else well("goals", "players have been given goals");
    look_at_flushes(*target);
  }

  /// Events that wait although no flush ends.
  void look_at_flushes(const Target& target) {
    for (const auto& page : target.metrics) {
      if (page.name != kEventHandler) continue;
      HttpFetcher http;
      double waiting = 0, before = 0, after = 0, failures = 0;
      for (double* flushes : {&before, &after}) {
        const auto text = http.body_of({.url = page.url, .headers = {}, .post = {}, .timeout = std::chrono::milliseconds(2000)});
        if (!text)
          return problem("flushes", "challenge-event-handler does not answer: " + text.error().message,
                         "gauntlet logs challenge-event-handler; then make dev-restart");
        waiting = failures = 0;
        for (const auto& sample : parse_metrics_page(*text)) {
          if (sample.name == "challenge_buffer_size") waiting += sample.value;
          if (sample.name == "challenge_buffer_flush_duration_seconds_count") *flushes += sample.value;
          if (sample.name == "challenge_buffer_flush_failures_total") failures += sample.value;
        }
        if (flushes == &before) std::this_thread::sleep_for(kLook);
      }
      if (waiting > 0 && after == before)
        problem("flushes", fmt::format("{:.0f} events wait and no flush ended within {} ms", waiting, kLook.count()),
                "gauntlet logs challenge-event-handler; look for locks: gauntlet exec-sql -f "
                "test/scripts/analyze_db_performance.sql");
      else if (failures > 0)
        warn("flushes", fmt::format("{:.0f} flushes failed since the handler's start", failures),
             "gauntlet logs challenge-event-handler | grep 'buffer flush failed'");
      else well("flushes", fmt::format("{:.0f} ended, {:.0f} events wait", after, waiting));
    }
  }

  void look_at_limits() {
    rlimit descriptors{};
    ::getrlimit(RLIMIT_NOFILE, &descriptors);
    const std::string what = fmt::format("at most {} open files a process", descriptors.rlim_max);
    if (descriptors.rlim_max < kFewestDescriptors)
      problem("ulimit", what, "ulimit -Hn 65536 as root, or nofile in /etc/security/limits.conf");
    else if (descriptors.rlim_max < kEnoughDescriptors)
      warn("ulimit", what + ": the guide's highest levels need more", "nofile in /etc/security/limits.conf");
    else well("ulimit", what);
    struct statvfs disk {};
    const fs::path folder = stack_ != nullptr && stack_->directory().exists() ? stack_->directory().root() : project_;
    if (::statvfs(folder.c_str(), &disk) != 0) return;
    const auto free_bytes = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
    const std::string left = fmt::format("{:.1f} GB free at {}", static_cast<double>(free_bytes) / 1e9, folder.string());
    if (free_bytes < options_.least_disk_bytes) problem("disk", left, "free some space, or put the stack elsewhere: --state-dir");
    else well("disk", left);
  }

  static double steady_s() { return base::seconds_of(std::chrono::steady_clock::now().time_since_epoch()); }

  /// Rates need two looks; what is examined in between counts as time.
  void begin_watching() {
    if (auto status = containers_ ? containers_->status() : stack_->status())
      for (const auto& component : status->components)
        if (component.pid > 0) watched_.push_back({component.name, component.pid});
    watching_since_s_ = steady_s();
    calendar_ahead_s_ = base::unix_now_s() - watching_since_s_;
    monitor_.sample(watching_since_s_, watched_, {});
  }

  void look_at_machine() {
    const double missing_s = base::seconds_of(kLook) - (steady_s() - watching_since_s_);
    if (missing_s > 0) std::this_thread::sleep_for(std::chrono::duration<double>(missing_s));
    double used = 0, idle = 0, steal = 0, all = 0, throttled = 0;
    for (const auto& row : monitor_.sample(steady_s(), watched_, {}))
      for (const auto& [name, value] : row.values) {
        const std::string column = name;
        if (row.table == "process" && column == "cpu_cores") used += to_number(value);
        if (row.table == "process" && column == "throttled_share") throttled = std::max(throttled, to_number(value));
        if (row.table != "host" || !column.starts_with("cpu_")) continue;
        all += to_number(value);
        if (column == "cpu_idle_cores" || column == "cpu_iowait_cores") idle += to_number(value);
        if (column == "cpu_steal_cores") steal = to_number(value);
      }
    const double others = std::max(0.0, all - idle - steal - used);
    const std::string what = fmt::format("programs that are not of the stack use {:.1f} of {:.0f} cores", others, all);
    if (others > kNoisyShare * all) problem("neighbours", what, "end them, or measure elsewhere: top -o %CPU names them");
    else well("neighbours", what);
    if (steal > 0.05 * all)
      warn("throttling", fmt::format("the hypervisor takes {:.1f} cores away", steal), "measure on a machine that is not shared");
    else if (throttled > 0.05)
      warn("throttling", fmt::format("a CPU quota holds the stack back for {:.0f} % of the time", throttled * 100),
           "that is what --limits asks for; without it, look at the container's cpu.max");
    else well("throttling", "nobody takes CPU away");
    if (const double step = base::unix_now_s() - steady_s() - calendar_ahead_s_; std::abs(step) > kStep_s)
      warn("clock", fmt::format("this machine's clock was stepped by {:+.2f} s while the doctor looked", step),
           "let NTP slew it instead (chrony: makestep only at the start); runs of this time compare times wrongly");
    std::ifstream source("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    std::string clock;
    if (source >> clock; clock == "hpet" || clock == "acpi_pm")
      warn("clock", fmt::format("the kernel's clock is {}, which is slow to read", clock),
           "boot with clocksource=tsc where the machine allows it");
    else well("clock", clock.empty() ? "readable" : clock);
  }

  Stack* const stack_ = nullptr;  // one of these two
  const std::optional<ContainerStack> containers_;
  const fs::path project_;
  const DoctorOptions options_;
  const Tell& tell_;
  StackStatus status_;
  HostMonitor monitor_;
  std::vector<WatchedProcess> watched_;
  double watching_since_s_ = 0;
  double calendar_ahead_s_ = 0;  // of the monotonic clock, when the examination began
  std::vector<Finding> findings_;
};

std::vector<Finding> findings_of(const std::shared_ptr<Doctor>& doctor) {
  auto findings = doctor->examine();
  // Repairs outlive the examination: they keep what they need of it alive.
  for (auto& finding : findings)
    if (finding.repair) finding.repair = [doctor, repair = std::move(finding.repair)] { return repair(); };
  return findings;
}

}  // namespace

std::vector<Finding> examine(Stack& stack, const DoctorOptions& options, const Tell& tell) {
  return findings_of(std::make_shared<Doctor>(stack, options, tell));
}
std::vector<Finding> examine(const ContainerStack& stack, const DoctorOptions& options, const Tell& tell) {
  return findings_of(std::make_shared<Doctor>(stack, options, tell));
}

}  // namespace gauntlet::lab
