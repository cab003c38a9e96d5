#include "lab/target/target_profile.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libpq-fe.h>

#include <toml++/toml.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <set>

#include "base/duration.hpp"
#include "base/whole_file.hpp"
#include "engine/plan/scenario.hpp"
#include "engine/wire/url.hpp"
#include "lab/process/launch.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;
using engine::plan::ExecutorKind;

const std::set<std::string> kKeys{"base_url", "grpc",      "behind",    "max_rate",   "max_minutes", "database", "redis",
                                  "cgroups",  "variables", "processes", "containers", "metrics",     "pprof",    "reset"};

base::Error wrong(const fs::path& file, const toml::node& node, const std::string& what) {
  return {ErrorKind::invalid_argument, fmt::format("{}:{}: {}", file.string(), node.source().begin.line, what)};
}

/// The host of "https://host:port/path", "host:port" or "host", as the engine finds it; all of `address` where it is none.
std::string host_of(const std::string& address) {
  const auto url = engine::wire::Url::parse(address.find("://") == std::string::npos ? "http://" + address : address);
  return url && !url->host.empty() ? std::string(url->hostname()) : address;
}

bool is_here(const std::string& host) {
  in_addr address{};
  return host == "localhost" || host == "::1" || (inet_pton(AF_INET, host.c_str(), &address) == 1 && host.starts_with("127."));
}

/// Text values of the table `key`, in the file's order.
base::Expected<std::vector<std::pair<std::string, std::string>>> texts_of(const fs::path& file, const toml::table& profile,
                                                                          const char* key) {
  std::vector<std::pair<std::string, std::string>> out;
  const toml::node* node = profile.get(key);
  if (node == nullptr) return out;
  if (!node->is_table()) return tl::unexpected(wrong(file, *node, fmt::format("{} is a table: {{ NAME = \"...\" }}", key)));
  for (const auto& [name, value] : *node->as_table()) {
    const auto text = value.value<std::string>();
    if (!text) return tl::unexpected(wrong(file, value, fmt::format("{}.{} is a text in quotes", key, name.str())));
    out.emplace_back(std::string(name.str()), *text);
  }
  return out;
}

base::Expected<std::string> text_of(const fs::path& file, const toml::table& profile, const char* key) {
  const toml::node* node = profile.get(key);
  if (node == nullptr) return std::string();
  const auto text = node->value<std::string>();
  if (!text || text->empty()) return tl::unexpected(wrong(file, *node, fmt::format("{} is a text in quotes", key)));
  return *text;
}

base::Expected<std::optional<double>> amount_of(const fs::path& file, const toml::table& profile, const char* key) {
  const toml::node* node = profile.get(key);
  if (node == nullptr) return std::optional<double>();
  const auto number = node->value<double>();
  constexpr double kMost = 1e9;
  if (!number || !(*number > 0 && *number <= kMost))
    return tl::unexpected(wrong(file, *node, fmt::format("{} is a number above 0, {:.0e} at most", key, kMost)));
  return number;
}

base::Expected<postgres::ConnectionOptions> database_of(const fs::path& file, const toml::node& node, const std::string& text) {
  char* problem = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> parsed(PQconninfoParse(text.c_str(), &problem), &PQconninfoFree);
  if (!parsed) {
    const std::string why = problem == nullptr ? "out of memory" : problem;
    PQfreemem(problem);
    return tl::unexpected(wrong(file, node, "database: " + why.substr(0, why.find('\n'))));
  }
  postgres::ConnectionOptions options;
  options.application_name = "gauntlet watch";
  std::string hosts = options.hosts(), ports = options.ports();
  for (const PQconninfoOption* one = parsed.get(); one->keyword != nullptr; ++one) {
    if (one->val == nullptr) continue;
    const std::string key = one->keyword, value = one->val;
    if (key == "host") hosts = value;
    if (key == "port") ports = value;
    if (key == "dbname") options.database = value;
    if (key == "user") options.user = value;
    if (key == "password") options.password = value;
    if (key == "sslmode") options.sslmode = value;
  }
  if (const auto listed = options.use_servers(hosts, ports, "host", "port"); !listed)
    return tl::unexpected(wrong(file, node, "database: " + listed.error().message));
  return options;
}

