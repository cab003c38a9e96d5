#pragma once
// What a statement answered: rows of binary values, and how many rows it touched.
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "postgres/values.hpp"

struct pg_result;

namespace gauntlet::postgres {

/// One row of a Result; valid while the Result lives. Columns count from 0.
class Row {
 public:
  Row(const pg_result* result, int row) : result_(result), row_(row) {}

  /// T: bool, int32_t, int64_t (int4 widens), std::string_view (text and varchar; points into the Result),
  /// std::string, Timestamp, Date, Uuid, or std::optional of one where the column may be null. A null read as a plain T,
  /// or a column of another size than T, is a programmer error and aborts.
  ///
  ///   row.get<std::int32_t>(3);  row.get<std::optional<Timestamp>>(5);
  template <class T>
  T get(int column) const;

 private:
  const pg_result* result_;
  int row_;
};

/// Owns one answer; movable. Any thread may read it.
class Result {
 public:
  /// Takes ownership of libpq's result.
  explicit Result(pg_result* owned);
  ~Result();
  Result(Result&&) noexcept;
  Result& operator=(Result&&) noexcept;

  int rows() const { return rows_; }
  bool empty() const { return rows_ == 0; }
  Row operator[](int row) const { return {result_.get(), row}; }
  /// Rows that an INSERT, UPDATE, DELETE or COPY touched; of a SELECT, the rows it returned.
  std::int64_t affected() const;
  /// The server's name for what ran: "UPDATE 3", "COMMIT", "ROLLBACK".
  std::string_view command() const;

  class Iterator {
   public:
    Iterator(const pg_result* result, int row) : result_(result), row_(row) {}
    Row operator*() const { return {result_, row_}; }
    Iterator& operator++() {
      ++row_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return row_ != other.row_; }

   private:
    const pg_result* result_;
    int row_;
  };
  Iterator begin() const { return {result_.get(), 0}; }
  Iterator end() const { return {result_.get(), rows_}; }

 private:
  struct Release {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Release> result_;
  int rows_ = 0;
};

}  // namespace gauntlet::postgres
