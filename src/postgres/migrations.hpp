#pragma once
// Brings a database to the schema that this build needs: numbered files, each applied once, in order.
//
// A folder holds NNNN_name.up.sql and NNNN_name.down.sql; table schema_migrations (version, name, checksum, applied_at)
// remembers what was applied. Every file runs in a transaction of its own together with its row in that table. An
// advisory lock serialises concurrent starters, so every replica may call migrate() at start. Files are written so that
// they also upgrade a database that the earlier services created (IF NOT EXISTS), in place and without losing rows.
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "postgres/connection_options.hpp"

namespace gauntlet::postgres {

struct Migration {
  int version = 0;
  std::string name;
  std::filesystem::path up;
  std::filesystem::path down;  // empty where there is no way back
};

/// The folder's migrations by version. not_found: no such folder or no file in it; invalid_argument: a number twice, or
/// a .sql file not named so.
base::Expected<std::vector<Migration>> list_migrations(const std::filesystem::path& folder);

struct MigrationReport {
  std::vector<std::string> applied;  // "0001_user_goal_progress", in order; empty when all was there
  int version = 0;                   // of the database afterwards
};

/// Applies what is missing. Idempotent. failed_precondition when the database is at a version that the folder does not
/// know (a newer build was here), or an applied file has changed since; other errors name file and statement.
base::Expected<MigrationReport> migrate(const ConnectionOptions& options, const std::filesystem::path& folder);

/// Undoes applied migrations above `version` with their down files, newest first.
base::Expected<MigrationReport> migrate_down(const ConnectionOptions& options, const std::filesystem::path& folder, int version);

/// What a value of MIGRATIONS_PATH names: a path, or a file: URL as golang-migrate's sources are written
/// (file:///app/migrations, and file://migrations relative to the working folder).
std::filesystem::path migrations_folder(std::string_view configured);

/// The folder to use: `configured` (MIGRATIONS_PATH) when given, else ./migrations, else migrations/ beside or above
/// the program. not_found with the places searched.
base::Expected<std::filesystem::path> find_migrations(const std::optional<std::string>& configured);

/// A file's commands, split at the semicolons outside quotes, dollar quotes and comments; for messages that name the
/// failing one.
std::vector<std::string> split_statements(const std::string& sql);

}  // namespace gauntlet::postgres
