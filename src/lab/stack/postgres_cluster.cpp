#include "lab/stack/postgres_cluster.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <tuple>

#include "base/system_error.hpp"
#include "lab/atomic_file.hpp"
#include "lab/process/launch.hpp"
#include "lab/process/process.hpp"
#include "postgres/blocking_connection.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;

// The socket's folder can be entered by the server's user (and root) alone; TCP is open to every user of the machine.
constexpr const char* kAccessRules =
    "# type  database  user  address       method\n"
    "local   all       all                 trust\n"
    "host    all       all   127.0.0.1/32  scram-sha-256\n"
    "host    all       all   ::1/128       scram-sha-256\n";

/// Text in quotes of this kind, those within it doubled.
std::string quoted(const std::string& text, char quote) {
  std::string out(1, quote);
  for (const char c : text) out.append(c == quote ? 2 : 1, c);
  return out + quote;
}

/// standard_conforming_strings is on: a backslash is itself.
std::string literal(const std::string& text) { return quoted(text, '\''); }

base::Expected<postgres::BlockingConnection> connect(const DatabasePlan& plan, const std::string& database) {
  postgres::ConnectionOptions options;
  options.host = plan.socket_folder.string();
  options.port = plan.port;
  options.database = database;
  options.user = "postgres";
  options.application_name = "gauntlet up";
  return postgres::BlockingConnection::connect(options);
}

base::Expected<bool> exists(postgres::BlockingConnection& connection, const std::string& query) {
  auto result = TRY(connection.run(query));
  return !result.rows.empty();
}

}  // namespace

base::Expected<fs::path> find_postgres_programs() {
  const fs::path programs = "/usr/lib/postgresql/15/bin";
  for (const char* name : {"postgres", "initdb", "psql"})
    if (::access((programs / name).c_str(), X_OK) != 0)
      return base::fail(ErrorKind::failed_precondition,
                        fmt::format("PostgreSQL 15 is not installed ({} is missing): run scripts/install-deps (package "
                                    "postgresql-15)",
                                    (programs / name).string()));
  return programs;
}

base::Expected<void> create_cluster(const fs::path& programs, const fs::path& data, const std::optional<Account>& account) {
  std::error_code error;
  if (fs::exists(data / "PG_VERSION", error)) return {};
  const fs::path fresh = data.string() + ".new";
  if (fs::remove_all(fresh, error); error) return tl::unexpected(base::system_error(error.value(), "cannot clear " + fresh.string()));
  auto made = run_to_end({(programs / "initdb").string(), "--pgdata=" + fresh.string(), "--username=postgres", "--auth=trust",
                          "--encoding=UTF8", "--locale=C.UTF-8"},
                         account, data.parent_path());
  if (!made) {
    fs::remove_all(fresh, error);
    return tl::unexpected(made.error());
  }
  // initdb has made the file, so that its owner and mode stay right when it is written over.
  if (std::FILE* rules = std::fopen((fresh / "pg_hba.conf").c_str(), "w"); rules != nullptr) {
    std::fputs(kAccessRules, rules);
    if (std::fclose(rules) != 0) return tl::unexpected(base::system_error(errno, "cannot write pg_hba.conf"));
  } else {
    return tl::unexpected(base::system_error(errno, "cannot write pg_hba.conf"));
  }
  if (fs::rename(fresh, data, error); error) return tl::unexpected(base::system_error(error.value(), "cannot make " + data.string()));
  return {};
}

std::vector<std::string> postgres_command(const fs::path& programs, const fs::path& data, const fs::path& socket_folder, int port,
                                          const DatabaseSettings& settings) {
  std::vector<std::string> command{(programs / "postgres").string(), "-D", data.string()};
  const std::pair<const char*, std::string> values[] = {
      {"listen_addresses", "127.0.0.1"},
      {"port", std::to_string(port)},
      {"unix_socket_directories", quoted(socket_folder.string(), '"')},  // a list; this is one, commas and all
      {"max_connections", std::to_string(settings.max_connections)},
      {"shared_buffers", settings.shared_buffers},
      {"shared_preload_libraries", "pg_stat_statements"},
      {"pg_stat_statements.max", "5000"},
      {"track_io_timing", "on"},
      {"log_line_prefix", "%m [%p] %q%a "},
      {"timezone", "UTC"},
      {"log_timezone", "UTC"},
      // The default makes a checkpoint every 1 GB of WAL: half a minute of the guide's top level.
      {"max_wal_size", "4GB"},
  };
  for (const auto& [name, value] : values) command.insert(command.end(), {"-c", fmt::format("{}={}", name, value)});
  return command;
}

void clear_stale_pid_file(const fs::path& programs, const fs::path& data) {
  std::error_code error;
  if (fs::exists(data / "postmaster.pid", error) && find_processes(data, programs / "postgres").empty())
    fs::remove(data / "postmaster.pid", error);
}

base::Expected<void> prepare_database(const DatabasePlan& plan) {
  auto server = TRY(connect(plan, "postgres"));
  auto has_role = TRY(exists(server, "SELECT 1 FROM pg_roles WHERE rolname = " + literal(plan.user)));
  // A statement's text can be read in pg_stat_statements and in the server's log: the verifier may stand there, not the password.
  const auto verifier = TRY(server.password_verifier(plan.user, plan.password));
  // The services migrate and the guide's commands reset statistics as this user, as with the container's POSTGRES_USER.
  const std::string role = fmt::format("{} ROLE {} SUPERUSER LOGIN PASSWORD {}", has_role ? "ALTER" : "CREATE",
                                       postgres::quoted_name(plan.user), literal(verifier));
  std::ignore = TRY(server.run(role));
  auto has_database = TRY(exists(server, "SELECT 1 FROM pg_database WHERE datname = " + literal(plan.name)));
  if (!has_database)
    if (auto done =
            server.run(fmt::format("CREATE DATABASE {} OWNER {}", postgres::quoted_name(plan.name), postgres::quoted_name(plan.user)));
        !done)
      return tl::unexpected(done.error());
  auto database = TRY(connect(plan, plan.name));
  std::ignore = TRY(database.run("CREATE EXTENSION IF NOT EXISTS pg_stat_statements"));
  return {};
}

}  // namespace gauntlet::lab
