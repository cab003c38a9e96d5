#include "engine/metrics/distribution.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

namespace gauntlet::engine::metrics {

double Histogram::middle(std::size_t octave, std::size_t step) {
  const double base = std::ldexp(1.0, static_cast<int>(octave) + kLowestExponent);
  return base * (1.0 + (static_cast<double>(step) + 0.5) / static_cast<double>(kSteps));
}

Histogram::Page& Histogram::make_page(std::size_t slot) {
  if (slots_[slot] == 0) {
    pages_.push_back(std::make_unique<Page>());
    slots_[slot] = static_cast<std::uint16_t>(pages_.size());
  }
  return *pages_[slots_[slot] - 1U];
}

double Histogram::rounded(double value) {
  const Place place = place_of(value);
  if (place.octave < 0) return 0;
  const double magnitude = middle(static_cast<std::size_t>(place.octave), place.step);
  return std::signbit(value) ? -magnitude : magnitude;
}

Histogram::Place Histogram::place_of(double value) {
  // The bucket is read off the number's representation: sign, exponent, and the first ten bits of its fraction.
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const int octave = static_cast<int>(bits >> 52U & 0x7ffU) - 1023 - kLowestExponent;
  if (octave >= static_cast<int>(kOctaves)) return {static_cast<int>(kOctaves) - 1, kSteps - 1};
  return {octave, bits >> 42U & (kSteps - 1)};
}

std::uint64_t& Histogram::bucket(double value) {
  const Place place = place_of(value);
  if (place.octave < 0) return zeros_;
  const std::size_t slot = (std::signbit(value) ? kOctaves : 0) + static_cast<std::size_t>(place.octave);
  Page& page = slots_[slot] == 0 ? make_page(slot) : *pages_[slots_[slot] - 1U];
  return page[place.step];
}

void Histogram::merge(const Histogram& other) {
  count_ += other.count_;
  zeros_ += other.zeros_;
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    const Page* from = other.page_at(slot);
    if (from == nullptr) continue;
    Page& to = make_page(slot);
    for (std::size_t step = 0; step < kSteps; ++step) to[step] += (*from)[step];
  }
}

void Histogram::clear() {
  count_ = 0;
  zeros_ = 0;
  for (const auto& page : pages_) page->fill(0);
}

Histogram::Neighbours Histogram::at_rank(std::uint64_t rank) const {
  assert(rank < count_);
  Neighbours found;
  std::uint64_t seen = 0;
  bool have_value = false;
  for_each([&](double value, std::uint64_t count) {
    seen += count;
    if (!have_value && rank < seen) {
      found.value = value;
      have_value = true;
    }
    found.next = value;
    return seen <= rank + 1;
  });
  return found;
}

Distribution::Distribution(const Distribution& other) { *this = other; }

Distribution& Distribution::operator=(const Distribution& other) {
  if (this == &other) return *this;
  values_ = other.capacity_ == 0 ? nullptr : std::make_unique<double[]>(other.capacity_);
  std::copy_n(other.values_.get(), other.size_, values_.get());
  size_ = other.size_;
  capacity_ = other.capacity_;
  summarised_ = other.summarised_;
  sorted_ = other.sorted_;
  batching_ = other.batching_;
  summary_ = other.summary_;
  histogram_.reset();
  if (other.histogram_count() != 0) {
    histogram_ = std::make_unique<Histogram>();
    histogram_->merge(*other.histogram_);
  }
  return *this;
}

Distribution::Distribution(Distribution&& other) noexcept { *this = std::move(other); }

Distribution& Distribution::operator=(Distribution&& other) noexcept {
  values_ = std::move(other.values_);
  size_ = std::exchange(other.size_, 0);
  capacity_ = std::exchange(other.capacity_, 0);
  summarised_ = std::exchange(other.summarised_, 0);
  sorted_ = std::exchange(other.sorted_, false);
  batching_ = std::exchange(other.batching_, false);
  summary_ = std::exchange(other.summary_, Summary{});
  histogram_ = std::move(other.histogram_);
  return *this;
}

void Distribution::make_room() const {
  constexpr std::uint32_t kFirst = 16;
  const std::uint32_t limit = batching_ ? kBatch : kExactLimit;
  if (capacity_ < limit) {
    const std::uint32_t capacity = capacity_ == 0 ? kFirst : std::min(capacity_ * 4, limit);
    auto larger = std::make_unique<double[]>(capacity);
    std::copy_n(values_.get(), size_, larger.get());
    values_ = std::move(larger);
    capacity_ = capacity;
    return;
  }
  spill();
  if (!batching_) {
    batching_ = true;
    values_ = std::make_unique<double[]>(kBatch);
    capacity_ = kBatch;
  }
}

