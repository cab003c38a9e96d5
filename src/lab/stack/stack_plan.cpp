#include "lab/stack/stack_plan.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>

#include "base/system_error.hpp"
#include "base/whole_file.hpp"
#include "challenge/config_parser.hpp"
#include "lab/atomic_file.hpp"
#include "lab/stack/postgres_cluster.hpp"
#include "postgres/migrations.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;

constexpr std::uint64_t kGigabyte = 1ULL << 30U;

/// What every server's environment begins with: nothing of the caller's shell leaks in, so that two starts are alike.
std::map<std::string, std::string> plain_environment(const fs::path& home) {
  return {{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"LANG", "C.UTF-8"}, {"TZ", "UTC"}, {"HOME", home.string()}};
}

/// As redis.conf reads it back, whatever is in it.
std::string redis_quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

/// Tells one state of a file from another without reading it.
std::string stamp_of(const fs::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return "absent";
  return fmt::format("{}-{}.{:09}-{}", file.string(), status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_size);
}

class Planner {
 public:
  explicit Planner(const PlanRequest& request) : request_(request), directory_(request.directory) {}

  base::Expected<StackPlan> plan() {
    plan_.project = request_.project;
    plan_.account = request_.account;
    plan_.ports = request_.ports;
    plan_.limits = request_.limits;
    plan_.origins = request_.origins;
    const auto& database = request_.settings.database;
    plan_.database = {directory_.postgres_socket_folder(), request_.ports.postgres, database.name, database.user, database.password};
    for (const auto& [name, add] :
         std::initializer_list<std::pair<const char*, base::Expected<void> (Planner::*)()>>{{kPostgres, &Planner::add_postgres},
                                                                                            {kRedis, &Planner::add_redis},
                                                                                            {kService, &Planner::add_service},
                                                                                            {kEventHandler, &Planner::add_event_handler}}) {
      if (!request_.only.empty() && !request_.only.contains(name)) continue;
      TRY((this->*add)());
    }
    return std::move(plan_);
  }

 private:
  base::Expected<void> add_postgres() {
    auto programs = TRY(find_postgres_programs());
    Component c;
    c.name = kPostgres;
    c.directory = directory_.postgres_data();
    c.command = postgres_command(programs, directory_.postgres_data(), directory_.postgres_socket_folder(), request_.ports.postgres,
                                 request_.settings.database);
    c.environment = plain_environment(directory_.root() / "postgres");
    c.ports = {{"sql", request_.ports.postgres}};
    c.probes = {{ProbeSpec::Kind::postgres, request_.ports.postgres, ""}};
    c.stop_signal = SIGINT;  // fast shutdown: sessions are cut, data is flushed
    c.stop_grace = std::chrono::seconds(60);
    c.last_signal = SIGQUIT;  // immediate shutdown: the next start recovers from the WAL
    c.limits = {.cpus = 0, .memory_bytes = 4 * kGigabyte};
    plan_.components.push_back(std::move(c));
    return {};
  }

  base::Expected<void> add_redis() {
    const fs::path program = "/usr/bin/redis-server";
    if (::access(program.c_str(), X_OK) != 0)
      return base::fail(
          ErrorKind::failed_precondition,
          fmt::format("Redis is not installed ({} is missing): run scripts/install-deps (package redis-server)", program.string()));
    Component c;
    c.name = kRedis;
    c.directory = directory_.folder_of(c.name);
    if (auto made = make_folder(c.directory, 0700, request_.account); !made) return made;
    // A cache that may be lost: nothing is written to disk. The password is in a file, not on the command line.
    const std::string settings = fmt::format(
        "bind 127.0.0.1\nport {}\ndir {}\nsave \"\"\nappendonly no\nmaxmemory 256mb\nmaxmemory-policy allkeys-lru\n"
        "daemonize no\n{}",
        request_.ports.redis, redis_quoted(c.directory.string()),
        request_.settings.redis_password.empty() ? "" : fmt::format("requirepass {}\n", redis_quoted(request_.settings.redis_password)));
    const fs::path file = directory_.root() / "copies" / "redis.conf";
    if (auto written = write_for_servers(file, settings); !written) return written;
    c.command = {program.string(), file.string()};
    c.environment = plain_environment(c.directory);
    c.ports = {{"redis", request_.ports.redis}};
    c.probes = {{ProbeSpec::Kind::redis, request_.ports.redis, ""}};
    c.fingerprint = std::to_string(std::hash<std::string>{}(settings));
    c.limits = {};
    plan_.components.push_back(std::move(c));
    return {};
  }

