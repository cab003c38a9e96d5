#include "engine/plan/schedule.hpp"

#include <algorithm>
#include <cmath>

#include "base/duration.hpp"

namespace gauntlet::engine::plan {
namespace {

__extension__ using Int128 = __int128;

/// a * b / c without overflow in between; all are durations and counts of virtual users.
Nanoseconds share(Nanoseconds duration, std::int64_t part, std::int64_t whole) {
  return Nanoseconds(static_cast<std::int64_t>(static_cast<Int128>(duration.count()) * part / whole));
}

}  // namespace

ConstantArrivals::ConstantArrivals(std::int64_t rate, Nanoseconds time_unit, Nanoseconds duration)
    : interval_(std::max(Nanoseconds(1), time_unit / rate)), duration_(duration) {}

std::optional<Nanoseconds> ConstantArrivals::due(std::uint64_t index) const {
  const auto offset = static_cast<Int128>(interval_.count()) * index;
  if (offset > duration_.count()) return std::nullopt;
  return Nanoseconds(static_cast<std::int64_t>(offset));
}

RampingArrivals::RampingArrivals(std::int64_t start_rate, const std::vector<Stage>& stages, Nanoseconds time_unit) {
  constexpr double kMostPerSecond = 1e9;  // one a nanosecond, as the constant rate
  const double unit_s = base::seconds_of(time_unit);
  const auto rate_of = [&](std::int64_t starts) { return std::min(static_cast<double>(starts) / unit_s, kMostPerSecond); };
  double rate = rate_of(start_rate);
  double begin_s = 0;
  double count = 0;
  for (const Stage& stage : stages) {
    const double target = rate_of(stage.target);
    if (stage.duration.count() > 0) {
      segments_.push_back({begin_s, base::seconds_of(stage.duration), rate, target, count});
      begin_s += segments_.back().duration_s;
      count += segments_.back().count();
    }
    rate = target;
  }
}

std::optional<Nanoseconds> RampingArrivals::due(std::uint64_t index) const {
  const double wanted = static_cast<double>(index) + 1;
  // The slack makes up for rounding in the sums: the last start of a stage that gives a whole number of them.
  constexpr double kSlack = 1e-9;
  const auto found = std::partition_point(segments_.begin(), segments_.end(), [&](const Segment& segment) {
    return segment.count_before + segment.count() + kSlack * wanted < wanted;
  });
  if (found == segments_.end()) return std::nullopt;
  const double missing = wanted - found->count_before;
  const double slope = (found->to - found->from) / found->duration_s;
  double offset_s = 0;
  if (slope == 0) {
    offset_s = missing / found->from;
  } else {
    // from * t + slope / 2 * t^2 = missing, the root that begins at t = 0; in the form that does not cancel.
    const double discriminant = std::max(0.0, found->from * found->from + 2 * slope * missing);
    offset_s = 2 * missing / (found->from + std::sqrt(discriminant));
  }
  offset_s = std::min(offset_s, found->duration_s);
  return Nanoseconds(static_cast<std::int64_t>((found->begin_s + offset_s) * 1e9));
}

double RampingArrivals::rate_at(Nanoseconds offset) const {
  const double at_s = base::seconds_of(offset);
  for (const Segment& segment : segments_) {
    if (at_s < segment.begin_s + segment.duration_s) {
      return segment.from + (segment.to - segment.from) * (at_s - segment.begin_s) / segment.duration_s;
    }
  }
  return segments_.empty() ? 0 : segments_.back().to;
}

std::vector<VuStep> ramping_steps(std::int64_t start_vus, const std::vector<Stage>& stages, const Stripe& stripe) {
  std::vector<VuStep> steps{{Nanoseconds(0), stripe.count_below(start_vus)}};
  const auto add = [&](Nanoseconds offset, std::int64_t vus_of_all) {
    const std::int64_t vus = stripe.count_below(vus_of_all);
    if (steps.back().offset == offset) {
      steps.back().vus = vus;
    } else if (steps.back().vus != vus) {
      steps.push_back({offset, vus});
    }
  };
  Nanoseconds begin{0};
  std::int64_t from = start_vus;
  for (const Stage& stage : stages) {
    const Nanoseconds end = begin + stage.duration;
    const std::int64_t change = stage.target - from;
    if (stage.duration.count() == 0) {
      add(begin, stage.target);
    } else if (change > 0) {
      for (std::int64_t vus = from + 1; vus <= stage.target; ++vus) {
        add(end - share(stage.duration, stage.target - vus, change), vus);
      }
    } else {
      for (std::int64_t vus = from - 1; vus >= stage.target; --vus) {
        add(begin + share(stage.duration, from - vus, -change), vus);
      }
    }
    from = stage.target;
    begin = end;
  }
  return steps;
}

}  // namespace gauntlet::engine::plan
