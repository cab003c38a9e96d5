#pragma once
// What one thread recorded since it last published. Two of these per thread change places: one being filled, the other
// with the collector.
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/metrics/places.hpp"
#include "engine/metrics/sink.hpp"

namespace gauntlet::engine::metrics {

struct Window {
  std::uint32_t recorder = 0;
  std::vector<Sink> sinks;    // by PlaceId; those of places this thread has not met are empty
  std::vector<PlaceId> used;  // with samples, each once
  std::uint64_t tag_sweeps = 0;

  void clear() {
    for (const PlaceId place : used) sinks[place].clear();
    used.clear();
    tag_sweeps = 0;
  }
};

}  // namespace gauntlet::engine::metrics
