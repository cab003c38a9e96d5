#pragma once
// Single samples on their way to outputs that write each of them. Every engine thread has a ring of its own that it
// never waits for: what does not fit is counted as dropped. One writer thread empties the rings.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/metrics/metric.hpp"
#include "engine/metrics/tags.hpp"

namespace gauntlet::engine::metrics {

/// Bytes from one producer to one consumer.
class SampleRing {
 public:
  /// `bytes` is rounded up to a power of two.
  explicit SampleRing(std::size_t bytes);

  // Producer.
  /// Room for a record, or nullptr (then the record is lost). Sizes are rounded up to multiples of 8.
  std::byte* reserve(std::size_t size);
  /// Makes the reserved record visible to the consumer.
  void commit() { written_.store(next_, std::memory_order_release); }
  void count_dropped() { dropped_.fetch_add(1, std::memory_order_relaxed); }

  // Consumer.
  /// Calls f(record, size) for what is there now; returns how many bytes that was.
  template <class F>
  std::size_t consume(F&& f) {
    const std::uint64_t end = written_.load(std::memory_order_acquire);
    std::uint64_t at = read_.load(std::memory_order_relaxed);
    const std::uint64_t begin = at;
    while (at != end) {
      const std::byte* record = &bytes_[at & mask_];
      std::uint32_t size = 0;
      std::uint32_t kind = 0;
      read_header(record, &size, &kind);
      if (kind != kPadding) f(record + kHeader, size - kHeader);
      at += size;
      read_.store(at, std::memory_order_release);
    }
    return static_cast<std::size_t>(at - begin);
  }

  /// Any thread.
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kHeader = 8;
  static constexpr std::uint32_t kPadding = 1;
  static void read_header(const std::byte* record, std::uint32_t* size, std::uint32_t* kind);
  static void write_header(std::byte* record, std::uint32_t size, std::uint32_t kind);

  std::unique_ptr<std::byte[]> bytes_;
  std::uint64_t mask_;
  alignas(64) std::atomic<std::uint64_t> written_{0};
  std::uint64_t next_ = 0;       // producer's: end of what is reserved
  std::uint64_t read_seen_ = 0;  // producer's: read_ as last looked at
  alignas(64) std::atomic<std::uint64_t> read_{0};
  alignas(64) std::atomic<std::uint64_t> dropped_{0};
};

/// The producer's end: writes samples, and each tag set before the first sample that has it.
class SampleWriter {
 public:
  SampleWriter(SampleRing& ring, SystemTagSet enabled) : ring_(ring), enabled_(enabled) {}

  void write(MetricId metric, TagSet* tags, double value, std::int64_t unix_ns, const Metadata* metadata);

 private:
  bool announce(TagSet* tags);

  SampleRing& ring_;
  SystemTagSet enabled_;
  std::uint32_t epoch_ = 1;
  std::uint32_t next_id_ = 0;
};

/// A tag set as it came through a ring. The views end with the call.
struct StreamedTags {
  std::uint32_t present = 0;  ///< bits of SystemTag
  std::array<std::string_view, kSystemTagCount> system;
  std::vector<std::pair<std::string_view, std::string_view>> user;
};

struct StreamedSample {
  MetricId metric{};
  std::uint32_t producer = 0;  ///< which ring
  std::uint32_t tags = 0;      ///< number under which define_tags() gave the tags
  double value = 0;
  std::int64_t unix_ns = 0;
  std::vector<std::pair<std::string_view, std::string_view>> metadata;  ///< sorted by name; usually empty
};

/// What an output does with the samples; called by the writer thread.
class SampleConsumer {
 public:
  virtual ~SampleConsumer() = default;
  /// Samples of `producer` that follow may name these tags by `id` (ids count up from 0) ...
  virtual void define_tags(std::uint32_t producer, std::uint32_t id, const StreamedTags& tags) = 0;
  /// ... until the producer starts counting anew.
  virtual void forget_tags(std::uint32_t producer) = 0;
  virtual void consume(const StreamedSample& sample) = 0;
};

/// All rings of a test.
class SampleStream {
 public:
  explicit SampleStream(std::size_t bytes_per_ring) : bytes_per_ring_(bytes_per_ring) {}

  /// For a new producer. Any thread.
  SampleRing& add_ring();
  /// Hands everything that is there to the consumers; returns how many bytes there were. One thread at a time.
  std::size_t drain(const std::vector<SampleConsumer*>& consumers);
  /// Samples lost so far because the writer could not keep up. Any thread.
  std::uint64_t dropped() const;

 private:
  std::vector<SampleRing*> rings() const;

  const std::size_t bytes_per_ring_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<SampleRing>> rings_;
};

}  // namespace gauntlet::engine::metrics
