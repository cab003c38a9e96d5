#include "lab/process/account.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace gauntlet::lab {

base::Expected<std::optional<Account>> account_for_servers() {
  if (::geteuid() != 0) return std::nullopt;
  for (const char* name : {"gauntlet", "postgres"})
    if (const passwd* entry = ::getpwnam(name)) return Account{name, entry->pw_uid, entry->pw_gid};
  return base::fail(base::ErrorKind::failed_precondition,
                    "the stack's servers must not run as root, and there is neither a user `gauntlet` nor `postgres` "
                    "to run them as: run scripts/install-deps, or call this as an ordinary user");
}

bool become(const Account& account) {
  return ::setgroups(1, &account.gid) == 0 && ::setgid(account.gid) == 0 && ::setuid(account.uid) == 0;
}

bool may_access(const std::optional<Account>& account, const std::filesystem::path& path, int mode) {
  if (!account) return ::access(path.c_str(), mode) == 0;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(become(*account) && ::access(path.c_str(), mode) == 0 ? 0 : 1);
  if (child < 0) return false;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace gauntlet::lab
