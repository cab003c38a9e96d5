#pragma once
// Numbers as they lie in network protocols: most significant byte first.
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

namespace gauntlet::base::big_endian {

static_assert(std::endian::native == std::endian::little, "byte order is swapped unconditionally below");

template <class T>
T swapped(T value) {
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
}

template <class T>
void put(char* at, T value) {
  const T swapped_value = swapped(value);
  std::memcpy(at, &swapped_value, sizeof swapped_value);
}

template <class T>
T get(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return swapped(value);
}

template <class T>
void append(std::string& out, T value) {
  const T swapped_value = swapped(value);
  out.append(reinterpret_cast<const char*>(&swapped_value), sizeof swapped_value);
}

}  // namespace gauntlet::base::big_endian
