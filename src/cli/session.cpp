#include "cli/session.hpp"

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "cli/exit_code.hpp"

namespace gauntlet::cli {

namespace fs = std::filesystem;

Session::Session() {
  const char* stack = std::getenv("STACK");
  docker = stack != nullptr && std::string_view(stack) == "docker";
}

base::Expected<fs::path> Session::find_project() const {
  return lab::find_project(project.empty() ? fs::current_path() : fs::path(project));
}

base::Expected<lab::Stack> Session::open_stack() const {
  if (docker)
    return base::fail(base::ErrorKind::invalid_argument,
                      "this command works on the native stack alone: leave out --docker (or STACK=docker)");
  auto found = TRY(find_project());
  lab::StackOptions options{.project = found, .state_dir = {}};
  if (!state_dir.empty()) options.state_dir = state_dir;
  return lab::Stack::open(options);
}

base::Expected<lab::ContainerStack> Session::open_containers() const { return lab::ContainerStack(TRY(find_project())); }

base::Expected<lab::Target> Session::find_stack() const {
  if (docker) return lab::target_of_containers(TRY(open_containers()));
  const auto stack = TRY(open_stack());
  return lab::target_of_stack(stack);
}

fs::path Session::programs() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path();
}

void Session::fail(const base::Error& error) {
  std::fflush(stdout);
  std::fprintf(stderr, "gauntlet: %s\n", error.message.c_str());
  exit_code = exit_code_of(error.kind);
}

void Session::tell(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

}  // namespace gauntlet::cli