  base::Expected<void> add_service() {
    const StackPorts& p = request_.ports;
    const auto base_path = request_.settings.services.find("BASE_PATH");
    const std::string prefix =
        base_path == request_.settings.services.end() || base_path->second.empty() ? "/challenge" : base_path->second;
    return add_program(kService, "CHALLENGE_CONFIG_PATH", &ChallengeFiles::service,
                       {{"HTTP_PORT", p.http}, {"GRPC_PORT", p.service_grpc}, {"METRICS_PORT", p.service_metrics}},
                       {{ProbeSpec::Kind::http, p.http, prefix + "/healthz"}, {ProbeSpec::Kind::tcp, p.service_grpc, ""}});
  }

  base::Expected<void> add_event_handler() {
    const StackPorts& p = request_.ports;
    return add_program(kEventHandler, "CONFIG_PATH", &ChallengeFiles::event_handler,
                       {{"GRPC_PORT", p.events_grpc}, {"METRICS_PORT", p.events_metrics}},
                       {{ProbeSpec::Kind::tcp, p.events_grpc, ""}, {ProbeSpec::Kind::http, p.events_metrics, "/metrics"}});
  }

  base::Expected<void> add_program(const char* name, const char* config_variable, fs::path ChallengeFiles::*which,
                                   const std::vector<std::pair<std::string, int>>& ports, std::vector<ProbeSpec> probes) {
    auto files = TRY(find_challenge_files(request_.project, request_.settings.services));
    const fs::path& config = files.*which;
    auto text = TRY(base::read_file(config));
    if (auto parsed = challenge::parse_config(text); !parsed)
      return base::fail(ErrorKind::invalid_argument,
                        fmt::format("{} is not a valid challenge file:\n{}", config.string(), challenge::describe(parsed.error())));

    const fs::path program = request_.programs / name;
    if (::access(program.c_str(), X_OK) != 0)
      return base::fail(ErrorKind::failed_precondition,
                        fmt::format("{} is not built ({} is missing): run make build", name, program.string()));

    Component c;
    c.name = name;
    c.directory = directory_.folder_of(c.name);
    if (auto made = make_folder(c.directory, 0700, request_.account); !made) return made;
    auto reachable_program = TRY(reachable(program, c.name, 0755));
    auto reachable_config = TRY(reachable(config, c.name, 0644));
    auto migrations = TRY(reachable_migrations());

    c.command = {reachable_program.string()};
    c.environment = plain_environment(c.directory);
    c.environment["LISTEN_ADDRESS"] = "127.0.0.1";  // the stack believes x-mock-user-id: nobody else on the network may ask it
    for (const auto& [key, value] : request_.settings.services) c.environment[key] = value;
    c.environment[config_variable] = reachable_config.string();
    c.environment["MIGRATIONS_PATH"] = migrations.string();
    c.environment["LOG_FORMAT"] = "text";  // campaigns and people read these logs by their words
    for (const auto& [variable, port] : ports) c.environment[variable] = std::to_string(port);
    static const std::map<std::string, std::string> kRoles{{"HTTP_PORT", "http"}, {"GRPC_PORT", "grpc"}, {"METRICS_PORT", "metrics"}};
    for (const auto& [variable, port] : ports) c.ports.emplace_back(kRoles.at(variable), port);
    c.probes = std::move(probes);
    // Redis may be lost at any time, so nobody waits for it.
    if (request_.only.empty() || request_.only.contains(kPostgres)) c.after = {kPostgres};
    c.limits = {.cpus = 1, .memory_bytes = kGigabyte};
    c.fingerprint = stamp_of(program) + " " + std::to_string(std::hash<std::string>{}(text));
    plan_.components.push_back(std::move(c));
    return {};
  }

