#include "lab/stack/component.hpp"

#include <fmt/format.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "base/json_document.hpp"

namespace gauntlet::lab {

using nlohmann::json;

const Component* StackPlan::find(const std::string& name) const {
  for (const auto& component : components)
    if (component.name == name) return &component;
  return nullptr;
}

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Account, name, uid, gid)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Limits, cpus, memory_bytes)

static void to_json(json& out, const ProbeSpec& probe) {
  out = json{{"kind", static_cast<int>(probe.kind)}, {"port", probe.port}, {"path", probe.path}};
}
static void from_json(const json& in, ProbeSpec& probe) {
  probe = {static_cast<ProbeSpec::Kind>(in.at("kind").get<int>()), in.at("port"), in.at("path")};
}

static void to_json(json& out, const Component& c) {
  out = json{{"name", c.name},
             {"command", c.command},
             {"environment", c.environment},
             {"directory", c.directory.string()},
             {"ports", c.ports},
             {"probes", c.probes},
             {"after", c.after},
             {"stop_signal", c.stop_signal},
             {"stop_grace_s", c.stop_grace.count()},
             {"last_signal", c.last_signal},
             {"limits", c.limits},
             {"fingerprint", c.fingerprint}};
}
static void from_json(const json& in, Component& c) {
  in.at("name").get_to(c.name);
  in.at("command").get_to(c.command);
  in.at("environment").get_to(c.environment);
  c.directory = in.at("directory").get<std::string>();
  in.at("ports").get_to(c.ports);
  in.at("probes").get_to(c.probes);
  in.at("after").get_to(c.after);
  in.at("stop_signal").get_to(c.stop_signal);
  c.stop_grace = std::chrono::seconds(in.at("stop_grace_s").get<long>());
  in.at("last_signal").get_to(c.last_signal);
  in.at("limits").get_to(c.limits);
  in.at("fingerprint").get_to(c.fingerprint);
}

static void to_json(json& out, const DatabasePlan& d) {
  out = json{{"socket_folder", d.socket_folder.string()}, {"port", d.port}, {"name", d.name}, {"user", d.user}, {"password", d.password}};
}
static void from_json(const json& in, DatabasePlan& d) {
  d = {in.at("socket_folder").get<std::string>(), in.at("port"), in.at("name"), in.at("user"), in.at("password")};
}

std::string digest_of(const Component& component) {
  json text;
  to_json(text, component);
  return fmt::format("{:016x}", std::hash<std::string>{}(base::json_text(text)));
}

std::string to_json(const StackPlan& plan) {
  json out{{"project", plan.project.string()}, {"ports", named(plan.ports)}, {"limits", plan.limits},
           {"origins", plan.origins},          {"database", plan.database},  {"components", plan.components}};
  if (plan.account) out["account"] = *plan.account;
  return base::json_text(out, 1) + "\n";
}

base::Expected<StackPlan> plan_from_json(const std::string& text) {
  try {
    const json in = json::parse(text);
    StackPlan plan;
    plan.project = in.at("project").get<std::string>();
    if (in.contains("account")) plan.account = in.at("account").get<Account>();
    std::map<std::string, int> ports;
    for (const auto& [name, port] : in.at("ports").get<std::vector<std::pair<std::string, int>>>()) ports[name] = port;
    plan.ports = ports_from(ports);
    in.at("limits").get_to(plan.limits);
    plan.origins = in.value("origins", plan.origins);  // a stack of an earlier version has none
    in.at("database").get_to(plan.database);
    in.at("components").get_to(plan.components);
    return plan;
  } catch (const json::exception& problem) {
    return base::fail(base::ErrorKind::invalid_argument, std::string("not a stack's plan: ") + problem.what());
  }
}

}  // namespace gauntlet::lab
