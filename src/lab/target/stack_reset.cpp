#include "lab/target/stack_reset.hpp"

#include <fmt/format.h>
#include <stdlib.h>

#include <functional>
#include <tuple>

#include "base/whole_file.hpp"
#include "challenge/config_parser.hpp"
#include "lab/process/launch.hpp"
#include "lab/target/target.hpp"

namespace gauntlet::lab {
namespace {

using base::ErrorKind;

base::Expected<challenge::Config> read_challenges(const std::filesystem::path& file) {
  auto text = base::read_file(file);
  if (!text) {
    text.error().message += "; make it with test/scripts/generate_challenges.sh (or gauntlet fixtures)";
    return tl::unexpected(text.error());
  }
  auto config = challenge::parse_config(*text);
  if (!config)
    return base::fail(ErrorKind::invalid_argument,
                      fmt::format("{} is not a valid challenge file:\n{}", file.string(), challenge::describe(config.error())));
  return std::move(*config);
}

/// Where a service reads its challenges.
using FileOf = std::function<std::string(const char* service)>;

/// Seeded goals that the services do not know are never moved nor claimed.
std::string mismatch(const FileOf& file_of, const std::filesystem::path& fixture) {
  const auto seeded = base::read_file(fixture);
  for (const char* name : {kService, kEventHandler}) {
    const std::string file = file_of(name);
    if (file.empty()) continue;
    if (const auto read = base::read_file(file); !seeded || !read || *read != *seeded)
      return fmt::format("{} reads {}, not test/fixtures/challenges.json: copy the latter to extend-{}/config/ and call gauntlet restart",
                         name, file, name);
  }
  return "";
}

/// What replicas cache of players' rows is wrong once the rows are gone.
base::Expected<void> clear_cache(const RedisAddress& redis) {
  if (!redis.password.empty()) ::setenv("REDISCLI_AUTH", redis.password.c_str(), 1);  // not on the command line, which others can read
  std::ignore = TRY(run_to_end({"/usr/bin/redis-cli", "-h", redis.host, "-p", std::to_string(redis.port), "FLUSHALL"}, std::nullopt, "/"));
  return {};
}

base::Expected<SeedReport> reset(const Target& target, const StackStatus& status, const std::filesystem::path& project,
                                 const std::optional<SeedOptions>& seed, const FileOf& file_of) {
  const auto is_healthy = [&](const char* name) {
    const auto* part = status.find(name);
    return part != nullptr && part->condition == Condition::healthy;
  };
  if (!target.database || !is_healthy(kPostgres))
    return base::fail(ErrorKind::unavailable, "the stack's database is not up: gauntlet up (or make dev-up) starts it");
  const auto folder = project / "test" / "fixtures";
  std::vector<Player> players;
  std::optional<challenge::Config> config;
  if (seed) {
    auto read = TRY(read_players((folder / "users.json").string()));
    players = std::move(read);
    auto parsed = TRY(read_challenges(folder / "challenges.json"));
    config = std::move(parsed);
    std::ignore = TRY(goals_to_give(*config, *seed));
  }
  auto database = *target.database;
  database.application_name = "gauntlet reset";
  database.statement_timeout = std::chrono::minutes(5);
  TRY(clear_progress(database));
  if (target.redis && is_healthy(kRedis)) TRY(clear_cache(*target.redis));
  if (!seed) return SeedReport{};
  auto report = seed_progress(database, players, *config, *seed);
  if (report) report->warning = mismatch(file_of, folder / "challenges.json");
  return report;
}

}  // namespace

base::Expected<SeedReport> reset_stack(const Stack& stack, const std::optional<SeedOptions>& seed) {
  const auto target = TRY(target_of_stack(stack));
  const auto plan = TRY(stack.plan());
  return reset(target, TRY(stack.status()), stack.project(), seed, [&](const char* service) -> std::string {
    const Component* component = plan.find(service);
    return component == nullptr ? ""
                                : component->environment.at(service == std::string(kService) ? "CHALLENGE_CONFIG_PATH" : "CONFIG_PATH");
  });
}

base::Expected<SeedReport> reset_stack(const ContainerStack& stack, const std::optional<SeedOptions>& seed) {
  const auto target = TRY(target_of_containers(stack));
  return reset(target, TRY(stack.status()), stack.project(), seed,
               [&](const char* service) { return stack.challenge_file(service).string(); });
}

}  // namespace gauntlet::lab
