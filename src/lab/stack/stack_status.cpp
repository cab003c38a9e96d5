#include "lab/stack/stack_status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json_document.hpp"

namespace gauntlet::lab {

using nlohmann::json;

const ComponentStatus* StackStatus::find(const std::string& name) const {
  const auto found = std::find_if(components.begin(), components.end(), [&](const auto& c) { return c.name == name; });
  return found == components.end() ? nullptr : &*found;
}

bool StackStatus::all_healthy() const {
  return std::all_of(components.begin(), components.end(), [](const auto& c) { return c.condition == Condition::healthy; });
}

std::string to_text(const ComponentStatus& component) {
  switch (component.condition) {
    case Condition::waiting: return "Waiting";
    case Condition::starting: return "Up (starting)";
    case Condition::healthy: return "Up (healthy)";
    case Condition::unhealthy: return "Up (unhealthy)";
    case Condition::stopping: return "Stopping";
    case Condition::backing_off: return fmt::format("Restarting in {:.1f}s", static_cast<double>(component.retry_in_ms) / 1000);
    case Condition::stopped: return "Down";
  }
  return "Down";
}

std::string to_json(const StackStatus& status) {
  json components = json::array();
  for (const auto& c : status.components)
    components.push_back({{"name", c.name},
                          {"condition", static_cast<int>(c.condition)},
                          {"status", to_text(c)},
                          {"pid", c.pid},
                          {"restarts", c.restarts},
                          {"launches", c.launches},
                          {"since", c.since},
                          {"retry_in_ms", c.retry_in_ms},
                          {"reason", c.reason},
                          {"ports", c.ports}});
  return base::json_text(json{{"supervisor", status.supervisor}, {"stopping", status.stopping}, {"components", components}});
}

base::Expected<StackStatus> status_from_json(const std::string& text) {
  try {
    const json in = json::parse(text);
    StackStatus status;
    in.at("supervisor").get_to(status.supervisor);
    in.at("stopping").get_to(status.stopping);
    for (const auto& c : in.at("components")) {
      ComponentStatus component;
      c.at("name").get_to(component.name);
      component.condition = static_cast<Condition>(c.at("condition").get<int>());
      c.at("pid").get_to(component.pid);
      c.at("restarts").get_to(component.restarts);
      c.at("launches").get_to(component.launches);
      c.at("since").get_to(component.since);
      c.at("retry_in_ms").get_to(component.retry_in_ms);
      c.at("reason").get_to(component.reason);
      c.at("ports").get_to(component.ports);
      status.components.push_back(std::move(component));
    }
    return status;
  } catch (const json::exception& problem) {
    return base::fail(base::ErrorKind::internal, std::string("the supervisor's answer makes no sense: ") + problem.what());
  }
}

}  // namespace gauntlet::lab
