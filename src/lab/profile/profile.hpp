#pragma once
// A profile, whoever took it: stacks of function names with values.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace gauntlet::lab {

struct Profile {
  struct Sample {
    std::vector<std::string> stack;    // function names, innermost first
    std::vector<std::int64_t> values;  // one a value type
  };
  std::vector<std::pair<std::string, std::string>> value_types;  // what and unit: {"cpu", "nanoseconds"}
  std::vector<Sample> samples;
  std::int64_t duration_ns = 0;  // 0: not known
};

/// pprof's protobuf (https://github.com/google/pprof/blob/main/proto/profile.proto), gzipped or not; invalid_argument when it is none.
base::Expected<Profile> read_profile(std::string_view bytes);

/// One function of a profile: `flat` in itself, `cumulative` with what it called.
struct HotFunction {
  std::string name;
  std::int64_t flat = 0;
  std::int64_t cumulative = 0;
};
/// By flat value of the last value type, largest first.
std::vector<HotFunction> hot_functions(const Profile& profile);

/// As `go tool pprof -top` prints it: flat, flat%, sum%, cum, cum%, name; `most` lines.
std::string top_text(const Profile& profile, std::size_t most = 40);

/// A flame graph as one SVG file: width is value, hover shows function, value and share.
std::string flame_svg(const Profile& profile, const std::string& title);

}  // namespace gauntlet::lab
