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

/// One of several servers.
struct ServerAddress {
  std::string host;
  int port = 5432;
};

struct ConnectionOptions {
  std::string host = "localhost";             // DB_HOST: a name, an address, or the folder of a unix socket (starts with '/')
  int port = 5432;                            // DB_PORT, 1 to 65535
  std::vector<ServerAddress> others;          // the further servers of a list: one of them all takes writes, the others follow it
  bool writable = false;                      // a server that takes no writes is passed over (target_session_attrs=read-write)
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

  /// Takes libpq's lists: names with commas between them, and one port for all of them or one each. With more than one
  /// server only that which takes writes is used. invalid_argument: names of the settings, as in DB_HOST, stand in its words.
  base::Expected<void> use_servers(const std::string& hosts, const std::string& ports, std::string_view hosts_setting,
                                   std::string_view ports_setting);
  /// The same as libpq's lists.
  std::string hosts() const;
  std::string ports() const;
  /// The options of each server alone, in the list's order.
  std::vector<ConnectionOptions> each_server() const;

  /// "user@host:port/database", or "user@a:5432,b:5432/database", for messages; never the password.
  std::string describe() const;
  /// "host:port" of the first server.
  std::string server() const;

  /// Keyword and value pairs as libpq's PQconnectdbParams takes them.
  std::vector<std::pair<std::string, std::string>> libpq_parameters() const;
};

}  // namespace gauntlet::postgres
