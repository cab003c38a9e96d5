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

base::Expected<Target> target_of_containers(const ContainerStack& stack) {
  const auto status = TRY(stack.status());
  if (status.supervisor == 0)
    return base::fail(base::ErrorKind::unavailable, "the containers are not up: gauntlet up --docker starts them");
  Target target;
  target.name = "docker";
  target.variables = {{"BASE_URL", "http://127.0.0.1:8000/challenge"}, {"EVENT_HANDLER_ADDR", "127.0.0.1:6566"}};
  for (const auto& part : status.components)
    if (part.pid > 0) target.processes.push_back({part.name, part.pid});
  for (const auto& [name, port] : {std::pair(kService, 8080), std::pair(kEventHandler, 8081)}) {
    target.metrics.push_back({name, fmt::format("http://127.0.0.1:{}/metrics", port)});
    target.pprof.push_back({name, fmt::format("http://127.0.0.1:{}/debug/pprof", port)});
  }
  postgres::ConnectionOptions database;
  database.host = "127.0.0.1";
  database.port = 5433;
  database.database = "challenge_db";
  database.user = database.password = "postgres";
  database.application_name = "gauntlet watch";
  target.database = database;
  target.redis = RedisAddress{};
  return target;
}

}  // namespace gauntlet::lab
