#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <optional>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/session.hpp"
#include "lab/monitor/process_table.hpp"
#include "lab/target/target.hpp"

namespace gauntlet::cli {
namespace {

std::string ports_of(const lab::ComponentStatus& component) {
  std::string out;
  for (const auto& [name, port] : component.ports) out += fmt::format("{}{}:{}", out.empty() ? "" : " ", name, port);
  return out;
}

std::string age_of(const lab::ComponentStatus& component) {
  if (component.since == 0) return "-";
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  const auto seconds = std::max<std::int64_t>(0, now - component.since);
  if (seconds < 120) return fmt::format("{}s", seconds);
  if (seconds < 7200) return fmt::format("{}m", seconds / 60);
  return fmt::format("{}h", seconds / 3600);
}

void print_table(const lab::StackStatus& status, bool detailed) {
  auto row = [&](const std::string& name, const std::string& condition, const std::string& pid, const std::string& restarts,
                 const std::string& since, const std::string& ports) {
    if (detailed) fmt::print("{:<24}{:<22}{:<9}{:<10}{:<7}{}\n", name, condition, pid, restarts, since, ports);
    else fmt::print("{:<24}{}\n", name, condition);
  };
  row("NAME", "STATUS", "PID", "RESTARTS", "SINCE", "PORTS");
  for (const auto& c : status.components)
    row(c.name, to_text(c), c.pid > 0 ? std::to_string(c.pid) : "-", std::to_string(c.restarts), age_of(c), ports_of(c));
  for (const auto& c : status.components)
    if (c.condition != lab::Condition::healthy && !c.reason.empty()) fmt::print("{}: {}\n", c.name, c.reason);
  for (const auto& c : status.components)
    if (c.restarts > 0 && !detailed) fmt::print("{}: restarted {} time{}\n", c.name, c.restarts, c.restarts == 1 ? "" : "s");
}

}  // namespace

void add_ps_command(CLI::App& app, Session& session) {
  auto* command =
      app.add_subcommand("ps", "List the stack's parts and how they are; exit code 8 unless all are healthy")->group(kStackGroup);
  struct Flags {
    bool detailed = false;
    bool json = false;
    bool stats = false;
  };
  auto flags = std::make_shared<Flags>();
  command->add_flag("-l,--long", flags->detailed, "Also pid, restarts, age and ports");
  command->add_flag("--json", flags->json, "As one line of JSON");
  command->add_flag("--stats", flags->stats,
                    "What each uses, measured over a second: CPU in percent of one core, memory, limit, I/O, PIDs");
  command->callback([flags, &session] {
    std::optional<lab::StackPlan> plan;  // in containers, limits are docker's
    const auto look = [&]() -> base::Expected<lab::StackStatus> {
      if (session.docker) return TRY(session.open_containers()).status();
      const auto stack = TRY(session.open_stack());
      if (auto made = stack.plan()) plan = std::move(*made);
      return stack.status();
    };
    const auto status = look();
    if (!status) return session.fail(status.error());
    if (flags->stats) {
      const auto target = session.find_stack();
      if (!target) return session.fail(target.error());
      const auto limit_of = [&](const std::string& name) -> std::uint64_t {
        const auto* component = plan && plan->limits ? plan->find(name) : nullptr;
        return component == nullptr ? 0 : component->limits.memory_bytes;
      };
      fmt::print("{}", lab::process_table(target->processes, limit_of, std::chrono::seconds(1)));
    } else if (flags->json) fmt::print("{}\n", to_json(*status));
    else print_table(*status, flags->detailed);
    if (!status->all_healthy()) session.exit_code = status->supervisor == 0 ? kNotUp : kNotHealthy;
  });
}

}  // namespace gauntlet::cli
