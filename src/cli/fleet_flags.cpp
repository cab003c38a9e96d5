#include "cli/fleet_flags.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <utility>

#include "base/json_text.hpp"
#include "base/whole_file.hpp"
#include "cli/shell_text.hpp"
#include "engine/fleet/joining.hpp"

namespace gauntlet::cli {
namespace {

constexpr std::int64_t kMostWeight = 1000;
constexpr std::chrono::minutes kToJoin(10);
/// A pod: its node may have to be made, and its image to be fetched.
constexpr std::chrono::seconds kToRun(300);
constexpr std::chrono::seconds kToSayWhyNot(30);

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

/// As much as namespaces of the "restricted" level of Pod Security ask for: whose number the user is, the image says.
constexpr const char* kPod =
    R"({{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{name}","labels":{{"app":"gauntlet-agent"}}}},"spec":{{)"
    R"("restartPolicy":"Never","activeDeadlineSeconds":86400,"automountServiceAccountToken":false,)"
    R"("topologySpreadConstraints":[{{"maxSkew":1,"topologyKey":"kubernetes.io/hostname","whenUnsatisfiable":"ScheduleAnyway",)"
    R"("labelSelector":{{"matchLabels":{{"app":"gauntlet-agent"}}}}}}],)"
    R"("securityContext":{{"runAsNonRoot":true,"seccompProfile":{{"type":"RuntimeDefault"}}}},)"
    R"("containers":[{{"name":"agent","image":{image},"imagePullPolicy":"IfNotPresent","command":["sleep","86400"],)"
    R"("securityContext":{{"allowPrivilegeEscalation":false,"capabilities":{{"drop":["ALL"]}}}}}}]}}}})";

/// A pod that waits, and the agent in it once it runs: what a pod prints before somebody is attached to it would be lost. One whose image
/// cannot be had or which has ended is not waited for any longer. The pod is deleted however this ends, and by a process that nobody waits
/// for; one whose leader's machine is gone ends after a day. A shell says that what it ran was ended, to a leader that may no longer read:
/// that must not end the shell.
engine::fleet::Place pod(const FleetFlags& flags, const std::string& name) {
  std::string image;
  base::append_json_string(image, flags.image);
  const std::string deleted =
      fmt::format("setsid {} delete pod {} --now --wait=false --ignore-not-found </dev/null >/dev/null 2>&1 &", flags.kubectl, name);
  const std::string script = fmt::format(
      "trap {deleted} EXIT; "
      "trap 'exit 143' HUP INT TERM; trap '' PIPE; "
      "printf %s {pod} | {kubectl} create -f - >&2 || exit; "
      "until=$(($(date +%s) + {seconds})); "
      "until why=$({kubectl} wait --for=condition=Ready pod/{name} --timeout=5s </dev/null 2>&1); do "
      "state=$({kubectl} get pod {name} -o {state} </dev/null); "
      "case \"$state; $why\" in '; '*|Failed/*|*Err*'; '*|*BackOff*'; '*|*Invalid*'; '*|*forbidden*) until=0;; esac; "
      "[ $(date +%s) -lt $until ] || {{ echo \"pod {name} is $state: $why\"; {kubectl} get events "
      "--field-selector=involvedObject.name={name} -o custom-columns=REASON:.reason,MESSAGE:.message </dev/null; exit 1; }} >&2; "
      "sleep 1; done; "
      "{kubectl} exec -i {name} -c agent -- gauntlet agent",
      fmt::arg("kubectl", flags.kubectl), fmt::arg("deleted", shell_quoted(deleted)), fmt::arg("name", name),
      fmt::arg("pod", shell_quoted(fmt::format(kPod, fmt::arg("name", name), fmt::arg("image", image)))),
      fmt::arg("seconds", kToRun.count()),
      fmt::arg("state", "'jsonpath={.status.phase}/{.status.containerStatuses[*].state.waiting.reason}'"));
  return {name, {"/bin/sh", "-c", script}, 1, kToRun + kToSayWhyNot};
}

}  // namespace

