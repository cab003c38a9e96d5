#pragma once
// Which part of a test this process runs, when several processes or machines split one: k6's execution segments
// (https://grafana.com/docs/k6/latest/using-k6/k6-options/reference/#execution-segment). The parts need no coordinator:
// each knows from the sequence of all segments which virtual users and iterations are its own.
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace gauntlet::engine::plan {

/// The numbers 0, 1, 2... dealt out to the segments of a sequence, in proportion to their lengths and as evenly as that
/// goes: of a cycle as long as the lengths' common denominator, the longest segment takes its places first, the i-th of
/// its n at the first free one from ceil(i * cycle / n) on (measured against k6 1.8.1). A value; copies are cheap.
class Stripe {
 public:
  /// Everything: global(i) == i.
  Stripe();
  /// `segment` as "1/4:1/2", "50%:100%", "0.5" (from 0) or "" (all); `sequence` as "0,1/4,1/2,1" or "" (then what comes
  /// before and after the segment are segments of their own). Fails with k6's words.
  static base::Expected<Stripe> parse(std::string_view segment, std::string_view sequence);
  /// Fails with k6's words when `segment` alone makes no sense.
  static base::Expected<void> check_segment(std::string_view segment);
  static base::Expected<void> check_sequence(std::string_view sequence);

  bool is_whole() const { return deal_ == nullptr; }
  /// Of the whole, 0..1.
  double share() const;
  /// How many of the numbers below `value` are this segment's: what it runs of that many virtual users.
  std::int64_t count_below(std::int64_t value) const;
  /// The segment's index-th number.
  std::uint64_t global(std::uint64_t index) const;
  /// Dealt in proportion to what each segment gets of `value`: iterations follow the virtual users that run them.
  Stripe nested(std::int64_t value) const;

 private:
  struct Deal {
    std::vector<std::uint32_t> owner;  // of each place of the cycle
    std::size_t segments = 0;
  };
  Stripe(const std::vector<std::int64_t>& lengths, std::size_t mine);
  std::int64_t count_below(std::size_t segment, std::int64_t value) const;

  std::shared_ptr<const Deal> deal_;  // shared by the copies, never changed; nullptr: whole
  std::size_t mine_ = 0;
  std::vector<std::int64_t> places_;  // mine, ascending
};

}  // namespace gauntlet::engine::plan
