#include "cli/target_flag.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iterator>
#include <tuple>

#include "cli/session.hpp"

namespace gauntlet::cli {
namespace {

std::filesystem::path profiles_of(const Session& session) {
  const auto found = session.find_project();
  return (found ? *found : std::filesystem::current_path()) / "gauntlet.toml";
}

}  // namespace

base::Expected<lab::TargetProfile> read_target(const Session& session, const std::string& name) {
  return lab::read_target_profile(profiles_of(session), name);
}

void LoadedTargetFlags::declare(CLI::App& command) {
  auto* named = command.add_option("--target", target, "A system that gauntlet.toml describes, instead of this checkout's stack");
  command.add_option("--yes-i-own", owned, "The target's host is ours to load; may be repeated")->allow_extra_args(false)->needs(named);
  fleet.declare(command);
}

base::Expected<LoadedSystem> LoadedTargetFlags::open(const Session& session) const {
  std::ignore = TRY(fleet.read());  // a mistake in it is told before anything is done
  LoadedSystem loaded;
  if (!target.empty()) {
    auto system = TRY(lab::described_system(profiles_of(session), target, owned, Session::programs()));
    loaded.system = std::move(system);
  } else if (session.docker) {
    loaded.system = lab::stack_in_containers(TRY(session.open_containers()), Session::programs());
  } else {
    auto stack = TRY(session.open_stack());
    loaded.stack = std::make_unique<lab::Stack>(std::move(stack));
    loaded.system = lab::own_stack(*loaded.stack, Session::programs());
  }
  std::ranges::move(fleet.for_run(), std::back_inserter(loaded.system.loaded_with));
  return loaded;
}

}  // namespace gauntlet::cli