base::Expected<pid_t> pid_of_container(const std::string& container) {
  auto said = run_to_end({"/usr/bin/env", "docker", "inspect", "--format", "{{.State.Pid}}", container}, std::nullopt, "/");
  if (!said) return tl::unexpected(std::move(said.error()).in("container " + container));
  const int pid = std::atoi(said->c_str());
  if (pid <= 0) return base::fail(ErrorKind::unavailable, fmt::format("container {} does not run", container));
  return pid;
}

/// Iterations a second at the scenario's busiest moment; nothing for executors that have no rate.
std::optional<double> busiest_rate(const engine::plan::Scenario& scenario) {
  std::int64_t most = 0;
  if (scenario.executor == ExecutorKind::constant_arrival_rate) {
    most = scenario.rate;
  } else if (scenario.executor == ExecutorKind::ramping_arrival_rate) {
    most = scenario.start_rate;
    for (const auto& stage : scenario.stages.value) most = std::max(most, stage.target);
  } else {
    return std::nullopt;
  }
  return static_cast<double>(most) / base::seconds_of(scenario.time_unit.value);
}

}  // namespace

base::Expected<TargetProfile> read_target_profile(const fs::path& file, const std::string& name) {
  auto text = base::read_file(file);
  if (!text) return tl::unexpected(std::move(text.error()).in("targets are described in gauntlet.toml (docs/LAB.md, Targets)"));
  toml::table document;
  try {
    document = toml::parse(*text, file.string());
  } catch (const toml::parse_error& problem) {
    return base::fail(ErrorKind::invalid_argument,
                      fmt::format("{}:{}: {}", file.string(), problem.source().begin.line, problem.description()));
  }
  const toml::table* targets = document["targets"].as_table();
  const toml::table* profile = targets == nullptr ? nullptr : (*targets)[name].as_table();
  if (profile == nullptr) {
    std::string known;
    if (targets != nullptr)
      for (const auto& [key, value] : *targets) known += (known.empty() ? "" : ", ") + std::string(key.str());
    return base::fail(ErrorKind::not_found,
                      fmt::format("{} has no [targets.{}]; it has {}", file.string(), name, known.empty() ? "no targets" : known));
  }
  for (const auto& [key, value] : *profile)
    if (!kKeys.contains(std::string(key.str())))
      return tl::unexpected(wrong(file, value, fmt::format("there is no key `{}`; there are {}", key.str(), fmt::join(kKeys, ", "))));

  TargetProfile out;
  Target& target = out.target;
  target.name = name;
  std::set<std::string> strangers;
  auto look_at = [&](const std::string& address) {
    if (const std::string host = host_of(address); !is_here(host)) strangers.insert(host);
  };
  static constexpr std::pair<const char*, const char*> kAddresses[] = {{"base_url", "BASE_URL"}, {"grpc", "EVENT_HANDLER_ADDR"}};
  for (const auto& [key, variable] : kAddresses) {
    auto address = TRY(text_of(file, *profile, key));
    if (address.empty()) continue;
    target.variables.emplace_back(variable, address);
    look_at(address);
  }
  if (target.variables.empty()) return tl::unexpected(wrong(file, *profile, "base_url or grpc is needed"));
  auto behind = TRY(text_of(file, *profile, "behind"));
  if (!behind.empty()) look_at(behind);
  const auto variables = TRY(texts_of(file, *profile, "variables"));
  for (const auto& [variable, value] : variables) {
    for (const auto& [key, own] : kAddresses)
      if (variable == own)
        return tl::unexpected(wrong(file, *profile->get("variables"), fmt::format("variables.{}: {} says it", own, key)));
    if (value.find("://") != std::string::npos) look_at(value);
  }
  target.variables.insert(target.variables.end(), variables.begin(), variables.end());
  out.strangers.assign(strangers.begin(), strangers.end());

  out.max_rate = TRY(amount_of(file, *profile, "max_rate"));
  const auto minutes = TRY(amount_of(file, *profile, "max_minutes"));
  if (minutes) out.longest = std::chrono::minutes(static_cast<std::int64_t>(std::ceil(*minutes)));

  auto reset = TRY(text_of(file, *profile, "reset"));
  out.reset = std::move(reset);

  for (const auto& [key, pages] : {std::pair("metrics", &target.metrics), std::pair("pprof", &target.pprof)}) {
    auto urls = TRY(texts_of(file, *profile, key));
    for (const auto& [server, url] : urls) pages->push_back({server, url});
  }
  if (const toml::node* node = profile->get("processes")) {
    if (!node->is_table()) return tl::unexpected(wrong(file, *node, "processes is a table: { NAME = PID }"));
    for (const auto& [process, value] : *node->as_table()) {
      const auto pid = value.value<std::int64_t>();
      if (!pid || *pid <= 0 || *pid > std::numeric_limits<pid_t>::max())
        return tl::unexpected(wrong(file, value, fmt::format("processes.{} is a pid", process.str())));
      target.processes.push_back({std::string(process.str()), static_cast<pid_t>(*pid)});
    }
  }
  auto containers = TRY(texts_of(file, *profile, "containers"));
  for (const auto& [process, container] : containers) {
    auto pid = TRY(pid_of_container(container));
    target.processes.push_back({process, pid});
  }
  if (const toml::node* node = profile->get("cgroups")) {
    const toml::array* folders = node->as_array();
    if (folders == nullptr) return tl::unexpected(wrong(file, *node, "cgroups is a list of folders"));
    for (const auto& folder : *folders) {
      const auto path = folder.value<std::string>();
      if (!path) return tl::unexpected(wrong(file, folder, "cgroups is a list of folders"));
      target.cgroups.emplace_back(*path);
    }
  }
  auto database = TRY(text_of(file, *profile, "database"));
  if (!database.empty()) {
    auto options = TRY(database_of(file, *profile->get("database"), database));
    target.database = std::move(options);
  }
  auto redis = TRY(text_of(file, *profile, "redis"));
  if (!redis.empty()) {
    RedisAddress address;
    address.host = host_of(redis);
    if (const auto colon = redis.rfind(':'); colon != std::string::npos) address.port = std::atoi(redis.c_str() + colon + 1);
    target.redis = address;
  }
  return out;
}

