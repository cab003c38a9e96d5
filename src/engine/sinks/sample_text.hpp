#pragma once
// Pieces of the lines that outputs of single samples write.
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/rfc3339.hpp"
#include "engine/metrics/sample_stream.hpp"

namespace gauntlet::engine::sinks {

/// Appends a number as Go's %v has it: the shortest digits, an exponent below 1e-4 and from 1e6 on.
void append_go_number(std::string& out, double value);
/// Appends a number with six decimals (Go's %f).
void append_fixed6(std::string& out, double value);

/// Appends times in UTC as RFC 3339, quick where they follow one another.
class TimeText {
 public:
  /// "2026-11-23T14:46:24.24348554Z", without trailing zeros.
  void append_nanoseconds(std::string& out, std::int64_t unix_ns);
  /// "2026-11-23T14:46:24Z".
  void append_seconds(std::string& out, std::int64_t unix_ns);

 private:
  std::string_view second_text(std::int64_t unix_s);

  std::int64_t second_ = 0;
  base::Rfc3339 text_{std::chrono::sys_seconds()};  // of that second
};

/// A tag set's own and system tags by name, with those whose value is empty.
std::vector<std::pair<std::string_view, std::string_view>> sorted_pairs(const metrics::StreamedTags& tags);

/// Text made once for a tag set, by producer and id.
template <class T>
class TagTexts {
 public:
  T& define(std::uint32_t producer, std::uint32_t id) {
    if (producer >= producers_.size()) producers_.resize(producer + 1);
    if (id >= producers_[producer].size()) producers_[producer].resize(id + 1);
    return producers_[producer][id];
  }
  const T& get(const metrics::StreamedSample& sample) const { return producers_[sample.producer][sample.tags]; }
  void forget(std::uint32_t producer) {
    if (producer < producers_.size()) producers_[producer].clear();
  }

 private:
  std::vector<std::vector<T>> producers_;
};

}  // namespace gauntlet::engine::sinks
