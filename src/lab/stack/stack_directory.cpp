#include "lab/stack/stack_directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/system_error.hpp"
#include "base/text.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;

/// FNV-1a, 64 bits: names a folder after a path, nothing more.
std::uint64_t hash_of(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

/// Unix socket addresses hold 107 characters; ours and PostgreSQL's ("/postgres/run/.s.PGSQL.65535.lock") must fit.
constexpr std::size_t kLongestRoot = sizeof(sockaddr_un::sun_path) - 1 - 34;

}  // namespace

base::Expected<fs::path> find_project(const fs::path& start) {
  std::error_code error;
  fs::path folder = fs::weakly_canonical(fs::absolute(start), error);
  for (;; folder = folder.parent_path()) {
    if (fs::exists(folder / ".env.example", error) && fs::is_directory(folder / "migrations", error)) return folder;
    if (!folder.has_relative_path()) break;
  }
  return base::fail(ErrorKind::not_found,
                    fmt::format("{} is not in a Gauntlet project (no folder above holds .env.example and migrations/): go "
                                "to the checkout or name it with --project DIR",
                                start.string()));
}

base::Expected<StackDirectory> StackDirectory::locate(const fs::path& project, const std::optional<fs::path>& wanted,
                                                      const std::optional<Account>& account) {
  std::error_code error;
  fs::path root = project / ".gauntlet";
  if (wanted) {
    root = fs::weakly_canonical(fs::absolute(*wanted), error);
    // The nearest folder that exists decides whether the servers' user will get in.
    fs::path existing = root;
    while (!fs::exists(existing, error) && existing.has_relative_path()) existing = existing.parent_path();
    if (!may_access(account, existing, X_OK))
      return base::fail(ErrorKind::permission_denied,
                        fmt::format("--state-dir {}: user `{}`, whom the servers run as, cannot enter {}: choose a folder "
                                    "that it can enter",
                                    root.string(), account ? account->name : "", existing.string()));
  } else if (!may_access(account, project, X_OK)) {
    root = fs::path("/var/lib/gauntlet") / fmt::format("{:016x}", hash_of(project.string()));
  }
  // Clients of PostgreSQL take a comma for the end of a host, and the plan is JSON.
  if (root.string().find(',') != std::string::npos || !base::is_text(root.string()) || !base::is_text(project.string()))
    return base::fail(ErrorKind::invalid_argument,
                      fmt::format("{} has a comma or bytes that are not UTF-8 in it, which a stack cannot live with: use another "
                                  "folder, or another --state-dir",
                                  root.string()));
  if (root.string().size() > kLongestRoot)
    return base::fail(ErrorKind::invalid_argument,
                      fmt::format("{} is too long for the sockets in it ({} characters, at most {}): use a shorter "
                                  "--state-dir",
                                  root.string(), root.string().size(), kLongestRoot));
  return StackDirectory(root);
}

base::Expected<void> make_folder(const fs::path& folder, mode_t mode, const std::optional<Account>& owner) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    if (fs::create_directories(folder.parent_path(), error); error)
      return tl::unexpected(base::system_error(error.value(), "cannot make " + folder.parent_path().string()));
    if (::mkdir(folder.c_str(), mode) != 0 && errno != EEXIST)
      return tl::unexpected(base::system_error(errno, "cannot make " + folder.string()));
  }
  // The caller's umask must not lock the servers' user out.
  struct stat status {};
  if (::lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
    return base::fail(ErrorKind::failed_precondition, folder.string() + " is not a folder: move it away");
  if (owner && status.st_uid != owner->uid && ::lchown(folder.c_str(), owner->uid, owner->gid) != 0)
    return tl::unexpected(base::system_error(errno, "cannot give " + folder.string() + " to user " + owner->name));
  if ((status.st_mode & 07777U) != mode && ::chmod(folder.c_str(), mode) != 0)
    return tl::unexpected(base::system_error(errno, "cannot set the rights of " + folder.string()));
  return {};
}

base::Expected<void> StackDirectory::create(const std::optional<Account>& account) const {
  // Where servers are another user's, that user passes through the folder but reads nothing that is not its own.
  if (auto made = make_folder(root_, account ? 0711 : 0700, std::nullopt); !made) return made;
  if (auto made = make_folder(root_ / "logs", 0700, std::nullopt); !made) return made;
  if (auto made = make_folder(root_ / "postgres", 0700, account); !made) return made;
  if (auto made = make_folder(postgres_socket_folder(), 0700, account); !made) return made;
  return {};
}

base::Expected<Descriptor> lock_file(const fs::path& path, bool wait) {
  Descriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return tl::unexpected(base::system_error(errno, "cannot open " + path.string()));
  while (::flock(lock.get(), LOCK_EX | (wait ? 0 : LOCK_NB)) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return base::fail(ErrorKind::already_exists, path.string() + " is locked by another process");
    return tl::unexpected(base::system_error(errno, "cannot lock " + path.string()));
  }
  return lock;
}

}  // namespace gauntlet::lab
