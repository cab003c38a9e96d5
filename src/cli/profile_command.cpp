#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/session.hpp"
#include "cli/target_flag.hpp"
#include "lab/profile/profile_collection.hpp"

namespace gauntlet::cli {

void add_profile_command(CLI::App& app, Session& session) {
  auto* command =
      app.add_subcommand("profile", "Take CPU, heap and goroutine profiles of both services, as pprof files, text and flame graphs")
          ->group(kLabGroup);
  struct Flags {
    std::string folder = ".";
    std::string level = "now";
    int seconds = 10;
    std::string target;
  };
  auto flags = std::make_shared<Flags>();
  command
      ->add_option("-o,--out", flags->folder,
                   "Where to: cpu_LEVEL.txt, heap_LEVEL.txt, goroutine_LEVEL.txt, event-handler_cpu_LEVEL.txt, ...")
      ->capture_default_str();
  command->add_option("--level", flags->level, "LEVEL in the files' names, for example 500rps_2000eps")->capture_default_str();
  command->add_option("--seconds", flags->seconds, "Length of the CPU profiles")->capture_default_str()->check(CLI::Range(1, 300));
  command->add_option("--target", flags->target, "A system that gauntlet.toml describes, instead of this checkout's stack");
  command->callback([flags, &session] {
    const auto target = [&]() -> base::Expected<lab::Target> {
      if (!flags->target.empty()) {
        auto profile = TRY(read_target(session, flags->target));
        return std::move(profile.target);
      }
      return session.find_stack();
    }();
    if (!target) return session.fail(target.error());
    const auto problems =
        collect_profiles(*target, {.folder = flags->folder, .level = flags->level, .cpu = std::chrono::seconds(flags->seconds)});
    if (!problems) return session.fail(problems.error());
    for (const auto& problem : *problems) fmt::print(stderr, "gauntlet: not taken: {}\n", problem);
    if (!problems->empty()) session.exit_code = kFailed;
  });
}

}  // namespace gauntlet::cli