const Distribution::Summary& Distribution::summary() const {
  if (summarised_ == size_) return summary_;
  std::uint32_t i = summarised_;
  if (i == 0 && histogram_count() == 0) summary_ = {0, values_[0], values_[0]};
  Summary sum = summary_;
  for (; i < size_; ++i) {
    sum.sum += values_[i];
    sum.min = values_[i] < sum.min ? values_[i] : sum.min;
    sum.max = values_[i] > sum.max ? values_[i] : sum.max;
  }
  sorted_ = false;
  summary_ = sum;
  summarised_ = size_;
  return summary_;
}

void Distribution::spill() const {
  summary();
  if (!histogram_) histogram_ = std::make_unique<Histogram>();
  for (std::uint32_t i = 0; i < size_; ++i) histogram_->add(values_[i]);
  size_ = 0;
  summarised_ = 0;
}

void Distribution::settle() const {
  if (!exact()) {
    spill();
    return;
  }
  summary();
  if (!sorted_) std::sort(values_.get(), values_.get() + size_);
  sorted_ = true;
}

void Distribution::merge(const Distribution& other) {
  if (other.count() == 0) return;
  if (exact() && other.exact() && count() + other.count() <= kExactLimit) {
    // One by one, so that the sum is the same as if they had come here first.
    for (std::uint32_t i = 0; i < other.size_; ++i) add(other.values_[i]);
    return;
  }
  const bool first = count() == 0;
  const Summary& theirs = other.summary();
  spill();
  if (!histogram_) histogram_ = std::make_unique<Histogram>();
  for (std::uint32_t i = 0; i < other.size_; ++i) histogram_->add(other.values_[i]);
  if (other.histogram_) histogram_->merge(*other.histogram_);
  summary_ = first ? theirs : Summary{summary_.sum + theirs.sum, std::min(summary_.min, theirs.min), std::max(summary_.max, theirs.max)};
}

void Distribution::clear() {
  size_ = 0;
  summarised_ = 0;
  sorted_ = false;
  summary_ = {};
  if (histogram_) histogram_->clear();
}

double Distribution::percentile(double fraction) const {
  const std::uint64_t n = count();
  if (n == 0) return 0;
  settle();
  if (fraction <= 0) return min();
  if (n == 1 || fraction >= 1) return max();
  const double rank = fraction * (static_cast<double>(n) - 1.0);
  const double below = std::floor(rank);
  const auto index = static_cast<std::uint64_t>(below);
  Histogram::Neighbours at;
  if (exact()) {
    at = {values_[index], values_[std::min(index + 1, n - 1)]};
  } else {
    at = histogram_->at_rank(index);
    at.value = std::clamp(at.value, min(), max());
    at.next = std::clamp(at.next, min(), max());
  }
  return at.value + (at.next - at.value) * (rank - below);
}

std::size_t Distribution::bytes() const { return capacity_ * sizeof(double) + (histogram_ ? sizeof(Histogram) + histogram_->bytes() : 0); }

std::string Distribution::serialize() const {
  nlohmann::json json = {{"count", count()}, {"sum", sum()}, {"min", min()}, {"max", max()}};
  nlohmann::json& values = json[exact() ? "values" : "buckets"] = nlohmann::json::array();
  const bool pairs = !exact();
  for_each([&](double value, std::uint64_t count) {
    if (pairs) {
      values.push_back({value, count});
    } else {
      values.push_back(value);
    }
  });
  return json.dump();
}

base::Expected<Distribution> Distribution::deserialize(const nlohmann::json& json) {
  const auto bad = [] { return base::fail(base::ErrorKind::invalid_argument, "not a saved distribution of values"); };
  if (!json.is_object() || !json.contains("count") || !json["count"].is_number_unsigned()) return bad();
  Distribution result;
  if (const auto values = json.find("values"); values != json.end() && values->is_array()) {
    for (const auto& value : *values) {
      if (!value.is_number()) return bad();
      result.add(value.get<double>());
    }
    // The sum depends on the order in which it was made; the saved one is the one that was shown.
    if (result.count() != 0) result.summary();
  } else if (const auto buckets = json.find("buckets"); buckets != json.end() && buckets->is_array()) {
    result.histogram_ = std::make_unique<Histogram>();
    result.batching_ = true;
    for (const auto& bucket : *buckets) {
      if (!bucket.is_array() || bucket.size() != 2 || !bucket[0].is_number() || !bucket[1].is_number_unsigned()) return bad();
      result.histogram_->add(bucket[0].get<double>(), bucket[1].get<std::uint64_t>());
    }
  } else {
    return bad();
  }
  if (result.count() != json["count"].get<std::uint64_t>()) return bad();
  for (const char* name : {"sum", "min", "max"}) {
    if (!json.contains(name) || !json[name].is_number()) return bad();
  }
  if (result.count() != 0) result.summary_ = {json["sum"], json["min"], json["max"]};
  return result;
}

}  // namespace gauntlet::engine::metrics
