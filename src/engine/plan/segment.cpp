#include "engine/plan/segment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>

namespace gauntlet::engine::plan {
namespace {

/// Longer cycles come from decimals with many digits; a table of so many places is what we are ready to hold.
constexpr std::int64_t kMaxCycle = 4'000'000;

struct Fraction {
  std::int64_t numerator = 0;
  std::int64_t denominator = 1;
  double value() const { return static_cast<double>(numerator) / static_cast<double>(denominator); }
};

__extension__ using Int128 = __int128;

bool operator<(const Fraction& a, const Fraction& b) {
  return static_cast<Int128>(a.numerator) * b.denominator < static_cast<Int128>(b.numerator) * a.denominator;
}
bool same(const Fraction& a, const Fraction& b) { return !(a < b) && !(b < a); }

struct Interval {
  Fraction from;
  Fraction to{1, 1};
};

base::Error invalid(std::string message) { return {base::ErrorKind::invalid_argument, std::move(message)}; }

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

/// "3", "0.25", "-1.5" as numerator and power of ten.
std::optional<Fraction> decimal(std::string_view text) {
  constexpr std::size_t kMostDecimals = 12;
  const std::size_t dot = text.find('.');
  std::string digits(text.substr(0, dot));
  Fraction fraction;
  if (dot != std::string_view::npos) {
    const std::string_view decimals = text.substr(dot + 1);
    if (decimals.size() > kMostDecimals || decimals.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    digits += decimals;
    for (std::size_t i = 0; i < decimals.size(); ++i) fraction.denominator *= 10;
  }
  const auto number = whole_number(digits);
  if (!number) return std::nullopt;
  fraction.numerator = *number;
  return fraction;
}

base::Expected<Fraction> parse_fraction(std::string_view text) {
  std::optional<Fraction> fraction;
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    const auto numerator = whole_number(text.substr(0, slash));
    const auto denominator = whole_number(text.substr(slash + 1));
    if (numerator && denominator && *denominator > 0) fraction = Fraction{*numerator, *denominator};
  } else if (!text.empty() && text.back() == '%') {
    fraction = decimal(text.substr(0, text.size() - 1));
    if (fraction) fraction->denominator *= 100;
  } else {
    fraction = decimal(text);
  }
  if (!fraction) return tl::unexpected(invalid(fmt::format("'{}' is not a valid percentage, decimal, fraction or interval value", text)));
  const std::int64_t divisor = std::gcd(fraction->numerator, fraction->denominator);
  return Fraction{fraction->numerator / divisor, fraction->denominator / divisor};
}

base::Expected<void> check(const Interval& interval) {
  if (interval.from.numerator < 0) {
    return tl::unexpected(invalid(fmt::format("segment start value must be at least 0 but was {:.2f}", interval.from.value())));
  }
  if (!(interval.from < interval.to)) {
    return tl::unexpected(
        invalid(fmt::format("segment start({:.2f}) must be less than its end({:.2f})", interval.from.value(), interval.to.value())));
  }
  if (Fraction{1, 1} < interval.to) {
    return tl::unexpected(invalid(fmt::format("segment end value can't be more than 1 but was {:.2f}", interval.to.value())));
  }
  return {};
}

base::Expected<Interval> parse_segment(std::string_view text) {
  Interval interval;
  if (text.empty()) return interval;
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos) {
    auto from = TRY(parse_fraction(text.substr(0, colon)));
    interval.from = from;
  }
  auto to = TRY(parse_fraction(colon == std::string_view::npos ? text : text.substr(colon + 1)));
  interval.to = to;
  TRY(check(interval));
  return interval;
}

base::Expected<std::vector<Fraction>> parse_sequence(std::string_view text) {
  std::vector<Fraction> points;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    if (text.find(',') == std::string_view::npos) break;
    auto point = TRY(parse_fraction(text.substr(begin, comma - begin)));
    points.push_back(point);
    begin = comma + 1;
  }
  if (points.size() < 2) return tl::unexpected(invalid("at least 2 points are needed for an execution segment sequence, 1 given"));
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    if (auto ok = check({points[i], points[i + 1]}); !ok) return tl::unexpected(ok.error());
  }
  return points;
}

std::string text_of(const Fraction& f) {
  return f.denominator == 1 ? std::to_string(f.numerator) : fmt::format("{}/{}", f.numerator, f.denominator);
}

/// What comes before and after is dealt, too.
std::vector<Fraction> completed(std::vector<Fraction> points) {
  if (points.front().numerator != 0) points.insert(points.begin(), Fraction{0, 1});
  if (points.back() < Fraction{1, 1}) points.push_back({1, 1});
  return points;
}

}  // namespace

Stripe::Stripe() = default;

