#pragma once
// The values of a trend: every one of them while they are few, a log-linear histogram once they are many. Count, sum,
// minimum and maximum are always exact. Two distributions merge into what one would hold that had seen all values.
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace gauntlet::engine::metrics {

/// Counts values in buckets of 1/1024 of a power of two, for either sign: the middle of a value's bucket is within
/// 0.05 % of it. Magnitudes below 2^-40 count as zero, those above 2^88 as just below it. Buckets live in pages of one
/// power of two (8 KB), made when the first value falls into them: values within three octaves cost 24 KB, the worst
/// case 2 MB.
class Histogram {
 public:
  static constexpr double kRelativeError = 1.0 / 2048;

  void add(double value, std::uint64_t count = 1) {
    count_ += count;
    bucket(value) += count;
  }
  void merge(const Histogram& other);
  /// Forgets the values and keeps the pages.
  void clear();
  /// The middle of the bucket that the value falls into.
  static double rounded(double value);
  std::uint64_t count() const { return count_; }
  std::size_t bytes() const { return pages_.size() * sizeof(Page); }

  /// The value of rank `rank` (0 is the smallest) of the sorted values, to kRelativeError, and that of the next rank.
  struct Neighbours {
    double value = 0;
    double next = 0;
  };
  Neighbours at_rank(std::uint64_t rank) const;

  /// Calls f(bucket's middle, count) for every bucket with values, in ascending order, until f returns false.
  template <class F>
  void for_each(F&& f) const {
    for (std::size_t octave = kOctaves; octave-- > 0;) {
      const Page* page = page_at(kOctaves + octave);
      if (page == nullptr) continue;
      for (std::size_t step = kSteps; step-- > 0;) {
        if ((*page)[step] != 0 && !f(-middle(octave, step), (*page)[step])) return;
      }
    }
    if (zeros_ != 0 && !f(0.0, zeros_)) return;
    for (std::size_t octave = 0; octave < kOctaves; ++octave) {
      const Page* page = page_at(octave);
      if (page == nullptr) continue;
      for (std::size_t step = 0; step < kSteps; ++step) {
        if ((*page)[step] != 0 && !f(middle(octave, step), (*page)[step])) return;
      }
    }
  }

 private:
  static constexpr std::size_t kSteps = 1024;
  static constexpr std::size_t kOctaves = 128;
  static constexpr int kLowestExponent = -40;
  using Page = std::array<std::uint64_t, kSteps>;

  struct Place {
    int octave;  // below 0: zero
    std::size_t step;
  };
  static Place place_of(double value);
  static double middle(std::size_t octave, std::size_t step);
  const Page* page_at(std::size_t slot) const { return slots_[slot] == 0 ? nullptr : pages_[slots_[slot] - 1U].get(); }
  Page& make_page(std::size_t slot);
  std::uint64_t& bucket(double value);

  std::uint64_t count_ = 0;
  std::uint64_t zeros_ = 0;
  std::array<std::uint16_t, 2 * kOctaves> slots_{};  // page number + 1 by octave, negative values in the second half
  std::vector<std::unique_ptr<Page>> pages_;
};

/// Reading sorts or summarises what was added since; so even const calls belong to one thread at a time.
class Distribution {
 public:
  /// Up to so many values are kept as they are; percentiles are then those of the sorted values.
  static constexpr std::uint32_t kExactLimit = 4096;
  /// Beyond that values still wait in a small buffer, to be counted many at a time while the histogram is in the cache.
  static constexpr std::uint32_t kBatch = 256;

  Distribution() = default;
  Distribution(const Distribution& other);
  Distribution& operator=(const Distribution& other);
  Distribution(Distribution&& other) noexcept;
  Distribution& operator=(Distribution&& other) noexcept;
  ~Distribution() = default;

  /// About 1 ns, and 3 ns more for the batch it is part of.
  void add(double value) {
    if (size_ == capacity_) make_room();
    values_[size_++] = value;
  }
  void merge(const Distribution& other);
  /// Forgets the values and keeps the memory.
  void clear();

  std::uint64_t count() const { return histogram_count() + size_; }
  double sum() const { return summary().sum; }
  /// Of nothing they are 0, as k6 prints them.
  double min() const { return count() == 0 ? 0 : summary().min; }
  double max() const { return count() == 0 ? 0 : summary().max; }
  double mean() const { return count() == 0 ? 0 : summary().sum / static_cast<double>(count()); }
  /// `fraction` in 0..1. k6's rule: rank fraction * (count - 1), linear between the two neighbours. 0 of nothing.
  double percentile(double fraction) const;
  double median() const { return percentile(0.5); }
  /// True while every value is kept.
  bool exact() const { return histogram_count() == 0; }
  /// Heap memory held.
  std::size_t bytes() const;

  /// Everything it holds as JSON, and back; so that processes and machines merge exactly.
  std::string serialize() const;
  static base::Expected<Distribution> deserialize(const nlohmann::json& json);

  /// Calls f(value, count) in ascending order; values are bucket middles once not exact().
  template <class F>
  void for_each(F&& f) const {
    settle();
    if (!exact()) {
      histogram_->for_each([&f](double value, std::uint64_t count) {
        f(value, count);
        return true;
      });
      return;
    }
    for (std::uint32_t i = 0; i < size_; ++i) f(values_[i], std::uint64_t{1});
  }

 private:
  struct Summary {
    double sum = 0;
    double min = 0;
    double max = 0;
  };

  std::uint64_t histogram_count() const { return histogram_ ? histogram_->count() : 0; }
  void make_room() const;
  const Summary& summary() const;
  void spill() const;
  void settle() const;  // all in the histogram, or all sorted

  mutable std::unique_ptr<double[]> values_;  // all values, or those not yet in the histogram
  mutable std::uint32_t size_ = 0;
  mutable std::uint32_t capacity_ = 0;
  mutable std::uint32_t summarised_ = 0;  // how many of values_ are in summary_; those in the histogram all are
  mutable bool sorted_ = false;           // values_[0, summarised_) are in ascending order
  mutable bool batching_ = false;         // has had more than kExactLimit values at once: small buffer from now on
  mutable Summary summary_;
  mutable std::unique_ptr<Histogram> histogram_;
};

}  // namespace gauntlet::engine::metrics