  /// `file` itself where the servers' user can use it, else a copy of it that it can.
  base::Expected<fs::path> reachable(const fs::path& file, const std::string& component, mode_t mode) {
    if (may_access(request_.account, file, (mode & 0111U) != 0 ? R_OK | X_OK : R_OK)) return file;
    const fs::path folder = directory_.copies() / component;
    TRY(make_folders_for_servers(folder));
    const fs::path copy = folder / file.filename();
    // Written beside and renamed: a running program must not be written over.
    const fs::path fresh = copy.string() + ".new";
    std::error_code error;
    fs::copy_file(file, fresh, fs::copy_options::overwrite_existing, error);
    if (!error) fs::permissions(fresh, static_cast<fs::perms>(mode), error);
    if (!error) fs::rename(fresh, copy, error);
    if (error) return tl::unexpected(base::system_error(error.value(), "cannot copy " + file.string() + " to " + copy.string()));
    return copy;
  }

  base::Expected<fs::path> reachable_migrations() {
    const auto configured = request_.settings.services.find("MIGRATIONS_PATH");
    const bool set = configured != request_.settings.services.end() && !configured->second.empty();
    const fs::path folder = set ? request_.project / postgres::migrations_folder(configured->second) : request_.project / "migrations";
    std::error_code error;
    if (!fs::is_directory(folder, error))
      return base::fail(ErrorKind::not_found, fmt::format("{}: no such folder of migrations (MIGRATIONS_PATH)", folder.string()));
    bool all_reachable = may_access(request_.account, folder, R_OK | X_OK);
    for (const auto& entry : fs::directory_iterator(folder, error))
      all_reachable = all_reachable && may_access(request_.account, entry.path(), R_OK);
    if (all_reachable) return folder;
    for (const auto& entry : fs::directory_iterator(folder, error))
      if (auto copied = reachable(entry.path(), "migrations", 0644); !copied) return copied;
    return directory_.copies() / "migrations";
  }

  base::Expected<void> make_folders_for_servers(const fs::path& folder) {
    const mode_t mode = request_.account ? 0711 : 0700;
    if (auto made = make_folder(directory_.copies(), mode, std::nullopt); !made) return made;
    // Listing is needed too: the services look for migration files.
    return make_folder(folder, request_.account ? 0755 : 0700, std::nullopt);
  }

  /// A file that the servers' user reads but cannot change.
  base::Expected<void> write_for_servers(const fs::path& file, const std::string& content) {
    if (auto made = make_folders_for_servers(file.parent_path()); !made) return made;
    if (auto written = write_file_atomically(file, content, 0600); !written) return written;
    if (request_.account && ::chown(file.c_str(), request_.account->uid, request_.account->gid) != 0)
      return tl::unexpected(base::system_error(errno, "cannot give " + file.string() + " to user " + request_.account->name));
    return {};
  }

  const PlanRequest& request_;
  const StackDirectory& directory_;
  StackPlan plan_;
};

base::Expected<fs::path> find_challenge_file(const fs::path& project, const base::Environment& env, const char* variable,
                                             const char* guide_folder) {
  std::error_code error;
  if (const auto set = env.find(variable); set != env.end() && !set->second.empty()) {
    const fs::path file = project / set->second;  // an absolute path replaces the project's
    if (fs::exists(file, error)) return file;
    return base::fail(ErrorKind::not_found, fmt::format("{}={} (.env, or the environment over it): there is no such file ({})", variable,
                                                        set->second, file.string()));
  }
  for (const fs::path& file : {project / guide_folder / "config" / "challenges.json", project / "config" / "challenges.json"})
    if (fs::exists(file, error)) return file;
  return base::fail(ErrorKind::not_found,
                    fmt::format("no challenge file: {0}/{1}/config/challenges.json and {0}/config/challenges.json are both missing; "
                                "set {2} in .env or copy test/fixtures/challenges.json there",
                                project.string(), guide_folder, variable));
}

}  // namespace

base::Expected<ChallengeFiles> find_challenge_files(const fs::path& project, const base::Environment& env) {
  auto service = TRY(find_challenge_file(project, env, "CHALLENGE_CONFIG_PATH", "extend-challenge-service"));
  auto handler = TRY(find_challenge_file(project, env, "CONFIG_PATH", "extend-challenge-event-handler"));
  return ChallengeFiles{service, handler};
}

base::Expected<StackPlan> make_plan(const PlanRequest& request) { return Planner(request).plan(); }

}  // namespace gauntlet::lab
