#include "cli/fleet_file.hpp"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <utility>

#include "base/whole_file.hpp"

namespace gauntlet::cli {
namespace {

constexpr std::int64_t kMostWeight = 1000;
constexpr std::size_t kMostAgents = 1000;

using engine::session::TeamSettings;

base::Expected<void> add_agents(TeamSettings& team, const std::string& file) {
  const auto text = TRY(base::read_file(file));
  toml::table read;
  try {
    read = toml::parse(text, file);
  } catch (const toml::parse_error& problem) {
    return base::fail(base::ErrorKind::invalid_argument,
                      fmt::format("{}:{}: {}", file, problem.source().begin.line, std::string(problem.description())));
  }
  const auto wrong = [&](const toml::node& node, const std::string& message) {
    return base::fail(base::ErrorKind::invalid_argument, fmt::format("{}:{}: {}", file, node.source().begin.line, message));
  };
  const toml::array* agents = read["agent"].as_array();
  if (agents == nullptr || agents->empty() || read.size() != 1)
    return base::fail(base::ErrorKind::invalid_argument, fmt::format("{}: a fleet is a list of [[agent]] and nothing else", file));
  for (const toml::node& node : *agents) {
    const toml::table* agent = node.as_table();
    if (agent == nullptr) return wrong(node, "an agent is a table: [[agent]]");
    for (const auto& [key, value] : *agent) {
      if (key != "name" && key != "command" && key != "weight")
        return wrong(value, fmt::format("an agent has name, command and weight, and no {}", std::string(key.str())));
    }
    const auto command = (*agent)["command"].value<std::string>();
    if (!command || command->find_first_not_of(" \t") == std::string::npos) return wrong(node, "an agent has a command, as \"ssh lg1\"");
    const toml::node* weight = agent->get("weight");
    if (weight != nullptr && (!weight->is_integer() || **weight->as_integer() < 1 || **weight->as_integer() > kMostWeight))
      return wrong(*weight, fmt::format("a weight is a whole number from 1 to {}", kMostWeight));
    const toml::node* name = agent->get("name");
    if (name != nullptr && !name->is_string()) return wrong(*name, "a name is a text in quotes");
    team.places.push_back(engine::fleet::place_of_command(name == nullptr ? *command : **name->as_string(), *command,
                                                          weight == nullptr ? 1U : static_cast<std::uint32_t>(**weight->as_integer())));
  }
  return {};
}

}  // namespace

base::Expected<TeamSettings> read_fleet(const std::string& file, const std::vector<std::string>& commands) {
  TeamSettings team;
  if (!file.empty()) TRY(add_agents(team, file));
  for (const std::string& command : commands) team.places.push_back(engine::fleet::place_of_command(command, command, 1));
  if (team.places.size() > kMostAgents)
    return base::fail(base::ErrorKind::invalid_argument, fmt::format("a fleet has at most {} agents", kMostAgents));
  for (auto place = team.places.begin(); place != team.places.end(); ++place) {
    const auto same = std::count_if(team.places.begin(), place, [&](const auto& other) { return other.name == place->name; });
    if (same > 0) place->name += fmt::format(" #{}", same + 1);
  }
  return team;
}

}  // namespace gauntlet::cli
