#pragma once
// A row of the series in a tenth of its memory, since one is kept for every second of a test.
#include <string>
#include <string_view>

#include "engine/metrics/series.hpp"

namespace gauntlet::engine::metrics {

enum class RowBuckets : std::uint8_t { kept, dropped };

std::string pack_row(const SeriesRow& row, RowBuckets buckets);
/// What was packed, without the buckets where they were dropped.
SeriesRow unpack_row(std::string_view packed);

}  // namespace gauntlet::engine::metrics
