#pragma once
// Where a project's stack keeps what it needs between commands: one folder, `.gauntlet/` in the project or another.
//
// The folder and its logs belong to the caller; the servers' own folders belong to the user they run as (account.hpp).
#include <filesystem>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "lab/process/account.hpp"
#include "lab/process/launch.hpp"

namespace gauntlet::lab {

/// The checkout that commands work on: the nearest folder from `start` upwards that holds `.env.example` and
/// `migrations/`. not_found says so and names --project.
base::Expected<std::filesystem::path> find_project(const std::filesystem::path& start);

class StackDirectory {
 public:
  /// Where the stack of `project` is: `wanted` when given, else `.gauntlet/` in the project, else (when servers run as
  /// another user who cannot enter the project, as below root's home) /var/lib/gauntlet/<hash of the project's path>.
  /// Creates nothing.
  static base::Expected<StackDirectory> locate(const std::filesystem::path& project, const std::optional<std::filesystem::path>& wanted,
                                               const std::optional<Account>& account);
  explicit StackDirectory(std::filesystem::path root) : root_(std::move(root)) {}

  /// Makes the folder and its fixed parts, with the owners they need. Idempotent.
  base::Expected<void> create(const std::optional<Account>& account) const;
  bool exists() const { return std::filesystem::is_directory(root_); }

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path plan() const { return root_ / "plan.json"; }                   // what should run
  std::filesystem::path children() const { return root_ / "children.json"; }           // what the supervisor has started
  std::filesystem::path supervisor_lock() const { return root_ / "supervisor.lock"; }  // held while it lives
  std::filesystem::path prepare_lock() const { return root_ / "prepare.lock"; }        // one `up` at a time
  std::filesystem::path control_socket() const { return root_ / "control.sock"; }
  std::filesystem::path log_of(const std::string& component) const { return root_ / "logs" / (component + ".log"); }
  std::filesystem::path postgres_data() const { return root_ / "postgres" / "data"; }
  std::filesystem::path postgres_socket_folder() const { return root_ / "postgres" / "run"; }
  /// A component's own folder: its working directory.
  std::filesystem::path folder_of(const std::string& component) const { return root_ / component; }
  /// Copies of files that the servers' user cannot reach in the project.
  std::filesystem::path copies() const { return root_ / "copies"; }

 private:
  std::filesystem::path root_;
};

/// Makes a folder (parents too) with this mode; with an account, that user's.
base::Expected<void> make_folder(const std::filesystem::path& folder, mode_t mode, const std::optional<Account>& owner);

/// An exclusive lock on a file, held until destroyed; the kernel frees it when the process dies. `wait`: until whoever
/// holds it lets go; otherwise `already_exists` at once.
base::Expected<Descriptor> lock_file(const std::filesystem::path& path, bool wait);

}  // namespace gauntlet::lab
