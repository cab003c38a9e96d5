#pragma once
// A program's first contact with its database: the schema is brought up to date, and what is wrong is said in words that
// tell the operator which setting to look at.
#include <chrono>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "postgres/connection_options.hpp"

namespace gauntlet::postgres {

/// The settings that an operator gave the role by.
struct RoleSettings {
  std::string_view user = "DB_USER";
  std::string_view password = "DB_PASSWORD";
};

/// The same error with what mends it, where that is known: a wrong password, a missing database, a closed port, ...
base::Error with_advice(base::Error error, const RoleSettings& role = {});

/// Refuses (failed_precondition) a pooler between here and PostgreSQL that gives a transaction any session it has, then applies
/// missing migrations of the folder that `migrations_path` names (MIGRATIONS_PATH; "": find_migrations()), and
/// logs them. While PostgreSQL does not answer it logs the reason once and tries again, for `patience` in all.
base::Expected<void> prepare_schema(const ConnectionOptions& owner, const RoleSettings& role, const std::string& migrations_path,
                                    std::chrono::milliseconds patience);

}  // namespace gauntlet::postgres
