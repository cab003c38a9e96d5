// Linked into a program, this arms its fault points: GAUNTLET_FAULT=claim.opened kills it, as kill -9 would, when it first
// comes to that point; claim.opened@3 when it comes there for the third time.
#include "base/fault_point.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string>

namespace gauntlet::base {
namespace {

struct Armed {
  std::string name;
  int passes = 1;
};

Armed read_armed() {
  const char* value = std::getenv("GAUNTLET_FAULT");
  Armed armed{value == nullptr ? "" : value};
  if (const auto at = armed.name.find('@'); at != std::string::npos) {
    armed.passes = std::atoi(armed.name.c_str() + at + 1);
    armed.name.resize(at);
  }
  return armed;
}

}  // namespace

void fault_point(std::string_view name) {
  static const Armed armed = read_armed();
  static std::atomic<int> passed = 0;
  if (name == armed.name && ++passed == armed.passes) std::raise(SIGKILL);
}

}  // namespace gauntlet::base
