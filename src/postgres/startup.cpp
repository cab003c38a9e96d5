#include "postgres/startup.hpp"

#include <fmt/format.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include "base/log.hpp"
#include "base/signals.hpp"
#include "postgres/blocking_connection.hpp"
#include "postgres/migrations.hpp"

namespace gauntlet::postgres {
namespace {

constexpr std::chrono::milliseconds kRetryPause{200};

struct Advice {
  std::string_view words;  // of libpq or the server
  std::string_view text;   // {0}, {1}: the settings of the role and its password
};

/// The first whose words the message holds counts. A server may speak another language than English; then the message
/// stands alone, behind what it is about.
constexpr Advice kAdvice[] = {
    {"session is read-only", "no server of DB_HOST takes writes: one of them has to be the primary"},
    {"could not translate host name", "DB_HOST must be a host name or an address that is known here, or the folder of a unix socket"},
    {"Connection refused", "is PostgreSQL running there? DB_HOST and DB_PORT say where"},
    {"No such file or directory", "is PostgreSQL running there? DB_HOST and DB_PORT say where"},
    {"timeout expired", "nothing answers there: DB_HOST and DB_PORT say where, and a firewall may lie between"},
    {"password authentication failed", "{0} and {1} must be a role of that server and its password"},
    {"no password supplied", "that role needs a password: {1}"},
    {"is not permitted to log in", "ALTER ROLE ... LOGIN lets it, or {0} names another one"},
    {"pg_hba.conf", "the server's pg_hba.conf must let {0} in from here; where it asks for encryption, DB_SSLMODE=require"},
    {"does not support SSL", "DB_SSLMODE=disable or prefer, or encryption switched on at the server"},
    {"certificate", "DB_SSLMODE=verify-full and verify-ca need the server's root certificate in ~/.postgresql/root.crt"},
    {"FATAL:  database \"", "CREATE DATABASE makes it, or DB_NAME names another one"},
    {"role \"", "CREATE ROLE ... LOGIN makes it, or {0} names another one"},
    {"too many connections", "DB_MAX_OPEN_CONNS of all replicas together must stay below the server's max_connections"},
    {"too many clients", "DB_MAX_OPEN_CONNS of all replicas together must stay below the server's max_connections"},
};

/// PgBouncer's words for the settings that a session of ours begins with.
constexpr std::string_view kUnsupportedByPooler = "unsupported startup parameter";
constexpr std::string_view kNoPooler =
    "a pooler such as PgBouncer stands between here and PostgreSQL and does not keep a session's settings, prepared statements and "
    "temporary tables, which the services need. DB_HOST and DB_PORT must name PostgreSQL itself: the services pool their connections "
    "(DB_MAX_OPEN_CONNS)";

constexpr std::string_view kMayNotChangeSchema =
    "that role may not change the schema: DB_MIGRATION_USER and DB_MIGRATION_PASSWORD of challenge-service name one that may";

/// failed_precondition where our connections are no sessions of our own.
base::Expected<void> check_sessions(const ConnectionOptions& options) {
  const std::string settings =
      "SELECT pg_backend_pid(), current_setting('TimeZone'), current_setting('idle_in_transaction_session_timeout')";
  auto first = TRY(BlockingConnection::connect(options));
  const auto alone = TRY(first.run(settings)).rows.at(0);
  if (alone[0] == std::to_string(first.server_pid())) return {};
  // A pooler it is; one that lends a session for a connection's whole life, settings and all, would do.
  auto second = TRY(BlockingConnection::connect(options));
  const auto beside = TRY(second.run("BEGIN; " + settings)).rows.at(0);
  if (alone[0] != beside[0] && alone[1] == "UTC" && alone[2] == "1min") return {};
  return base::fail(base::ErrorKind::failed_precondition, std::string(kNoPooler));
}

base::Expected<MigrationReport> check_and_migrate(const ConnectionOptions& owner, const std::filesystem::path& folder) {
  if (auto checked = check_sessions(owner); !checked) {
    if (checked.error().message.find(kUnsupportedByPooler) == std::string::npos) return tl::unexpected(std::move(checked.error()));
    return base::fail(base::ErrorKind::failed_precondition, checked.error().message.append(" (").append(kNoPooler).append(")"));
  }
  return migrate(owner, folder);
}

}  // namespace

base::Error with_advice(base::Error error, const RoleSettings& role) {
  if (error.kind == base::ErrorKind::permission_denied) {
    error.message.append(" (").append(kMayNotChangeSchema).append(")");
    return error;
  }
  for (const Advice& advice : kAdvice) {
    if (error.message.find(advice.words) == std::string::npos) continue;
    error.message += " (" + fmt::format(fmt::runtime(advice.text), role.user, role.password) + ")";
    break;
  }
  return error;
}

base::Expected<void> prepare_schema(const ConnectionOptions& owner, const RoleSettings& role, const std::string& migrations_path,
                                    std::chrono::milliseconds patience) {
  const auto folder = TRY(find_migrations(migrations_path));
  const auto give_up_at = std::chrono::steady_clock::now() + patience;
  for (bool first = true;; first = false) {
    auto migrated = check_and_migrate(owner, folder);
    if (migrated) {
      for (const std::string& name : migrated->applied) base::log::info("migration applied", {{"name", name}});
      return {};
    }
    base::Error error = with_advice(std::move(migrated.error()), role);
    const std::string where = "PostgreSQL at " + owner.describe();
    if (error.message.find(where) == std::string::npos) error = std::move(error).in(where);
    const bool waits_on = std::chrono::steady_clock::now() < give_up_at && !base::is_pending({SIGTERM, SIGINT});
    if (error.kind != base::ErrorKind::unavailable || !waits_on) return tl::unexpected(std::move(error));
    if (first) base::log::warn("waiting for PostgreSQL", {{"at", owner.describe()}, {"reason", error.message}});
    std::this_thread::sleep_for(kRetryPause);
  }
}

}  // namespace gauntlet::postgres