void FleetFlags::declare(CLI::App& command) {
  command.add_option("--agent", agents, "What carries `gauntlet agent` to a machine that takes a share, as 'ssh lg1'; may be repeated")
      ->allow_extra_args(false);
  command.add_option("--fleet", file, "Agents with names and weights, as TOML; docs/FLEET.md");
  auto* pods = command.add_option("--kubernetes", kubernetes, "So many pods that take a share each; deleted afterwards")
                   ->check(CLI::Range(std::int64_t{1}, kMostAgents));
  command.add_option("--kubernetes-image", image, "The pods' image")->capture_default_str()->needs(pods);
  command.add_option("--kubectl", kubectl, "What runs kubectl, as 'kubectl -n load'")->capture_default_str()->needs(pods);
  auto* listens = command.add_option("--listen", listen, "HOST:PORT where agents join that are started by themselves");
  command.add_option("--expect", expected, "So many agents join")
      ->default_str("1")
      ->check(CLI::Range(std::int64_t{1}, kMostAgents))
      ->needs(listens);
  command.add_option("--token-file", token_file, "The token that they know (default: GAUNTLET_FLEET_TOKEN)")->needs(listens);
}

base::Expected<std::string> fleet_token(const std::string& file) {
  std::string token;
  if (!file.empty()) {
    auto read = TRY(base::read_file(file));
    token = std::move(read);
  } else if (const char* variable = std::getenv("GAUNTLET_FLEET_TOKEN")) {
    token = variable;
  }
  constexpr const char* kBlanks = " \t\r\n";
  token.erase(0, std::min(token.find_first_not_of(kBlanks), token.size()));
  token.erase(token.find_last_not_of(kBlanks) + 1);
  return token;
}

base::Expected<TeamSettings> FleetFlags::read() const {
  TeamSettings team;
  if (!file.empty()) TRY(add_agents(team, file));
  for (const std::string& command : agents) team.places.push_back(engine::fleet::place_of_command(command, command, 1));
  const unsigned run = std::random_device()();
  for (std::int64_t i = 1; i <= kubernetes; ++i) team.places.push_back(pod(*this, fmt::format("gauntlet-{:08x}-{}", run, i)));
  if (!listen.empty()) {
    const auto token = TRY(fleet_token(token_file));
    TRY(engine::fleet::check_joining(listen, token));
    std::vector<std::string> command{"/proc/self/exe", "agent", "--listen", listen};
    if (!token_file.empty()) command.insert(command.end(), {"--token-file", token_file});
    for (std::int64_t i = 1; i <= joining(); ++i) team.places.push_back({fmt::format("joined {}", i), command, 1, kToJoin});
  }
  if (team.places.size() > static_cast<std::size_t>(kMostAgents))
    return base::fail(base::ErrorKind::invalid_argument, fmt::format("a fleet has at most {} agents", kMostAgents));
  std::map<std::string, int> so_many;
  for (auto& place : team.places) {
    if (const int number = ++so_many[place.name]; number > 1) place.name += fmt::format(" #{}", number);
  }
  return team;
}

std::vector<std::string> FleetFlags::for_run() const {
  std::vector<std::string> flags;
  const auto add = [&](const char* name, const std::string& value) { flags.insert(flags.end(), {name, value}); };
  for (const std::string& command : agents) add("--agent", command);
  if (!file.empty()) add("--fleet", std::filesystem::absolute(file).string());
  if (kubernetes > 0) {
    add("--kubernetes", std::to_string(kubernetes));
    add("--kubernetes-image", image);
    add("--kubectl", kubectl);
  }
  if (!listen.empty()) {
    add("--listen", listen);
    add("--expect", std::to_string(joining()));
    if (!token_file.empty()) add("--token-file", std::filesystem::absolute(token_file).string());
  }
  return flags;
}

}  // namespace gauntlet::cli
