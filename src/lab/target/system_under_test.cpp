#include "lab/target/system_under_test.hpp"

#include <fmt/format.h>

#include "base/duration.hpp"
#include "lab/process/launch.hpp"
#include "lab/target/stack_reset.hpp"

namespace gauntlet::lab {

namespace fs = std::filesystem;
using base::ErrorKind;

std::vector<std::string> SystemUnderTest::watching(const std::vector<std::string>& words) const {
  auto command = gauntlet;
  command.insert(command.end(), words.begin(), words.end());
  command.insert(command.end(), seen_with.begin(), seen_with.end());
  return command;
}

std::vector<std::string> SystemUnderTest::running(const fs::path& script, const fs::path& result) const {
  std::vector<std::string> command{gauntlet.front(), "run", "--quiet", "--out", "json=" + result.string()};
  command.insert(command.end(), loaded_with.begin(), loaded_with.end());
  command.push_back(script.string());
  return command;
}

base::Expected<void> SystemUnderTest::permit_length(std::chrono::seconds load) const {
  if (!longest || load <= *longest) return {};
  return base::fail(ErrorKind::permission_denied,
                    fmt::format("this loads target {} for up to {:.1f} minutes, and {} are allowed (max_minutes in "
                                "gauntlet.toml)",
                                name, base::seconds_of(load) / 60, longest->count()));
}

SystemUnderTest own_stack(const Stack& stack, const fs::path& programs) {
  SystemUnderTest system;
  system.name = "stack";
  system.is_own_stack = true;
  system.project = stack.project();
  system.results = results_of_target(system.project, "");
  system.documents = system.project / "docs";
  system.gauntlet = {(programs / "gauntlet").string(), "--project", system.project.string(), "--state-dir",
                     stack.directory().root().string()};
  system.state_dir = stack.directory().root();
  system.handler_log = stack.directory().log_of(kEventHandler);
  system.find_target = [&stack] { return target_of_stack(stack); };
  system.reset = [&stack]() -> base::Expected<std::string> {
    auto report = TRY(reset_stack(stack, SeedOptions{}));
    return report.warning;
  };
  return system;
}

SystemUnderTest stack_in_containers(const ContainerStack& stack, const fs::path& programs) {
  SystemUnderTest system;
  system.name = "docker";
  system.project = stack.project();
  system.results = results_of_target(system.project, system.name);
  system.documents = system.results;
  system.gauntlet = {(programs / "gauntlet").string(), "--project", system.project.string()};
  system.seen_with = {"--docker"};
  system.find_target = [stack] { return target_of_containers(stack); };
  system.reset = [stack]() -> base::Expected<std::string> {
    auto report = TRY(reset_stack(stack, SeedOptions{}));
    return report.warning;
  };
  return system;
}

base::Expected<SystemUnderTest> described_system(const fs::path& profiles, const std::string& name, const std::vector<std::string>& owned,
                                                 const fs::path& programs) {
  auto profile = TRY(read_target_profile(profiles, name));
  TRY(permit_target(profile, owned));
  SystemUnderTest system;
  system.name = name;
  system.project = profiles.parent_path();
  system.results = results_of_target(system.project, name);
  system.documents = system.results;
  system.gauntlet = {(programs / "gauntlet").string(), "--project", system.project.string()};
  system.seen_with = {"--target", name};
  system.loaded_with = {"--target", name};
  for (const auto& host : owned) system.loaded_with.insert(system.loaded_with.end(), {"--yes-i-own", host});
  system.max_rate = profile.max_rate;
  system.longest = profile.longest;
  system.find_target = [profiles, name]() -> base::Expected<Target> {
    auto now = TRY(read_target_profile(profiles, name));
    return std::move(now.target);
  };
  system.reset = [command = profile.reset, project = system.project]() -> base::Expected<std::string> {
    if (command.empty()) return std::string();
    auto done = run_to_end({"/bin/sh", "-c", command}, std::nullopt, project);
    if (!done) return tl::unexpected(std::move(done.error()).in("reset of gauntlet.toml: " + command));
    return std::string();
  };
  return system;
}

fs::path results_of_target(const fs::path& project, const std::string& target) {
  const fs::path results = project / "test/results";
  return target.empty() ? results : results / "targets" / target;
}

std::map<std::string, std::string> database_environment(const Target& target) {
  if (!target.database) return {};
  const auto& database = *target.database;
  return {
      {"PGHOST", database.hosts()},      {"PGPORT", database.ports()}, {"PGTARGETSESSIONATTRS", database.writable ? "read-write" : "any"},
      {"PGDATABASE", database.database}, {"PGUSER", database.user},    {"PGPASSWORD", database.password},
      {"PGSSLMODE", database.sslmode},   {"PGCONNECT_TIMEOUT", "5"}};
}

}  // namespace gauntlet::lab
