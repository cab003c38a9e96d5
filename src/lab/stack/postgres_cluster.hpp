#pragma once
// The stack's private PostgreSQL: its data folder, its settings, the database in it.
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "lab/process/account.hpp"
#include "lab/stack/component.hpp"
#include "lab/stack/stack_settings.hpp"

namespace gauntlet::lab {

/// Folder of PostgreSQL 15's programs as Debian installs them; failed_precondition names the package when it is absent.
base::Expected<std::filesystem::path> find_postgres_programs();

/// Makes the data folder with initdb unless it is there. It appears whole or not at all: an interrupted attempt is
/// thrown away by the next. Takes a second or two. Superuser `postgres`; local socket connections (the folder is closed
/// to others) need no password, TCP ones do.
base::Expected<void> create_cluster(const std::filesystem::path& programs, const std::filesystem::path& data,
                                    const std::optional<Account>& account);

/// The server's command line: port, sizes, pg_stat_statements; fsync stays on. Listens on loopback only.
std::vector<std::string> postgres_command(const std::filesystem::path& programs, const std::filesystem::path& data,
                                          const std::filesystem::path& socket_folder, int port, const DatabaseSettings& settings);

/// Removes a postmaster.pid whose process is gone for good, for a pid that another process has been given since would
/// make PostgreSQL refuse to start. Safe: no process may work in the data folder.
void clear_stale_pid_file(const std::filesystem::path& programs, const std::filesystem::path& data);

/// Role, password, database and pg_stat_statements as the plan wants them, over the local socket. Idempotent; blocks
/// for some milliseconds, at most for the connection's timeouts.
base::Expected<void> prepare_database(const DatabasePlan& plan);

}  // namespace gauntlet::lab
