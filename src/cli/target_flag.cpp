#include "cli/target_flag.hpp"

#include "cli/session.hpp"

namespace gauntlet::cli {

base::Expected<lab::TargetProfile> read_target(const Session& session, const std::string& name) {
  const auto found = session.find_project();
  return lab::read_target_profile((found ? *found : std::filesystem::current_path()) / "gauntlet.toml", name);
}

}  // namespace gauntlet::cli
