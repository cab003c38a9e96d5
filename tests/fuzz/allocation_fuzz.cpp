// Scripts whose runtime runs out of memory in the middle: whichever allocation of theirs fails, the engine goes on, with
// an exception that scripts can catch, and nothing is lost or used after it was freed.
//
// The first byte says how the failures of an input are spread, the rest is the script. Of a script with N allocations
// up to kRuns are failed, each in a run of its own, spread evenly; GAUNTLET_FUZZ_RUNS says another number.
#include <algorithm>
#include <cstdlib>

#include "engine/script/heap.hpp"
#include "fuzz/virtual_user.hpp"

using gauntlet::engine::script::FailingAllocations;

namespace {

constexpr std::uint64_t kRuns = 24;
constexpr std::chrono::seconds kPatience(2);

std::uint64_t runs() {
  const char* const wanted = std::getenv("GAUNTLET_FUZZ_RUNS");
  return wanted == nullptr ? kRuns : std::max<std::uint64_t>(1, std::strtoull(wanted, nullptr, 10));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static gauntlet::fuzz::VirtualUser user;
  static const std::uint64_t kMost = runs();
  gauntlet::fuzz::Bytes bytes(data, size);
  const std::uint64_t spread = bytes.choice(256);
  const std::string script(bytes.rest().substr(0, 16384));
  FailingAllocations& failing = FailingAllocations::of_thread();

  std::uint64_t count = 0;
  user.run(
      script, kPatience, [&](gauntlet::engine::users::Vu&) { count = failing.seen; }, [&] { count = failing.seen - count; });
  const std::uint64_t step = std::max<std::uint64_t>(1, count / kMost);
  for (std::uint64_t at = spread % step; at < count; at += step) {
    user.run(
        script, kPatience,
        [&](gauntlet::engine::users::Vu&) {
          failing.until = at;
          failing.count = 1 + (spread + at) % 4;  // mostly more than one: what clears up after a failure may fail, too
        },
        [&] { failing.count = 0; });
    failing.count = 0;
  }
  return 0;
}
