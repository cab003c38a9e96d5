#include "lab/stack/stack_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/whole_file.hpp"
#include "challenge/config_parser.hpp"

namespace gauntlet::lab {
namespace {

/// "config/challenges.json: 10 challenges, 500 goals, 10 given at once".
std::string describe_challenges(const Component& component, const char* variable) {
  const auto file = component.environment.find(variable);
  if (file == component.environment.end()) return "none";
  const auto text = base::read_file(file->second);
  if (!text) return text.error().message;
  const auto config = challenge::parse_config(*text);
  if (!config) return file->second + ": not valid any more (the running service keeps what it read)";
  return fmt::format("{}: {} challenges, {} goals, {} given at once", file->second, config->challenges().size(), config->goals().size(),
                     config->default_goals().size());
}

std::string variable_of(const Component& component, const char* name) {
  const auto found = component.environment.find(name);
  return found == component.environment.end() ? "" : found->second;
}

std::string describe_state(const StackStatus& status) {
  if (status.supervisor == 0) return "down";
  const auto healthy =
      std::count_if(status.components.begin(), status.components.end(), [](const auto& c) { return c.condition == Condition::healthy; });
  return fmt::format("{} of {} healthy, supervisor pid {}{}", healthy, status.components.size(), status.supervisor,
                     status.stopping ? ", going down" : "");
}

}  // namespace

base::Expected<std::vector<std::pair<std::string, std::string>>> describe_stack(const Stack& stack) {
  auto status = TRY(stack.status());
  std::vector<std::pair<std::string, std::string>> lines{
      {"stack", describe_state(status)}, {"project", stack.project().string()}, {"folder", stack.directory().root().string()}};
  const auto plan = stack.plan();
  if (!plan) return lines;
  lines.emplace_back("servers run as", plan->account ? plan->account->name : "you");
  for (const auto& [name, value] : client_environment(*plan))
    if (!name.starts_with("PG")) lines.emplace_back(name, value);
  lines.emplace_back("database", fmt::format("{}@127.0.0.1:{}/{}", plan->database.user, plan->database.port, plan->database.name));
  std::map<std::string, std::string> settings;  // by origin
  for (const auto& [name, origin] : plan->origins) settings[origin] += (settings[origin].empty() ? "" : ", ") + name;
  for (const auto& [origin, names] : settings) lines.emplace_back("settings of " + origin, names);
  const Component* service = plan->find(kService);
  const Component* handler = plan->find(kEventHandler);
  if (service != nullptr) {
    lines.emplace_back("service reads", describe_challenges(*service, "CHALLENGE_CONFIG_PATH"));
    lines.emplace_back("rewards", variable_of(*service, "REWARD_CLIENT_MODE") == "real" ? "real (AGS Platform)" : "mock");
    lines.emplace_back("tokens", variable_of(*service, "PLUGIN_GRPC_SERVER_AUTH_ENABLED") == "false" ? "not checked" : "checked");
  }
  if (handler != nullptr) lines.emplace_back("handler reads", describe_challenges(*handler, "CONFIG_PATH"));
  if (service != nullptr && handler != nullptr) {
    const auto first = base::read_file(variable_of(*service, "CHALLENGE_CONFIG_PATH"));
    const auto second = base::read_file(variable_of(*handler, "CONFIG_PATH"));
    if (first && second && *first != *second) lines.emplace_back("warning", "service and handler read different challenges");
  }
  return lines;
}

}  // namespace gauntlet::lab
