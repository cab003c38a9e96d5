#pragma once
// A row of the series in a tenth of its memory, since one is kept for every second of a test.
#include <string>

#include "engine/metrics/series.hpp"

namespace gauntlet::engine::metrics {

enum class RowBuckets : std::uint8_t { kept, dropped };

/// Immutable. unpack() gives back what was packed, without the buckets where they were dropped.
class PackedRow {
 public:
  PackedRow(const SeriesRow& row, RowBuckets buckets);
  SeriesRow unpack() const;
  std::size_t bytes() const { return bytes_.size(); }

 private:
  std::string bytes_;
};

}  // namespace gauntlet::engine::metrics
