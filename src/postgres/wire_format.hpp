#pragma once
// PostgreSQL's binary numbers: big-endian, and dates that count from 2000-01-01. For the files of this folder.
#include <cstdint>

#include "base/big_endian.hpp"

namespace gauntlet::postgres::wire_format {

using base::big_endian::append;
using base::big_endian::get;
using base::big_endian::put;

/// PostgreSQL's epoch in ours.
constexpr std::int64_t kEpochMicroseconds = 946'684'800'000'000;
constexpr std::int32_t kEpochDays = 10'957;

}  // namespace gauntlet::postgres::wire_format
