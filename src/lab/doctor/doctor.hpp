#pragma once
// `gauntlet doctor`: looks for what keeps load tests from working or their figures from meaning something.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "lab/stack/containers.hpp"
#include "lab/stack/stack.hpp"

namespace gauntlet::lab {

struct Finding {
  enum class Level { well, warning, problem };
  std::string subject;  // "fixtures", "ports", ... : a stable name for scripts
  Level level = Level::well;
  std::string what;                              // what was found, with figures
  std::string fix;                               // what to do; "" when well
  std::function<base::Expected<void>()> repair;  // does it, where that is safe; empty otherwise
};

struct DoctorOptions {
  std::filesystem::path programs;
  int dashboard_port = 5665;
  std::uint64_t least_disk_bytes = 2ULL << 30U;
};

/// Looks at everything, a second or two. Changes nothing; repairs are for the caller to run. `tell` is kept for them
/// and must outlive the findings, as must `stack`.
std::vector<Finding> examine(Stack& stack, const DoctorOptions& options, const Tell& tell);
/// Of the stack in containers.
std::vector<Finding> examine(const ContainerStack& stack, const DoctorOptions& options, const Tell& tell);

}  // namespace gauntlet::lab
