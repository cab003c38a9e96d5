#pragma once
// Profiles as `go tool pprof` reads them, gzipped protobuf, with the functions' full names in them. Left to itself,
// `go tool pprof` takes names from the program's debug information and shows EventLoop::run_once as "run_once", and
// wherever the program does not lie on the same path it has no names at all. Addresses and mappings are in it, too:
// `go tool pprof -symbolize=force PROGRAM PROFILE` adds source lines.
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/admin/cpu_profile.hpp"
#include "base/admin/symbols.hpp"
#include "pprof/profile.pb.h"

namespace gauntlet::base::admin {

/// One profile of this process. One thread.
class NamedProfile {
 public:
  struct ValueType {
    std::string_view what;  // "cpu"
    std::string_view unit;  // "nanoseconds"
  };
  /// The last of `types` is what pprof shows unless told otherwise; `period` is in its unit: what a sample stands for.
  NamedProfile(Symbols& symbols, std::initializer_list<ValueType> types, std::int64_t period);

  enum class Innermost { instruction, return_address };
  /// Stack innermost first; all behind the first are return addresses. One value a type.
  void add(std::span<const std::uintptr_t> stack, std::initializer_list<std::int64_t> values, Innermost innermost = Innermost::instruction);
  /// Writes it, gzipped; `duration_ns` 0: of one moment.
  std::string finish(std::int64_t duration_ns = 0);

 private:
  struct Range {
    std::uintptr_t end;
    std::uint64_t id;
  };
  void read_mappings();
  std::int64_t text(std::string_view text);
  std::uint64_t location(std::uintptr_t address);
  std::uint64_t function(const std::string& name);

  Symbols& symbols_;
  perftools::profiles::Profile profile_;
  std::unordered_map<std::string, std::int64_t> texts_;
  std::unordered_map<std::uintptr_t, std::uint64_t> locations_;
  std::unordered_map<std::string, std::uint64_t> functions_;
  std::map<std::uintptr_t, Range> mappings_;  // by their begin
};

/// What a CpuProfile has seen in `duration`.
std::string named_cpu_profile(const StackCounts& stacks, std::chrono::nanoseconds duration, Symbols& symbols);
/// gperftools' heap text with names: what is in use, or, `allocated`, what stands in brackets. Each sample counts for
/// those that were not taken, and belongs to whoever called the allocator.
std::string named_heap_profile(std::string_view legacy, bool allocated, Symbols& symbols);

}  // namespace gauntlet::base::admin
