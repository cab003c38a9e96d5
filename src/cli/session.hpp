#pragma once
// What the commands of one call share: where the project is, how an error is told, what to exit with.
#include <filesystem>
#include <string>

#include "base/error.hpp"
#include "lab/stack/containers.hpp"
#include "lab/stack/stack.hpp"
#include "lab/target/target.hpp"

namespace gauntlet::cli {

class Session {
 public:
  std::string project;    // --project; empty: the checkout around the working directory
  std::string state_dir;  // --state-dir; empty: as lab::StackDirectory decides
  bool docker = false;    // --docker, STACK=docker: the stack in containers
  int exit_code = 0;

  Session();

  base::Expected<std::filesystem::path> find_project() const;
  /// failed_precondition with --docker: for commands of the native stack alone.
  base::Expected<lab::Stack> open_stack() const;
  base::Expected<lab::ContainerStack> open_containers() const;
  /// The stack as it runs now, native or in containers.
  base::Expected<lab::Target> find_stack() const;
  /// Folder of this program, where the services' programs are too.
  static std::filesystem::path programs();

  /// "gauntlet: <message>" on stderr, and the exit code that stands for it.
  void fail(const base::Error& error);
  /// Tells a step of a longer work, on stdout at once.
  static void tell(const std::string& line);
};

}  // namespace gauntlet::cli
