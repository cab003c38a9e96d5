#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "cli/target_flag.hpp"
#include "lab/monitor/monitor.hpp"
#include "lab/trial/interruption.hpp"

namespace gauntlet::cli {

void add_watch_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("watch", "Sample processes, pressure, PostgreSQL, Redis and both services' metrics until Ctrl-C")
                      ->group(kLabGroup);
  struct Flags {
    std::string out;
    double interval_s = 1;
    double duration_s = 0;
    bool quiet = false;
    std::string target;
  };
  auto flags = std::make_shared<Flags>();
  command->add_option("-o,--out", flags->out, "Record into this folder: a CSV file a table, and monitor.sqlite with all of them");
  command->add_option("--interval", flags->interval_s, "Seconds between samples; database sessions are looked at ten times a second")
      ->capture_default_str()
      ->check(CLI::Range(0.2, 3600.0));
  command->add_option("--duration", flags->duration_s, "End after so many seconds (default: at Ctrl-C)")->check(CLI::PositiveNumber);
  command->add_flag("-q,--quiet", flags->quiet, "Record only");
  command->add_option("--target", flags->target, "A system that gauntlet.toml describes, instead of this checkout's stack");
  command->callback([flags, &session] {
    std::function<base::Expected<lab::Target>()> find_target;
    if (flags->target.empty()) {
      find_target = [&session] { return session.find_stack(); };
    } else {
      find_target = [flags, &session]() -> base::Expected<lab::Target> {
        auto profile = TRY(read_target(session, flags->target));
        return std::move(profile.target);
      };
    }
    lab::Interruption interruption;
    auto monitor = lab::Monitor::open(find_target);
    if (!monitor) return session.fail(monitor.error());
    const auto milliseconds = [](double seconds) { return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000)); };
    lab::WatchOptions options;
    if (!flags->out.empty()) options.folder = flags->out;
    options.interval = milliseconds(flags->interval_s);
    if (flags->duration_s > 0) options.duration = milliseconds(flags->duration_s);
    std::vector<std::string> told;
    const auto show = [&](const std::vector<lab::Observation>& rows) {
      if (monitor->problems() != told) {
        told = monitor->problems();
        for (const auto& problem : told) fmt::print(stderr, "gauntlet: not seen: {}\n", problem);
      }
      if (const auto line = lab::describe(rows); !flags->quiet && !line.empty()) Session::tell(line);
    };
    if (auto done = lab::watch(
            *monitor, options, [&] { return interruption.has_come(); }, show);
        !done)
      return session.fail(done.error());
  });
}

}  // namespace gauntlet::cli
