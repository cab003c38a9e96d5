#pragma once
// What the supervisor says of its servers, as `ps` shows it.
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace gauntlet::lab {

enum class Condition {
  waiting,    // for the components it needs
  starting,   // runs, has not yet answered its probes
  healthy,    // runs and answers
  unhealthy,  // runs, answered before, has not answered three probes in a row
  stopping,
  backing_off,  // died; will be started again
  stopped,
};

struct ComponentStatus {
  std::string name;
  Condition condition = Condition::stopped;
  pid_t pid = 0;
  int restarts = 0;              // times that it died by itself and was started again
  int launches = 0;              // times that this supervisor has started or adopted it
  std::int64_t since = 0;        // Unix seconds at which this process was started or adopted; 0: none
  std::int64_t retry_in_ms = 0;  // backing_off only
  std::string reason;            // why it is not healthy: what the probe saw, how it ended, what it waits for
  std::vector<std::pair<std::string, int>> ports;
};

struct StackStatus {
  pid_t supervisor = 0;
  bool stopping = false;
  std::vector<ComponentStatus> components;

  const ComponentStatus* find(const std::string& name) const;
  bool all_healthy() const;
};

/// The STATUS column: "Up (healthy)", "Up (starting)", "Up (unhealthy)", "Restarting in 4s", "Waiting", "Down".
std::string to_text(const ComponentStatus& component);

std::string to_json(const StackStatus& status);
base::Expected<StackStatus> status_from_json(const std::string& text);

}  // namespace gauntlet::lab
