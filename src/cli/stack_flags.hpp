#pragma once
// Flags that `up` and `restart` share.
#include <string>
#include <vector>

#include "base/error.hpp"
#include "lab/stack/stack.hpp"

namespace CLI {
class App;
}

namespace gauntlet::cli {

struct StackFlags {
  bool auto_ports = false;
  bool limits = false;
  std::vector<std::string> names;
  std::vector<std::string> variables;  // NAME=VALUE
  int timeout_s = 120;

  void declare(CLI::App& command);
  /// invalid_argument for a --env that is not NAME=VALUE.
  base::Expected<lab::UpOptions> up_options() const;
  /// failed_precondition for what containers cannot be told; docker-compose.yml and .env say it.
  base::Expected<void> check_for_docker() const;
};

}  // namespace gauntlet::cli
