#pragma once
// Least privilege: the schema belongs to one role, which migrates it; a program works as another, which may do what its
// statements do and nothing else.
#include <span>
#include <string>

#include "base/error.hpp"
#include "postgres/connection_options.hpp"

namespace gauntlet::postgres {

struct Right {
  const char* privileges;  // "SELECT, INSERT, UPDATE"
  const char* object;      // "TABLE user_goal_progress"
};

/// Gives `role` these rights, and that to use the schema, on the connection of the owner. Idempotent; changes nothing where
/// the role has them. not_found-like errors name the role or object that does not exist.
base::Expected<void> grant_rights(const ConnectionOptions& owner, const std::string& role, std::span<const Right> rights);

}  // namespace gauntlet::postgres
