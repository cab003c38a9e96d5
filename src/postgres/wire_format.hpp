#pragma once
// PostgreSQL's binary numbers: big-endian, and dates that count from 2000-01-01. For the files of this folder.
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

namespace gauntlet::postgres::wire_format {

static_assert(std::endian::native == std::endian::little, "byte order is swapped unconditionally below");

/// PostgreSQL's epoch in ours.
constexpr std::int64_t kEpochMicroseconds = 946'684'800'000'000;
constexpr std::int32_t kEpochDays = 10'957;

template <class T>
T swapped(T value) {
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
}

template <class T>
void put(char* at, T value) {
  const T big_endian = swapped(value);
  std::memcpy(at, &big_endian, sizeof big_endian);
}

template <class T>
T get(const char* at) {
  T big_endian;
  std::memcpy(&big_endian, at, sizeof big_endian);
  return swapped(big_endian);
}

template <class T>
void append(std::string& out, T value) {
  const T big_endian = swapped(value);
  out.append(reinterpret_cast<const char*>(&big_endian), sizeof big_endian);
}

}  // namespace gauntlet::postgres::wire_format