Stripe::Stripe(const std::vector<std::int64_t>& lengths, std::size_t mine) : mine_(mine) {
  std::int64_t divisor = 0;
  for (const std::int64_t length : lengths) divisor = std::gcd(divisor, length);
  if (divisor == 0) divisor = 1;
  const std::int64_t cycle = std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0}) / divisor;
  std::vector<std::size_t> longest_first(lengths.size());
  std::iota(longest_first.begin(), longest_first.end(), std::size_t{0});
  std::stable_sort(longest_first.begin(), longest_first.end(), [&](std::size_t a, std::size_t b) { return lengths[a] > lengths[b]; });
  constexpr std::uint32_t kFree = ~std::uint32_t{0};
  auto deal = std::make_shared<Deal>();
  deal->segments = lengths.size();
  deal->owner.assign(static_cast<std::size_t>(cycle), kFree);
  for (const std::size_t segment : longest_first) {
    const std::int64_t count = lengths[segment] / divisor;
    std::int64_t place = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      // No place is left over before a segment may take it, so there always is a free one before the cycle's end.
      place = std::max(place, (i * cycle + count - 1) / count);
      while (deal->owner[static_cast<std::size_t>(place)] != kFree) ++place;
      deal->owner[static_cast<std::size_t>(place)] = static_cast<std::uint32_t>(segment);
    }
  }
  for (std::int64_t place = 0; place < cycle; ++place) {
    if (deal->owner[static_cast<std::size_t>(place)] == mine) places_.push_back(place);
  }
  deal_ = std::move(deal);
}

base::Expected<void> Stripe::check_segment(std::string_view segment) {
  std::ignore = TRY(parse_segment(segment));
  return {};
}

base::Expected<void> Stripe::check_sequence(std::string_view sequence) {
  if (sequence.empty()) return {};
  std::ignore = TRY(parse_sequence(sequence));
  return {};
}

base::Expected<Stripe> Stripe::parse(std::string_view segment, std::string_view sequence) {
  const auto interval = TRY(parse_segment(segment));
  std::vector<Fraction> points{interval.from, interval.to};
  if (!sequence.empty()) {
    auto parsed = TRY(parse_sequence(sequence));
    points = std::move(parsed);
  }
  std::optional<Fraction> begin;
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    if (same(points[i], interval.from) && same(points[i + 1], interval.to)) begin = points[i];
  }
  if (!begin) {
    return tl::unexpected(invalid(
        fmt::format("provided segment {}:{} can't be found in sequence {}", text_of(interval.from), text_of(interval.to), sequence)));
  }
  points = completed(std::move(points));
  if (points.size() == 2) return Stripe();
  std::int64_t cycle = 1;
  for (const Fraction& point : points) {
    cycle = std::lcm(cycle, point.denominator);
    if (cycle > kMaxCycle) {
      return tl::unexpected(
          invalid(fmt::format("the execution segments have no common denominator below {}: give them as fractions, as 1/3", kMaxCycle)));
    }
  }
  std::vector<std::int64_t> lengths;
  std::size_t mine = 0;
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    if (same(points[i], *begin)) mine = i;
    lengths.push_back(points[i + 1].numerator * (cycle / points[i + 1].denominator) -
                      points[i].numerator * (cycle / points[i].denominator));
  }
  return Stripe(lengths, mine);
}

double Stripe::share() const {
  if (is_whole()) return 1;
  return deal_->owner.empty() ? 0 : static_cast<double>(places_.size()) / static_cast<double>(deal_->owner.size());
}

std::int64_t Stripe::count_below(std::int64_t value) const {
  if (is_whole()) return value;
  if (places_.empty()) return 0;
  const auto cycle = static_cast<std::int64_t>(deal_->owner.size());
  const auto within = std::lower_bound(places_.begin(), places_.end(), value % cycle) - places_.begin();
  return value / cycle * static_cast<std::int64_t>(places_.size()) + within;
}

std::int64_t Stripe::count_below(std::size_t segment, std::int64_t value) const {
  const auto cycle = static_cast<std::int64_t>(deal_->owner.size());
  const auto count_to = [&](std::int64_t end) {
    return std::count(deal_->owner.begin(), deal_->owner.begin() + end, static_cast<std::uint32_t>(segment));
  };
  return cycle == 0 ? 0 : value / cycle * count_to(cycle) + count_to(value % cycle);
}

std::uint64_t Stripe::global(std::uint64_t index) const {
  if (is_whole() || places_.empty()) return index;
  return index / places_.size() * deal_->owner.size() + static_cast<std::uint64_t>(places_[index % places_.size()]);
}

Stripe Stripe::nested(std::int64_t value) const {
  if (is_whole()) return *this;
  std::vector<std::int64_t> lengths;
  for (std::size_t segment = 0; segment < deal_->segments; ++segment) lengths.push_back(count_below(segment, value));
  return Stripe(lengths, mine_);
}

}  // namespace gauntlet::engine::plan
