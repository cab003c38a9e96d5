#include "engine/metrics/packed_row.hpp"

#include <array>
#include <cstring>

namespace gauntlet::engine::metrics {
namespace {

constexpr std::array<double SeriesPoint::*, 6> kNumbers{&SeriesPoint::sum, &SeriesPoint::min, &SeriesPoint::max,
                                                        &SeriesPoint::p50, &SeriesPoint::p95, &SeriesPoint::p99};
template <class T>
void put(const T& value, std::string& out) {
  std::array<char, sizeof(T)> bytes;
  std::memcpy(bytes.data(), &value, sizeof(T));
  out.append(bytes.data(), bytes.size());
}

template <class T>
T take(const char*& at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  at += sizeof(T);
  return value;
}

/// Seven bits to a byte, the lowest first; the highest bit says that more follow.
void put_whole(std::uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7U) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

std::uint64_t take_whole(const char*& at) {
  std::uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = take<std::uint8_t>(at);
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if ((byte & 0x80) == 0) return value;
  }
}

void put_buckets(const std::vector<SeriesBucket>& buckets, std::string& out) {
  put_whole(buckets.size(), out);
  put(buckets.front().index, out);
  std::int32_t before = buckets.front().index;
  for (const SeriesBucket& bucket : buckets) {
    put_whole(static_cast<std::uint64_t>(bucket.index - before), out);  // neighbours mostly, ascending
    put_whole(bucket.count, out);
    before = bucket.index;
  }
}

std::vector<SeriesBucket> take_buckets(const char*& at) {
  std::vector<SeriesBucket> buckets(take_whole(at));
  auto before = take<std::int32_t>(at);
  for (SeriesBucket& bucket : buckets) {
    bucket.index = before + static_cast<std::int32_t>(take_whole(at));
    bucket.count = take_whole(at);
    before = bucket.index;
  }
  return buckets;
}

}  // namespace

std::string pack_row(const SeriesRow& row, RowBuckets buckets) {
  std::string packed;
  put(row.at, packed);
  put(row.length, packed);
  for (const SeriesPoint& point : row.points) {
    // Which numbers are not 0, one bit each; the highest bit: buckets follow.
    const bool with_buckets = buckets == RowBuckets::kept && !point.buckets.empty();
    std::uint8_t there = with_buckets ? 0x80 : 0;
    for (std::size_t i = 0; i < kNumbers.size(); ++i) {
      if (point.*kNumbers[i] != 0) there |= static_cast<std::uint8_t>(1U << i);
    }
    put_whole(index_of(point.metric), packed);
    put(there, packed);
    put_whole(point.samples, packed);
    for (const auto number : kNumbers) {
      if (point.*number != 0) put(point.*number, packed);
    }
    if (with_buckets) put_buckets(point.buckets, packed);
  }
  return packed;
}

SeriesRow unpack_row(std::string_view packed) {
  const char* at = packed.data();
  const char* const end = at + packed.size();
  SeriesRow row;
  row.at = take<std::chrono::nanoseconds>(at);
  row.length = take<std::chrono::nanoseconds>(at);
  while (at != end) {
    SeriesPoint& point = row.points.emplace_back();
    point.metric = static_cast<MetricId>(take_whole(at));
    const auto there = take<std::uint8_t>(at);
    point.samples = take_whole(at);
    for (std::size_t i = 0; i < kNumbers.size(); ++i) {
      if ((there & 1U << i) != 0) point.*kNumbers[i] = take<double>(at);
    }
    if ((there & 0x80) != 0) point.buckets = take_buckets(at);
  }
  return row;
}

}  // namespace gauntlet::engine::metrics
