#pragma once
// Failures that libpq reports, as base::Error. For the files of this folder.
#include <string>
#include <string_view>

#include "base/error.hpp"

struct pg_conn;
struct pg_result;

namespace gauntlet::postgres {

/// The kind that a SQLSTATE (https://www.postgresql.org/docs/15/errcodes-appendix.html) means to a caller; the table is
/// in connection.hpp.
base::ErrorKind kind_of_sqlstate(std::string_view sqlstate);

/// "primary message: detail (SQLSTATE 23505)" of a failed result.
base::Error error_of(const pg_result* result);

/// A server that has become a standby, or takes no writes for another reason, says so to every statement that writes (25006).
bool is_from_read_only_server(const pg_result* result);

/// Why a connection failed or was lost, in one line.
base::Error connection_error(const pg_conn* connection, std::string_view where);

/// libpq prints server notices to standard error; ours go nowhere (they are warnings about our own idempotent DDL).
void ignore_notices(pg_conn* connection);

/// The same, but `unreplicated` becomes true when a commit has not been waited for: whoever cancels a backend that waits for its
/// synchronous standby makes it answer "committed", with a warning that a failover may undo it. It outlives the connection.
void note_unreplicated_commits(pg_conn* connection, bool& unreplicated);

}  // namespace gauntlet::postgres
