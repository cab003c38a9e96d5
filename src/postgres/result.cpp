#include "postgres/result.hpp"

#include <libpq-fe.h>

#include <cstdio>
#include <cstdlib>
#include <limits>

#include "postgres/wire_format.hpp"

namespace gauntlet::postgres {
namespace {

[[noreturn]] void misread(const pg_result* result, int column, const char* why) {
  const char* name = PQfname(result, column);
  std::fprintf(stderr, "fatal: column %d (%s) of a PostgreSQL result %s\n", column, name != nullptr ? name : "absent", why);
  std::abort();
}

struct Cell {
  const pg_result* result;
  int row;
  int column;

  const char* bytes(int size) const {
    check_present();
    if (PQgetlength(result, row, column) != size) misread(result, column, "has another size than the type it is read as");
    return PQgetvalue(result, row, column);
  }
  std::string_view text() const {
    check_present();
    return {PQgetvalue(result, row, column), static_cast<std::size_t>(PQgetlength(result, row, column))};
  }
  void check_present() const {
    if (column < 0 || column >= PQnfields(result)) misread(result, column, "does not exist");
    if (PQgetisnull(result, row, column) != 0) misread(result, column, "is null and read as a plain value");
  }
};

template <class T>
T read(const Cell& cell);

template <>
bool read(const Cell& cell) {
  return *cell.bytes(1) != 0;
}
template <>
std::int32_t read(const Cell& cell) {
  return wire_format::get<std::int32_t>(cell.bytes(4));
}
template <>
std::int64_t read(const Cell& cell) {
  if (cell.text().size() == 4) return read<std::int32_t>(cell);
  return wire_format::get<std::int64_t>(cell.bytes(8));
}
template <>
std::string_view read(const Cell& cell) {
  return cell.text();
}
template <>
std::string read(const Cell& cell) {
  return std::string(cell.text());
}
template <>
Timestamp read(const Cell& cell) {
  const auto since_2000 = wire_format::get<std::int64_t>(cell.bytes(8));
  // 'infinity' and '-infinity' are the ends of the range and stay there.
  using Limits = std::numeric_limits<std::int64_t>;
  if (since_2000 == Limits::min() || since_2000 > Limits::max() - wire_format::kEpochMicroseconds)
    return {since_2000 < 0 ? Limits::min() : Limits::max()};
  return {since_2000 + wire_format::kEpochMicroseconds};
}
template <>
Date read(const Cell& cell) {
  return {wire_format::get<std::int32_t>(cell.bytes(4)) + wire_format::kEpochDays};
}
template <>
Uuid read(const Cell& cell) {
  Uuid uuid;
  std::memcpy(uuid.bytes.data(), cell.bytes(16), 16);
  return uuid;
}

template <class T>
struct Reader {
  static T get(const Cell& cell) { return read<T>(cell); }
};
template <class T>
struct Reader<std::optional<T>> {
  static std::optional<T> get(const Cell& cell) {
    if (cell.column < PQnfields(cell.result) && PQgetisnull(cell.result, cell.row, cell.column) != 0) return std::nullopt;
    return read<T>(cell);
  }
};

}  // namespace

template <class T>
T Row::get(int column) const {
  return Reader<T>::get(Cell{result_, row_, column});
}

#define GAUNTLET_ROW_GET(T)          \
  template T Row::get<T>(int) const; \
  template std::optional<T> Row::get<std::optional<T>>(int) const;
GAUNTLET_ROW_GET(bool)
GAUNTLET_ROW_GET(std::int32_t)
GAUNTLET_ROW_GET(std::int64_t)
GAUNTLET_ROW_GET(std::string_view)
GAUNTLET_ROW_GET(std::string)
GAUNTLET_ROW_GET(Timestamp)
GAUNTLET_ROW_GET(Date)
GAUNTLET_ROW_GET(Uuid)
#undef GAUNTLET_ROW_GET

void Result::Release::operator()(pg_result* result) const { PQclear(result); }

Result::Result(pg_result* owned) : result_(owned), rows_(PQntuples(owned)) {}
Result::~Result() = default;
Result::Result(Result&&) noexcept = default;
Result& Result::operator=(Result&&) noexcept = default;

std::int64_t Result::affected() const { return std::strtoll(PQcmdTuples(result_.get()), nullptr, 10); }
std::string_view Result::command() const { return PQcmdStatus(result_.get()); }

}  // namespace gauntlet::postgres
