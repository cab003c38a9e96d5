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

/// Why a connection failed or was lost, in one line.
base::Error connection_error(const pg_conn* connection, std::string_view where);

/// libpq prints server notices to standard error; ours go nowhere (they are warnings about our own idempotent DDL).
void ignore_notices(pg_conn* connection);

}  // namespace gauntlet::postgres
