#include "cli/stack_flags.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/assignment.hpp"
#include "cli/session.hpp"

namespace gauntlet::cli {

void StackFlags::declare(CLI::App& command) {
  command.add_option("name", names, "Only these")->check(CLI::IsMember({lab::kPostgres, lab::kRedis, lab::kService, lab::kEventHandler}));
  command.add_flag("--auto-ports", auto_ports, "Take the next free port where another program has the usual one");
  command.add_option("--env", variables, "Set a variable over .env, as NAME=VALUE; may be repeated")->allow_extra_args(false);
  command.add_option("--timeout", timeout_s, "Seconds until all must be healthy")->capture_default_str()->check(CLI::Range(1, 3600));
}

base::Expected<lab::UpOptions> StackFlags::up_options() const {
  lab::UpOptions options;
  options.auto_ports = auto_ports;
  options.limits = limits;
  options.programs = Session::programs();
  options.timeout = std::chrono::seconds(timeout_s);
  auto overrides = TRY(read_assignments("--env", variables));
  options.overrides.insert(overrides.begin(), overrides.end());
  return options;
}

base::Expected<void> StackFlags::check_for_docker() const {
  const char* flag = auto_ports ? "--auto-ports" : limits ? "--limits" : !variables.empty() ? "--env" : nullptr;
  if (flag == nullptr) return {};
  return base::fail(base::ErrorKind::invalid_argument,
                    fmt::format("{} is for the native stack: containers have what docker-compose.yml and .env say", flag));
}

}  // namespace gauntlet::cli
