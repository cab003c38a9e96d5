#include "lab/target/target.hpp"

#include <fmt/format.h>

#include "lab/stack/control_server.hpp"

namespace gauntlet::lab {

const std::string& Target::variable(const std::string& wanted) const {
  static const std::string none;
  for (const auto& [key, value] : variables)
    if (key == wanted) return value;
  return none;
}

base::Expected<Target> target_of_stack(const Stack& stack) {
  auto plan = TRY(stack.plan());
  auto status = TRY(stack.status());
  if (status.supervisor == 0) return tl::unexpected(stack_not_up());

  Target target;
  target.name = "stack";
  for (const auto& [name, value] : client_environment(plan))
    if (!name.starts_with("PG")) target.variables.emplace_back(name, value);
  for (const auto& component : status.components) {
    if (component.pid == 0) continue;
    target.processes.push_back({component.name, component.pid});
    if (component.name == kPostgres) {
      postgres::ConnectionOptions database;
      database.host = plan.database.socket_folder.string();
      database.port = plan.database.port;
      database.database = plan.database.name;
      database.user = plan.database.user;
      database.application_name = "gauntlet watch";
      target.database = database;
    } else if (component.name == kRedis) {
      RedisAddress redis;
      redis.port = plan.ports.redis;
      if (const auto* service = plan.find(kService); service != nullptr)
        if (const auto password = service->environment.find("REDIS_PASSWORD"); password != service->environment.end())
          redis.password = password->second;
      target.redis = redis;
    } else {
      const int port = component.name == kService ? plan.ports.service_metrics : plan.ports.events_metrics;
      target.metrics.push_back({component.name, fmt::format("http://127.0.0.1:{}/metrics", port)});
      target.pprof.push_back({component.name, fmt::format("http://127.0.0.1:{}/debug/pprof", port)});
    }
  }
  return target;
}

}  // namespace gauntlet::lab
