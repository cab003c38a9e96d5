#include "cli/target_flag.hpp"

#include <CLI/CLI.hpp>

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
}

base::Expected<LoadedSystem> LoadedTargetFlags::open(const Session& session) const {
  LoadedSystem loaded;
  if (!target.empty()) {
    auto system = TRY(lab::described_system(profiles_of(session), target, owned, Session::programs()));
    loaded.system = std::move(system);
    return loaded;
  }
  auto stack = TRY(session.open_stack());
  loaded.stack = std::make_unique<lab::Stack>(std::move(stack));
  loaded.system = lab::own_stack(*loaded.stack, Session::programs());
  return loaded;
}

}  // namespace gauntlet::cli