base::Expected<void> permit_target(const TargetProfile& profile, const std::vector<std::string>& owned) {
  for (const auto& host : profile.strangers)
    if (std::find(owned.begin(), owned.end(), host) == owned.end())
      return base::fail(ErrorKind::permission_denied,
                        fmt::format("target {} is {}, not this machine: load it only if it is yours, and say so with "
                                    "--yes-i-own {}",
                                    profile.target.name, host, host));
  if (!profile.strangers.empty() && (!profile.max_rate || !profile.longest))
    return base::fail(ErrorKind::permission_denied,
                      fmt::format("target {} is not this machine: [targets.{}] of gauntlet.toml needs max_rate "
                                  "(iterations a second) and max_minutes",
                                  profile.target.name, profile.target.name));
  return {};
}

base::Expected<void> permit_scenarios(const TargetProfile& profile, const std::vector<engine::plan::Scenario>& scenarios) {
  double rate = 0;
  for (const auto& scenario : scenarios) {
    const auto length = scenario.start_time.value + longest_duration(scenario);
    if (profile.longest && length > *profile.longest)
      return base::fail(ErrorKind::permission_denied,
                        fmt::format("scenario {} may take {:.1f} minutes with its graceful stop, and target {} allows {} "
                                    "(max_minutes in gauntlet.toml)",
                                    scenario.name, base::seconds_of(length) / 60, profile.target.name, profile.longest->count()));
    if (!profile.max_rate) continue;
    const auto busiest = busiest_rate(scenario);
    if (!busiest)
      return base::fail(ErrorKind::permission_denied,
                        fmt::format("scenario {} is {}, whose rate cannot be known before: target {} has a max_rate, so "
                                    "use constant-arrival-rate or ramping-arrival-rate",
                                    scenario.name, name_of(scenario.executor), profile.target.name));
    rate += *busiest;
  }
  if (profile.max_rate && rate > *profile.max_rate)
    return base::fail(ErrorKind::permission_denied,
                      fmt::format("the scenarios start up to {:g} iterations a second, and target {} allows {:g} "
                                  "(max_rate in gauntlet.toml)",
                                  rate, profile.target.name, *profile.max_rate));
  return {};
}

}  // namespace gauntlet::lab
