#include "postgres/server_error.hpp"

#include <libpq-fe.h>

namespace gauntlet::postgres {
namespace {

/// libpq ends its messages with a newline and wraps long ones.
std::string one_line(std::string_view text) {
  std::string line(text);
  for (char& c : line)
    if (c == '\n' || c == '\t') c = ' ';
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

}  // namespace

base::ErrorKind kind_of_sqlstate(std::string_view sqlstate) {
  using base::ErrorKind;
  const std::string_view group = sqlstate.substr(0, 2);
  if (sqlstate == "23505") return ErrorKind::already_exists;
  if (sqlstate == "57014") return ErrorKind::deadline_exceeded;
  // Whether it took effect is not known.
  if (sqlstate == "40003") return ErrorKind::unavailable;
  // 25P03 and 25P02: the transaction is gone or failed. 26000: prepared behind a failed statement of its transaction.
  if (group == "40" || sqlstate == "25P02" || sqlstate == "26000") return ErrorKind::aborted;
  // 25006: a standby. 57P01 to 57P05: shutdown, crash, starting up, database dropped, idle. 53: the server's disk is full,
  // its memory or its connections are used up; resource_exhausted is what our own queues say.
  if (group == "08" || group == "53" || sqlstate.substr(0, 3) == "57P" || sqlstate == "25006" || sqlstate == "25P03")
    return ErrorKind::unavailable;
  // P0001: a trigger of the operator's raised it.
  if (group == "22" || group == "23" || group == "44" || sqlstate == "P0001") return ErrorKind::invalid_argument;
  // 42501: the role lacks a right.
  if (group == "28" || sqlstate == "42501") return ErrorKind::permission_denied;
  return ErrorKind::internal;
}

base::Error error_of(const pg_result* result) {
  const auto field = [&](int code) {
    const char* text = PQresultErrorField(result, code);
    return std::string_view(text != nullptr ? text : "");
  };
  const std::string_view sqlstate = field(PG_DIAG_SQLSTATE);
  if (sqlstate.empty()) {
    if (PQresultStatus(result) == PGRES_PIPELINE_ABORTED)
      return {base::ErrorKind::aborted, "not run: an earlier statement of its group failed"};
    return {base::ErrorKind::unavailable, one_line(PQresultErrorMessage(result))};
  }
  base::ErrorKind kind = kind_of_sqlstate(sqlstate);
  // A check violation that names no constraint: no partition takes the row. The schema lacks something, not the value.
  if (sqlstate == "23514" && field(PG_DIAG_CONSTRAINT_NAME).empty()) kind = base::ErrorKind::not_found;
  std::string message(field(PG_DIAG_MESSAGE_PRIMARY));
  if (const auto detail = field(PG_DIAG_MESSAGE_DETAIL); !detail.empty()) message.append(": ").append(detail);
  if (const auto context = field(PG_DIAG_CONTEXT); !context.empty()) message.append(", ").append(context);
  message.append(" (SQLSTATE ").append(sqlstate).append(")");
  return {kind, one_line(message)};
}

bool is_from_read_only_server(const pg_result* result) {
  const char* sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return sqlstate != nullptr && std::string_view(sqlstate) == "25006";
}

base::Error connection_error(const pg_conn* connection, std::string_view where) {
  std::string message = one_line(PQerrorMessage(connection));
  if (message.empty()) message = "connection closed";
  return base::Error{base::ErrorKind::unavailable, std::move(message)}.in(where);
}

void ignore_notices(pg_conn* connection) {
  PQsetNoticeProcessor(
      connection, [](void*, const char*) {}, nullptr);
}

void note_unreplicated_commits(pg_conn* connection, bool& unreplicated) {
  PQsetNoticeReceiver(
      connection,
      [](void* noted, const pg_result* notice) {
        // The function that says it; its words may be of any language.
        const char* function = PQresultErrorField(notice, PG_DIAG_SOURCE_FUNCTION);
        if (function != nullptr && std::string_view(function) == "SyncRepWaitForLSN") *static_cast<bool*>(noted) = true;
      },
      &unreplicated);
}

}  // namespace gauntlet::postgres
