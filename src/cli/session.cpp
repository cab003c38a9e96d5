#include "cli/session.hpp"

#include <cstdio>

#include "cli/exit_code.hpp"

namespace gauntlet::cli {

namespace fs = std::filesystem;

base::Expected<fs::path> Session::find_project() const {
  return lab::find_project(project.empty() ? fs::current_path() : fs::path(project));
}

base::Expected<lab::Stack> Session::open_stack() const {
  auto found = TRY(find_project());
  lab::StackOptions options{.project = found, .state_dir = {}};
  if (!state_dir.empty()) options.state_dir = state_dir;
  return lab::Stack::open(options);
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
