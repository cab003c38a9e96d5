#pragma once
// Values as they travel to and from PostgreSQL in its binary format
// (https://www.postgresql.org/docs/15/protocol-overview.html#PROTOCOL-FORMAT-CODES). Nothing is formatted or parsed as
// text on the way.
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.hpp"

namespace gauntlet::postgres {

/// PostgreSQL's type numbers (OIDs of pg_type.dat), for the parameters of a Statement.
enum class Type : unsigned {
  boolean = 16,
  bytea = 17,
  int8 = 20,
  int4 = 23,
  text = 25,
  float8 = 701,
  date = 1082,
  timestamp = 1114,
  uuid = 2950,
  boolean_array = 1000,
  int4_array = 1007,
  text_array = 1009,
  int8_array = 1016,
  timestamp_array = 1115,
  date_array = 1182,
  uuid_array = 2951,
};

/// `timestamp` without zone, which our tables hold in UTC: microseconds since 1970-01-01T00:00:00Z.
struct Timestamp {
  std::int64_t microseconds = 0;
  auto operator<=>(const Timestamp&) const = default;
};

/// `date`: days since 1970-01-01.
struct Date {
  std::int32_t days = 0;
  auto operator<=>(const Date&) const = default;
};

/// `uuid`
using Uuid = base::Uuid;

/// `bytea`; a view, like std::string_view for text.
struct Bytes {
  std::string_view bytes;
};

/// The parameters of one execution, in order: $1, $2, ...
///
///   Parameters p;
///   p.add(user_id).add(7).add(Timestamp{now_us}).add_null().add_array(std::span(goal_ids));
///
/// Values are copied in. A cleared object keeps its memory, so a writer can reuse one per batch.
/// C++ types and the Type to declare: bool boolean, int32_t int4, int64_t int8, double float8, string_view text (fits
/// varchar columns), Timestamp timestamp, Date date, Uuid uuid,
/// Bytes bytea; add_array of them the _array types, with
/// std::optional<T> elements where an element may be null.
class Parameters {
 public:
  Parameters& add(bool value);
  Parameters& add(std::int32_t value);
  Parameters& add(std::int64_t value);
  Parameters& add(double value);
  Parameters& add(std::string_view value);
  Parameters& add(const char* value) { return add(std::string_view(value)); }
  Parameters& add(Timestamp value);
  Parameters& add(Date value);
  Parameters& add(const Uuid& value);
  Parameters& add(Bytes value);
  Parameters& add_null();
  template <class T>
  Parameters& add(const std::optional<T>& value) {
    return value ? add(*value) : add_null();
  }

  /// A one-dimensional array. T is one of the types above, std::string or std::optional of one.
  template <class T>
  Parameters& add_array(std::span<const T> values);
  template <class T>
  Parameters& add_array(const std::vector<T>& values) {
    return add_array(std::span<const T>(values));
  }
  Parameters& add_array(const std::vector<bool>& values);

  void clear();
  std::size_t size() const { return fields_.size(); }
  /// Bytes of all values together.
  std::size_t bytes() const { return buffer_.size(); }

  /// The index-th value's bytes; a null's data() is nullptr.
  std::string_view operator[](std::size_t index) const;

 private:
  struct Field {
    std::size_t offset;
    int length;  // -1 = null
  };
  void begin();
  Parameters& end();

  std::string buffer_;
  std::vector<Field> fields_;
};

}  // namespace gauntlet::postgres
