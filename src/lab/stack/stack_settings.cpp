#include "lab/stack/stack_settings.hpp"

#include <fmt/format.h>

#include <set>

#include "base/system_error.hpp"
#include "base/utf8.hpp"
#include "base/whole_file.hpp"
#include "lab/atomic_file.hpp"

namespace gauntlet::lab {
namespace {

using base::ErrorKind;

/// The host must be one that can mean the private server; true when it is the container's name.
base::Expected<bool> means_private_server(const base::Environment& env, const char* variable, const char* container) {
  const auto found = env.find(variable);
  const std::string host = found == env.end() ? "" : found->second;
  static const std::set<std::string> kLoopback{"", "localhost", "127.0.0.1", "::1"};
  if (host == container) return true;
  if (kLoopback.contains(host)) return false;
  return base::fail(
      ErrorKind::invalid_argument,
      fmt::format("{}={} (.env, or the environment over it): the native stack starts its own server and cannot use another one; set it "
                  "to {} or 127.0.0.1",
                  variable, host, container));
}

}  // namespace

base::Expected<StackSettings> stack_settings(const base::Environment& env, const StackPorts& ports) {
  base::Settings settings(env);
  StackSettings out;
  DatabaseSettings& database = out.database;
  database.name = settings.text("DB_NAME", database.name, "database of the services");
  database.user = settings.text("DB_USER", database.user, "its user");
  database.password = settings.secret("DB_PASSWORD", "postgres", "password of DB_USER");
  database.max_connections = settings.integer<int>("POSTGRES_MAX_CONNECTIONS", database.max_connections, {.min = 20, .max = 10'000},
                                                   "connections that the private PostgreSQL accepts");
  database.shared_buffers = settings.text("POSTGRES_SHARED_BUFFERS", database.shared_buffers, "its buffer cache, such as 1GB");
  out.redis_password = settings.secret("REDIS_PASSWORD", "", "password of Redis");
  out.mock_rewards = settings.choice("REWARD_CLIENT_MODE", "mock", {"mock", "real"}, "who grants rewards") == "mock";
  out.checks_tokens = settings.boolean("PLUGIN_GRPC_SERVER_AUTH_ENABLED", true, "whether tokens are validated");
  settings.required("AB_NAMESPACE", "namespace of the game");
  if (auto checked = settings.check(); !checked)
    return tl::unexpected(std::move(checked.error()).in("settings (.env, the environment over it)"));

  const auto postgres = TRY(means_private_server(env, "DB_HOST", "postgres"));
  const auto redis = TRY(means_private_server(env, "REDIS_HOST", "redis"));
  if (postgres || redis)
    out.notes.push_back(
        fmt::format("the hosts `postgres` and `redis` of .env are container names; here they are "
                    "127.0.0.1:{} and 127.0.0.1:{}",
                    ports.postgres, ports.redis));

  out.services = env;
  out.services["REWARD_CLIENT_MODE"] = out.mock_rewards ? "mock" : "real";  // without it, real
  out.services["DB_HOST"] = "127.0.0.1";
  out.services["DB_PORT"] = std::to_string(ports.postgres);
  out.services["DB_NAME"] = database.name;
  out.services["DB_USER"] = database.user;
  out.services["DB_PASSWORD"] = database.password;
  out.services["REDIS_HOST"] = "127.0.0.1";
  out.services["REDIS_PORT"] = std::to_string(ports.redis);
  return out;
}

std::string ProjectSettings::names_from(std::string_view origin) const {
  std::string names;
  for (const auto& [name, from] : origins)
    if (from == origin) names += (names.empty() ? "" : ", ") + name;
  return names;
}

base::Expected<ProjectSettings> read_project_settings(const std::filesystem::path& project, const base::Environment& environment,
                                                      const std::set<std::string>& known, const base::Environment& overrides) {
  ProjectSettings out;
  const auto file = project / ".env";
  std::error_code error;
  out.created = !std::filesystem::exists(file, error);
  if (out.created) {
    const auto example = TRY(base::read_file(project / ".env.example"));
    TRY(write_file_atomically(file, example, 0600));
  }
  auto read = base::read_env_file(file.string());
  if (!read) return tl::unexpected(std::move(read.error()).in("fix .env, or delete it to get it anew from .env.example"));
  out.values = std::move(*read);
  for (const auto& [name, value] : out.values) out.origins[name] = ".env";
  // Where the servers listen and how they write their logs is the stack's own.
  static const std::set<std::string> kOfTheStack{"HTTP_PORT", "GRPC_PORT", "METRICS_PORT", "DB_PORT", "REDIS_PORT", "LOG_FORMAT"};
  const auto take = [&](const std::string& name, const std::string& value, const char* origin) {
    out.values[name] = value;
    out.origins[name] = origin;
  };
  for (const auto& [name, value] : environment)
    if ((out.values.contains(name) || known.contains(name)) && !kOfTheStack.contains(name)) take(name, value, "the environment");
  for (const auto& [name, value] : overrides) take(name, value, "--env");
  for (const auto& [name, value] : out.values) {
    if (base::is_utf8(value)) continue;
    return base::fail(base::ErrorKind::invalid_argument,
                      fmt::format("{}, from {}, is no UTF-8 text; write it so, or leave it out", name, out.origins[name]));
  }
  return out;
}

std::set<std::string> names_in_settings_table(std::string_view markdown) {
  std::set<std::string> names;
  constexpr std::string_view kBegin = "\n| `";
  for (std::size_t at = 0; (at = markdown.find(kBegin, at)) != std::string_view::npos;) {
    at += kBegin.size();
    names.emplace(markdown.substr(at, markdown.find('`', at) - at));
  }
  return names;
}

base::Expected<bool> keep_to_owner(const std::filesystem::path& file) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::perms of_others = fs::status(file, error).permissions() & (fs::perms::group_all | fs::perms::others_all);
  if (!error && of_others == fs::perms::none) return false;
  if (!error) fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write, error);
  if (error)
    return tl::unexpected(base::system_error(error.value(), "cannot take the rights of others from " + file.string() + " (chmod 600)"));
  return true;
}

}  // namespace gauntlet::lab
