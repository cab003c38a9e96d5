#include "postgres/blocking_connection.hpp"

#include <libpq-fe.h>

#include <utility>

#include "postgres/server_error.hpp"
#include "postgres/wire_format.hpp"

namespace gauntlet::postgres {
namespace {

/// https://www.postgresql.org/docs/15/sql-copy.html, "Binary Format".
constexpr std::string_view kCopyHeader("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
/// Sent in pieces of this size, so that memory stays flat however much is copied.
constexpr std::size_t kCopyPieceBytes = 256 * 1024;

bool succeeded(const pg_result* result) {
  const auto status = PQresultStatus(result);
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

}  // namespace

std::string quoted_name(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) out.append(c == '"' ? 2 : 1, c);
  return out + "\"";
}

void CopyRows::end_row() {
  wire_format::append(buffer_, static_cast<std::int16_t>(row_.size()));
  for (std::size_t i = 0; i < row_.size(); ++i) {
    const std::string_view value = row_[i];
    wire_format::append(buffer_, static_cast<std::int32_t>(value.data() == nullptr ? -1 : static_cast<std::int32_t>(value.size())));
    buffer_.append(value);
  }
  row_.clear();
  ++rows_;
}

BlockingConnection::BlockingConnection(pg_conn* connection) : connection_(connection) {}
BlockingConnection::~BlockingConnection() { PQfinish(connection_); }
BlockingConnection::BlockingConnection(BlockingConnection&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}
BlockingConnection& BlockingConnection::operator=(BlockingConnection&& other) noexcept {
  std::swap(connection_, other.connection_);
  return *this;
}

base::Expected<BlockingConnection> BlockingConnection::connect(const ConnectionOptions& options) {
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  const auto parameters = options.libpq_parameters();
  for (const auto& [keyword, value] : parameters) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  BlockingConnection connection(PQconnectdbParams(keywords.data(), values.data(), 0));
  if (PQstatus(connection.connection_) != CONNECTION_OK)
    return tl::unexpected<base::Error>(connection_error(connection.connection_, "PostgreSQL at " + options.describe()));
  ignore_notices(connection.connection_);
  return connection;
}

base::Expected<BlockingConnection::TextResult> BlockingConnection::run(const std::string& sql) {
  pg_result* raw = PQexec(connection_, sql.c_str());
  if (raw == nullptr) return tl::unexpected<base::Error>(connection_error(connection_, "PostgreSQL"));
  const Result result(raw);
  if (!succeeded(raw)) return tl::unexpected<base::Error>(error_of(raw));
  TextResult text;
  text.command = PQcmdStatus(raw);
  const int columns = PQnfields(raw);
  for (int column = 0; column < columns; ++column) text.columns.emplace_back(PQfname(raw, column));
  for (int row = 0; row < result.rows(); ++row) {
    auto& values = text.rows.emplace_back();
    for (int column = 0; column < columns; ++column) values.emplace_back(PQgetvalue(raw, row, column));
  }
  return text;
}

int BlockingConnection::server_pid() const { return PQbackendPID(connection_); }

base::Expected<std::string> BlockingConnection::password_verifier(const std::string& role, const std::string& password) {
  char* made = PQencryptPasswordConn(connection_, password.c_str(), role.c_str(), "scram-sha-256");
  if (made == nullptr) return tl::unexpected<base::Error>(connection_error(connection_, "the password of " + role));
  std::string verifier = made;
  PQfreemem(made);
  return verifier;
}

base::Expected<Result> BlockingConnection::execute(const Statement& statement, const Parameters& parameters) {
  const std::size_t count = parameters.size();
  std::vector<const char*> values(count);
  std::vector<int> lengths(count);
  const std::vector<int> formats(count, 1);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = parameters[i].data();
    lengths[i] = static_cast<int>(parameters[i].size());
  }
  pg_result* raw = PQexecParams(connection_, statement.sql().c_str(), static_cast<int>(count), statement.parameter_types().data(),
                                values.data(), lengths.data(), formats.data(), 1);
  if (raw == nullptr) return tl::unexpected<base::Error>(connection_error(connection_, "PostgreSQL"));
  Result result(raw);
  if (!succeeded(raw)) return tl::unexpected<base::Error>(error_of(raw));
  return result;
}

base::Expected<std::int64_t> BlockingConnection::copy_in(std::string_view table, const std::vector<std::string>& columns,
                                                         const std::function<bool(CopyRows&)>& produce) {
  std::string sql = "COPY " + quoted_name(table) + " (";
  for (std::size_t i = 0; i < columns.size(); ++i) sql.append(i == 0 ? "" : ", ").append(quoted_name(columns[i]));
  sql.append(") FROM STDIN (FORMAT binary)");
  {
    const Result started(PQexec(connection_, sql.c_str()));
    if (PQstatus(connection_) != CONNECTION_OK) return tl::unexpected<base::Error>(connection_error(connection_, "PostgreSQL"));
  }
  if (PQtransactionStatus(connection_) != PQTRANS_ACTIVE)  // not in copy mode: the command itself failed
    return base::fail(base::ErrorKind::internal, sql + ": " + PQerrorMessage(connection_));

  CopyRows rows;
  rows.buffer_.append(kCopyHeader);
  bool more = true;
  bool sent = true;
  while (more && sent) {
    more = produce(rows);
    if (!more) wire_format::append(rows.buffer_, std::int16_t{-1});
    if (!more || rows.buffer_.size() >= kCopyPieceBytes) {
      sent = PQputCopyData(connection_, rows.buffer_.data(), static_cast<int>(rows.buffer_.size())) == 1;
      rows.buffer_.clear();
    }
  }
  if (PQputCopyEnd(connection_, nullptr) != 1) return tl::unexpected<base::Error>(connection_error(connection_, "COPY"));
  base::Expected<std::int64_t> outcome = rows.rows_;
  while (pg_result* raw = PQgetResult(connection_)) {
    const Result result(raw);
    if (!succeeded(raw) && outcome) outcome = tl::unexpected<base::Error>(error_of(raw).in("COPY " + std::string(table)));
  }
  return outcome;
}

}  // namespace gauntlet::postgres
