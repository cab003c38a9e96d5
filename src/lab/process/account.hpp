#pragma once
// The user that the stack's servers run as. PostgreSQL refuses to run as root, and nothing else of the stack needs it.
#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

#include "base/error.hpp"

namespace gauntlet::lab {

struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

/// Nothing when the caller is an ordinary user: servers then run as the caller. For root: the system user `gauntlet`
/// where there is one, else `postgres`, which Debian's package makes; failed_precondition when there is neither.
base::Expected<std::optional<Account>> account_for_servers();

/// Becomes that user for good: groups, gid, uid. For use between fork and exec; false when the kernel refuses.
bool become(const Account& account);

/// Can a process of `account` (nothing: the caller) use `path` in this way (R_OK | X_OK, as access(2) takes it)? Asks
/// the kernel through a child process that becomes that user.
bool may_access(const std::optional<Account>& account, const std::filesystem::path& path, int mode);

}  // namespace gauntlet::lab
