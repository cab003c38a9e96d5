#include "postgres/values.hpp"

#include <bit>
#include <cassert>
#include <cstring>
#include <limits>
#include <type_traits>

#include "postgres/wire_format.hpp"

namespace gauntlet::postgres {
namespace {

/// How a C++ type is written as one binary value.
template <class T>
struct Codec;

template <class T>
struct IntegerCodec {
  static void write(std::string& out, T value) { wire_format::append(out, value); }
};
template <>
struct Codec<bool> {
  static constexpr Type kType = Type::boolean;
  static void write(std::string& out, bool value) { out.push_back(value ? '\1' : '\0'); }
};
template <>
struct Codec<std::int32_t> : IntegerCodec<std::int32_t> {
  static constexpr Type kType = Type::int4;
};
template <>
struct Codec<std::int64_t> : IntegerCodec<std::int64_t> {
  static constexpr Type kType = Type::int8;
};
template <>
struct Codec<double> {
  static constexpr Type kType = Type::float8;
  static void write(std::string& out, double value) { wire_format::append(out, std::bit_cast<std::int64_t>(value)); }
};
template <>
struct Codec<std::string_view> {
  static constexpr Type kType = Type::text;
  static void write(std::string& out, std::string_view value) { out.append(value); }
};
template <>
struct Codec<std::string> : Codec<std::string_view> {};
template <>
struct Codec<Timestamp> {
  static constexpr Type kType = Type::timestamp;
  static void write(std::string& out, Timestamp value) { wire_format::append(out, value.microseconds - wire_format::kEpochMicroseconds); }
};
template <>
struct Codec<Date> {
  static constexpr Type kType = Type::date;
  static void write(std::string& out, Date value) { wire_format::append(out, value.days - wire_format::kEpochDays); }
};
template <>
struct Codec<Uuid> {
  static constexpr Type kType = Type::uuid;
  static void write(std::string& out, const Uuid& value) {
    out.append(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
  }
};

template <class T>
void write_element(std::string& out, const T& value) {
  const std::size_t length_at = out.size();
  wire_format::append(out, std::int32_t{0});
  Codec<T>::write(out, value);
  wire_format::put(out.data() + length_at, static_cast<std::int32_t>(out.size() - length_at - 4));
}

template <class T>
struct Element {
  using Value = T;
  static bool is_null(const T&) { return false; }
  static const T& value(const T& element) { return element; }
};
template <class T>
struct Element<std::optional<T>> {
  using Value = T;
  static bool is_null(const std::optional<T>& element) { return !element; }
  static const T& value(const std::optional<T>& element) { return *element; }
};

/// https://github.com/postgres/postgres/blob/REL_15_STABLE/src/backend/utils/adt/arrayfuncs.c (array_recv): dimensions,
/// has-nulls flag, element type, then length and lower bound of each dimension, then the elements.
template <class Range>
void write_array(std::string& out, const Range& values) {
  using E = Element<typename std::decay_t<Range>::value_type>;
  bool has_nulls = false;
  for (const auto& value : values) has_nulls |= E::is_null(value);
  const bool empty = values.begin() == values.end();
  wire_format::append(out, std::int32_t{empty ? 0 : 1});
  wire_format::append(out, std::int32_t{has_nulls ? 1 : 0});
  wire_format::append(out, static_cast<std::int32_t>(Codec<typename E::Value>::kType));
  if (empty) return;
  wire_format::append(out, static_cast<std::int32_t>(values.size()));
  wire_format::append(out, std::int32_t{1});
  for (const auto& value : values) {
    if (E::is_null(value)) wire_format::append(out, std::int32_t{-1});
    else write_element<typename E::Value>(out, E::value(value));
  }
}

}  // namespace

void Parameters::begin() { fields_.push_back({buffer_.size(), 0}); }

Parameters& Parameters::end() {
  const std::size_t length = buffer_.size() - fields_.back().offset;
  assert(length <= static_cast<std::size_t>(std::numeric_limits<int>::max()));
  fields_.back().length = static_cast<int>(length);
  return *this;
}

Parameters& Parameters::add(bool value) { return begin(), Codec<bool>::write(buffer_, value), end(); }
Parameters& Parameters::add(std::int32_t value) { return begin(), Codec<std::int32_t>::write(buffer_, value), end(); }
Parameters& Parameters::add(std::int64_t value) { return begin(), Codec<std::int64_t>::write(buffer_, value), end(); }
Parameters& Parameters::add(double value) { return begin(), Codec<double>::write(buffer_, value), end(); }
Parameters& Parameters::add(std::string_view value) { return begin(), Codec<std::string_view>::write(buffer_, value), end(); }
Parameters& Parameters::add(Timestamp value) { return begin(), Codec<Timestamp>::write(buffer_, value), end(); }
Parameters& Parameters::add(Date value) { return begin(), Codec<Date>::write(buffer_, value), end(); }
Parameters& Parameters::add(const Uuid& value) { return begin(), Codec<Uuid>::write(buffer_, value), end(); }
Parameters& Parameters::add(Bytes value) {
  begin();
  buffer_.append(value.bytes);
  return end();
}

Parameters& Parameters::add_null() {
  fields_.push_back({buffer_.size(), -1});
  return *this;
}

template <class T>
Parameters& Parameters::add_array(std::span<const T> values) {
  begin();
  write_array(buffer_, values);
  return end();
}

Parameters& Parameters::add_array(const std::vector<bool>& values) {
  begin();
  write_array(buffer_, values);
  return end();
}

template Parameters& Parameters::add_array(std::span<const std::int32_t>);
template Parameters& Parameters::add_array(std::span<const std::int64_t>);
template Parameters& Parameters::add_array(std::span<const std::string_view>);
template Parameters& Parameters::add_array(std::span<const std::string>);
template Parameters& Parameters::add_array(std::span<const Timestamp>);
template Parameters& Parameters::add_array(std::span<const Date>);
template Parameters& Parameters::add_array(std::span<const Uuid>);
template Parameters& Parameters::add_array(std::span<const bool>);
template Parameters& Parameters::add_array(std::span<const std::optional<std::int32_t>>);
template Parameters& Parameters::add_array(std::span<const std::optional<std::string>>);
template Parameters& Parameters::add_array(std::span<const std::optional<Timestamp>>);

void Parameters::clear() {
  buffer_.clear();
  fields_.clear();
}

std::string_view Parameters::operator[](std::size_t index) const {
  const Field& field = fields_[index];
  if (field.length < 0) return {};
  return std::string_view(buffer_).substr(field.offset, static_cast<std::size_t>(field.length));
}

}  // namespace gauntlet::postgres
