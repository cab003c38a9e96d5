#include "engine/metrics/packed_row.hpp"

#include <array>
#include <cstring>

namespace gauntlet::engine::metrics {
namespace {

constexpr std::array<double SeriesPoint::*, 6> kNumbers{&SeriesPoint::sum, &SeriesPoint::min, &SeriesPoint::max,
                                                        &SeriesPoint::p50, &SeriesPoint::p95, &SeriesPoint::p99};
/// A byte of this value says that the number did not fit into one and follows whole.
constexpr std::uint8_t kWide = 0xff;

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

template <class Whole>
void put_small(Whole value, std::string& out) {
  if (value >= 0 && value < kWide) {
    out += static_cast<char>(value);
  } else {
    out += static_cast<char>(kWide);
    put(value, out);
  }
}

template <class Whole>
Whole take_small(const char*& at) {
  const auto byte = take<std::uint8_t>(at);
  return byte == kWide ? take<Whole>(at) : static_cast<Whole>(byte);
}

void put_buckets(const std::vector<SeriesBucket>& buckets, std::string& out) {
  put(static_cast<std::uint32_t>(buckets.size()), out);
  std::int32_t before = 0;
  for (const SeriesBucket& bucket : buckets) {
    put_small(bucket.index - before, out);  // neighbours mostly
    put_small(bucket.count, out);
    before = bucket.index;
  }
}

std::vector<SeriesBucket> take_buckets(const char*& at) {
  std::vector<SeriesBucket> buckets(take<std::uint32_t>(at));
  std::int32_t before = 0;
  for (SeriesBucket& bucket : buckets) {
    bucket.index = before + take_small<std::int32_t>(at);
    bucket.count = take_small<std::uint64_t>(at);
    before = bucket.index;
  }
  return buckets;
}

}  // namespace

PackedRow::PackedRow(const SeriesRow& row, RowBuckets buckets) {
  put(row.at, bytes_);
  put(row.length, bytes_);
  for (const SeriesPoint& point : row.points) {
    // Which numbers are not 0, one bit each; the highest bit: buckets follow.
    const bool with_buckets = buckets == RowBuckets::kept && !point.buckets.empty();
    std::uint8_t there = with_buckets ? 0x80 : 0;
    for (std::size_t i = 0; i < kNumbers.size(); ++i) {
      if (point.*kNumbers[i] != 0) there |= static_cast<std::uint8_t>(1U << i);
    }
    put(point.metric, bytes_);
    put(there, bytes_);
    put_small(point.samples, bytes_);
    for (const auto number : kNumbers) {
      if (point.*number != 0) put(point.*number, bytes_);
    }
    if (with_buckets) put_buckets(point.buckets, bytes_);
  }
  bytes_.shrink_to_fit();
}

SeriesRow PackedRow::unpack() const {
  const char* at = bytes_.data();
  const char* const end = at + bytes_.size();
  SeriesRow row;
  row.at = take<std::chrono::nanoseconds>(at);
  row.length = take<std::chrono::nanoseconds>(at);
  while (at != end) {
    SeriesPoint& point = row.points.emplace_back();
    point.metric = take<MetricId>(at);
    const auto there = take<std::uint8_t>(at);
    point.samples = take_small<std::uint64_t>(at);
    for (std::size_t i = 0; i < kNumbers.size(); ++i) {
      if ((there & 1U << i) != 0) point.*kNumbers[i] = take<double>(at);
    }
    if ((there & 0x80) != 0) point.buckets = take_buckets(at);
  }
  return row;
}

}  // namespace gauntlet::engine::metrics
