#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <ctime>

#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "lab/record/run_history.hpp"

namespace gauntlet::cli {
namespace {

std::string time_text(double unix_s) { return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::localtime(static_cast<std::time_t>(unix_s))); }

base::Expected<lab::RunHistory> open_history(const Session& session) {
  const auto project = TRY(session.find_project());
  return lab::RunHistory::open(project);
}

}  // namespace

void add_runs_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("runs", "The history of runs: ls, show ID, rm ID")->group(kLabGroup);
  command->require_subcommand(1);
  struct Flags {
    std::int64_t most = 20;
    std::int64_t id = 0;
    std::vector<std::int64_t> ids;
    bool files = false;
  };
  auto flags = std::make_shared<Flags>();
  auto* ls = command->add_subcommand("ls", "List runs, newest first");
  ls->add_option("-n,--most", flags->most, "So many at most")->capture_default_str()->check(CLI::PositiveNumber);
  ls->callback([flags, &session] {
    auto history = open_history(session);
    if (!history) return session.fail(history.error());
    const auto runs = history->list(flags->most);
    if (!runs) return session.fail(runs.error());
    fmt::print("{:>5}  {:<19}  {:<9} {:<28} {:<20} {:<7} {:>9} {:>12}\n", "ID", "STARTED", "KIND", "SCRIPT", "LEVEL", "STATE", "P95 MS",
               "PER SECOND");
    for (const auto& run : *runs)
      fmt::print("{:>5}  {:<19}  {:<9} {:<28} {:<20} {:<7} {:>9.2f} {:>12.1f}\n", run.id, time_text(run.started_s), run.kind, run.script,
                 run.level, run.state, run.p95_ms, run.throughput_per_s);
  });
  auto* show = command->add_subcommand("show", "One run, with its files");
  show->add_option("id", flags->id, "Its number")->required();
  show->callback([flags, &session] {
    auto history = open_history(session);
    if (!history) return session.fail(history.error());
    const auto run = history->find(flags->id);
    if (!run) return session.fail(run.error());
    if (!*run) return session.fail({base::ErrorKind::not_found, fmt::format("there is no run {}: gauntlet runs ls lists them", flags->id)});
    const auto& r = **run;
    fmt::print(
        "started       {}\nlasted        {:.1f} s\nkind          {}\nscript        {}\nlevel         {}\nstate         "
        "{}\np95           {:.2f} ms\nthroughput    {:.1f} /s\nresult        {}\n",
        time_text(r.started_s), r.seconds, r.kind, r.script, r.level, r.state, r.p95_ms, r.throughput_per_s, r.result);
  });
  auto* rm = command->add_subcommand("rm", "Forget runs");
  rm->add_option("id", flags->ids, "Their numbers")->required();
  rm->add_flag("--files", flags->files, "Delete their result files and recordings, too");
  rm->callback([flags, &session] {
    auto history = open_history(session);
    if (!history) return session.fail(history.error());
    for (const auto id : flags->ids)
      if (auto removed = history->remove(id, flags->files); !removed) return session.fail(removed.error());
  });
}

}  // namespace gauntlet::cli
