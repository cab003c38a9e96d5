#pragma once
// A profile, whoever took it: stacks of function names with values.
//
// Formats: pprof's protobuf (https://github.com/google/pprof/blob/main/proto/profile.proto), gzipped or not, both ways;
// gperftools' CPU profiles (https://gperftools.github.io/gperftools/cpuprofile-fileformat.html) and heap samples, and
// Go's text form of goroutines, in.
#include <cstdint>
#include <functional>
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
  std::int64_t time_ns = 0;      // Unix time; 0: not known
  std::int64_t period = 0;       // of the last value type: one sample stands for so much
};

/// Function names of addresses, in their order; "" where there is none. Asked once with all of a profile's addresses.
using Symbolize = std::function<std::vector<std::string>(const std::vector<std::uint64_t>& addresses)>;

/// Recognises the format by its first bytes. invalid_argument when it is none of the above.
base::Expected<Profile> read_profile(std::string_view bytes, const Symbolize& symbolize);

/// What `go tool pprof` reads: gzipped protobuf.
std::string write_profile(const Profile& profile);

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
