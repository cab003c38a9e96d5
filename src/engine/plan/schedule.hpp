#pragma once
// When what is due, as pure functions: no clock, no virtual user and no thread in it. All offsets count from the
// scenario's own start. The formulas are k6's, as its documentation and the captured runs show them.
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/plan/options.hpp"

namespace gauntlet::engine::plan {

/// Starts of a constant arrival rate: the index-th is at index * floor(time_unit / rate), the first one at 0.
class ConstantArrivals {
 public:
  /// `rate` and `time_unit` are above 0.
  ConstantArrivals(std::int64_t rate, Nanoseconds time_unit, Nanoseconds duration);
  /// Nothing once it falls past the end; a start at the very end is still due. O(1).
  std::optional<Nanoseconds> due(std::uint64_t index) const;
  Nanoseconds interval() const { return interval_; }

 private:
  Nanoseconds interval_;
  Nanoseconds duration_;
};

/// Starts of a rate that changes linearly through stages: the index-th (from 0) is when the integral of the rate
/// reaches index + 1. A fraction of a start at the end of a stage is carried into the next one.
class RampingArrivals {
 public:
  /// Stage targets are rates per `time_unit`; a stage without duration is a jump.
  RampingArrivals(std::int64_t start_rate, const std::vector<Stage>& stages, Nanoseconds time_unit);
  /// Nothing once the stages have given fewer starts. O(log stages).
  std::optional<Nanoseconds> due(std::uint64_t index) const;
  /// Starts per second at an offset.
  double rate_at(Nanoseconds offset) const;

 private:
  struct Segment {
    double begin_s;  // offset
    double duration_s;
    double from;  // starts a second
    double to;
    double count_before;  // integral up to its beginning
    double count() const { return (from + to) / 2 * duration_s; }
  };
  std::vector<Segment> segments_;
};

/// From `offset` on, `vus` virtual users loop.
struct VuStep {
  Nanoseconds offset{0};
  std::int64_t vus = 0;
};
/// The steps of ramping virtual users, one up or down at a time, jumps at once; the first at 0. Going up from a to b in
/// D, user k starts at end - D * (b - k) / (b - a), and going down from b to a user k stops likewise one slot later
/// than the mirror of its start: at begin + D * (b - k + 1) / (b - a).
/// With a stripe only the steps of its own virtual users are left.
std::vector<VuStep> ramping_steps(std::int64_t start_vus, const std::vector<Stage>& stages, const Stripe& stripe = {});

}  // namespace gauntlet::engine::plan
