#pragma once
// Where PostgreSQL is and as whom to speak to it: the DB_* settings of both services.
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace gauntlet::postgres {

struct ConnectionOptions {
  std::string host = "localhost";             // DB_HOST: a name, an address, or the folder of a unix socket (starts with '/')
  int port = 5432;                            // DB_PORT, 1 to 65535
  std::string database = "challenge_db";      // DB_NAME
  std::string user = "postgres";              // DB_USER
  std::string password;                       // DB_PASSWORD
  std::string sslmode = "disable";            // DB_SSLMODE: disable, allow, prefer, require, verify-ca, verify-full
  std::string application_name = "gauntlet";  // shown in pg_stat_activity

  std::chrono::milliseconds connect_timeout{5000};
  /// The server cancels a statement after this; the client gives a silent connection up one second later. 0 = never.
  std::chrono::milliseconds statement_timeout{10000};
  /// Server settings of every connection, as `SET name = value` takes them; for example {"plan_cache_mode",
  /// "force_generic_plan"}.
  std::vector<std::pair<std::string, std::string>> server_settings;

  /// Reads DB_HOST, DB_PORT, DB_NAME, DB_USER, DB_PASSWORD and DB_SSLMODE through `lookup`, which answers nothing for
  /// an unset variable; unset and empty ones keep the defaults above. An invalid value is invalid_argument with its
  /// name, its value and what is allowed.
  using Lookup = std::function<std::optional<std::string>(const std::string& name)>;
  static base::Expected<ConnectionOptions> from_settings(const Lookup& lookup);

  /// The same, read from the process's environment.
  static base::Expected<ConnectionOptions> from_environment();

  /// "user@host:port/database" for messages; never the password.
  std::string describe() const;

  /// Keyword and value pairs as libpq's PQconnectdbParams takes them.
  std::vector<std::pair<std::string, std::string>> libpq_parameters() const;
};

}  // namespace gauntlet::postgres
