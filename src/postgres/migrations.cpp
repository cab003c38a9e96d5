#include "postgres/migrations.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <map>
#include <system_error>

#include "base/percent.hpp"
#include "base/text.hpp"
#include "base/whole_file.hpp"
#include "postgres/blocking_connection.hpp"

namespace gauntlet::postgres {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;

/// Key of the advisory lock that serialises starters; any number that nobody else in the database uses.
constexpr const char* kLock = "7305808869231650628";  // "gauntlet" in ASCII, shortened to fit

constexpr const char* kCreateTable =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    " version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,"
    " applied_at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'))";

std::string label(const Migration& migration) {
  std::string number = std::to_string(migration.version);
  return std::string(number.size() < 4 ? 4 - number.size() : 0, '0') + number + "_" + migration.name;
}

/// FNV-1a; tells an edited file from the applied one, nothing more.
std::string checksum(const std::string& text) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  char out[17];
  std::snprintf(out, sizeof out, "%016llx", static_cast<unsigned long long>(hash));
  return out;
}

/// A statement's first words, for messages.
std::string beginning(const std::string& statement) {
  constexpr std::size_t kShown = 120;
  std::string shown;
  for (const char c : statement) {
    if (shown.size() == kShown) return shown + "...";
    if (!std::isspace(static_cast<unsigned char>(c))) shown.push_back(c);
    else if (!shown.empty() && shown.back() != ' ') shown.push_back(' ');
  }
  return shown;
}

struct Applied {
  std::string name;
  std::string checksum;
};

/// A connection that holds the lock; it is released with the connection.
struct Session {
  BlockingConnection connection;
  std::map<int, Applied> applied;
};

base::Expected<Session> open_session(ConnectionOptions options) {
  // Waiting for another starter and rewriting a large table may both take long.
  options.statement_timeout = std::chrono::milliseconds(0);
  options.application_name = "gauntlet migrations";
  auto connection = TRY(BlockingConnection::connect(options));
  const auto run = [&](const std::string& sql) { return connection.run(sql); };
  if (auto locked = run(std::string("SELECT pg_advisory_lock(") + kLock + ")"); !locked)
    return tl::unexpected<base::Error>(std::move(locked.error()).in("waiting for the migration lock"));
  // The earlier services' runner keeps (version bigint, dirty boolean) under the same name: it is put aside.
  auto foreign =
      TRY(run("SELECT 1 FROM information_schema.columns WHERE table_schema = current_schema()"
              " AND table_name = 'schema_migrations' AND column_name = 'dirty'"));
  if (!foreign.rows.empty())
    if (auto renamed = run("ALTER TABLE schema_migrations RENAME TO schema_migrations_before_gauntlet"); !renamed)
      return tl::unexpected<base::Error>(std::move(renamed.error()).in("putting the earlier schema_migrations aside"));
  if (auto created = run(kCreateTable); !created)
    return tl::unexpected<base::Error>(std::move(created.error()).in("creating schema_migrations"));
  auto rows = TRY(run("SELECT version, name, checksum FROM schema_migrations"));
  Session session{std::move(connection), {}};
  for (const auto& row : rows.rows) session.applied[std::stoi(row[0])] = {row[1], row[2]};
  return session;
}

/// Runs a file's statements and `bookkeeping` in one transaction.
base::Expected<void> run_file(BlockingConnection& connection, const fs::path& file, const std::string& sql,
                              const std::string& bookkeeping) {
  const auto step = [&](const std::string& statement) -> base::Expected<void> {
    if (auto done = connection.run(statement); !done) {
      base::Error error = std::move(done.error());
      static_cast<void>(connection.run("ROLLBACK"));
      return tl::unexpected<base::Error>(
          std::move(error).in("migration " + file.filename().string() + ", statement `" + beginning(statement) + "`"));
    }
    return {};
  };
  if (auto begun = step("BEGIN"); !begun) return begun;
  for (const std::string& statement : split_statements(sql))
    if (auto done = step(statement); !done) return done;
  if (auto done = step(bookkeeping); !done) return done;
  return step("COMMIT");
}

/// The number and name of "0001_name.up.sql", or nothing.
struct FileName {
  int version;
  std::string name;
  bool up;
};
std::optional<FileName> parse(const std::string& file) {
  const std::size_t digits = file.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string::npos || digits > 9 || file[digits] != '_') return std::nullopt;
  const bool up = file.ends_with(".up.sql");
  if (!up && !file.ends_with(".down.sql")) return std::nullopt;
  const std::size_t suffix = up ? 7 : 9;
  if (file.size() <= digits + 1 + suffix) return std::nullopt;
  return FileName{std::stoi(file.substr(0, digits)), file.substr(digits + 1, file.size() - suffix - digits - 1), up};
}

tl::unexpected<base::Error> no_migrations_in(const fs::path& folder, const std::string& reason) {
  return base::fail(ErrorKind::not_found, "no migrations in " + folder.string() + (reason.empty() ? "" : ": " + reason) +
                                              " (MIGRATIONS_PATH must name the folder with the schema's *.up.sql)");
}

}  // namespace

std::vector<std::string> split_statements(const std::string& sql) {
  std::vector<std::string> statements;
  std::string current;
  bool has_code = false;  // besides blanks and comments
  std::size_t i = 0;
  // Takes everything up to and including `end`.
  const auto take_through = [&](std::string_view end, std::size_t from) {
    const std::size_t found = sql.find(end, from);
    const std::size_t stop = found == std::string::npos ? sql.size() : found + end.size();
    current.append(sql, i, stop - i);
    i = stop;
  };
  const auto finish = [&] {
    if (has_code) {
      statements.push_back(current.substr(current.find_first_not_of(base::kWhiteSpace)));
    }
    current.clear();
    has_code = false;
  };
  while (i < sql.size()) {
    const char c = sql[i];
    if (c == '-' && sql.compare(i, 2, "--") == 0) {
      const std::size_t line_end = sql.find('\n', i);
      i = line_end == std::string::npos ? sql.size() : line_end;
    } else if (c == '/' && sql.compare(i, 2, "/*") == 0) {
      const std::size_t comment_end = sql.find("*/", i + 2);
      i = comment_end == std::string::npos ? sql.size() : comment_end + 2;
    } else if (c == '\'' || c == '"') {
      has_code = true;
      take_through(std::string_view(&c, 1), i + 1);  // a doubled quote reads as two literals side by side
    } else if (c == '$') {
      const std::size_t tag_end = sql.find('$', i + 1);
      const bool is_tag = tag_end != std::string::npos &&
                          std::all_of(sql.begin() + static_cast<std::ptrdiff_t>(i + 1), sql.begin() + static_cast<std::ptrdiff_t>(tag_end),
                                      [](unsigned char t) { return std::isalnum(t) != 0 || t == '_'; });
      has_code = true;
      if (is_tag) {
        const std::string tag = sql.substr(i, tag_end - i + 1);
        take_through(tag, tag_end + 1);
      } else {
        current.push_back(c);
        ++i;
      }
    } else if (c == ';') {
      finish();
      ++i;
    } else {
      has_code |= std::isspace(static_cast<unsigned char>(c)) == 0;
      current.push_back(c);
      ++i;
    }
  }
  finish();
  return statements;
}

base::Expected<std::vector<Migration>> list_migrations(const fs::path& folder) {
  std::error_code failure;
  fs::directory_iterator files(folder, failure);
  if (failure) return no_migrations_in(folder, failure.message());
  std::map<int, Migration> found;
  for (const auto& entry : files) {
    const std::string file = entry.path().filename().string();
    if (!file.ends_with(".sql")) continue;
    const auto parsed = parse(file);
    if (!parsed)
      return base::fail(ErrorKind::invalid_argument,
                        "migration " + entry.path().string() + " is not named NNNN_name.up.sql or NNNN_name.down.sql");
    Migration& migration = found[parsed->version];
    fs::path& place = parsed->up ? migration.up : migration.down;
    if (!place.empty() || (!migration.name.empty() && migration.name != parsed->name))
      return base::fail(ErrorKind::invalid_argument,
                        "two migrations have number " + std::to_string(parsed->version) + ": " + migration.name + " and " + parsed->name);
    migration.version = parsed->version;
    migration.name = parsed->name;
    place = entry.path();
  }
  std::vector<Migration> migrations;
  for (auto& [version, migration] : found) {
    if (migration.up.empty())
      return base::fail(ErrorKind::invalid_argument, "migration " + label(migration) + " has a .down.sql but no .up.sql");
    migrations.push_back(std::move(migration));
  }
  if (migrations.empty()) return no_migrations_in(folder, "");
  return migrations;
}

base::Expected<MigrationReport> migrate(const ConnectionOptions& options, const fs::path& folder) {
  const auto migrations = TRY(list_migrations(folder));
  auto session = TRY(open_session(options));

  const int newest = migrations.back().version;
  if (!session.applied.empty() && session.applied.rbegin()->first > newest)
    return base::fail(ErrorKind::failed_precondition,
                      "the database is at migration " + std::to_string(session.applied.rbegin()->first) + ", " + folder.string() +
                          " ends at " + std::to_string(newest) +
                          ": a newer build has upgraded it (run that build, or migrate down with its *.down.sql first)");
  MigrationReport report;
  for (const Migration& migration : migrations) {
    auto sql = TRY(base::read_file(migration.up));
    const std::string sum = checksum(sql);
    if (const auto applied = session.applied.find(migration.version); applied != session.applied.end()) {
      if (applied->second.checksum != sum)
        return base::fail(ErrorKind::failed_precondition,
                          "migration " + label(migration) +
                              " was changed after it had been applied; add a new one instead (MIGRATIONS_PATH must name the "
                              "migrations of the build that made this database, or of a later one)");
      continue;
    }
    const std::string bookkeeping = "INSERT INTO schema_migrations (version, name, checksum) VALUES (" + std::to_string(migration.version) +
                                    ", '" + migration.name + "', '" + sum + "')";
    TRY(run_file(session.connection, migration.up, sql, bookkeeping));
    report.applied.push_back(label(migration));
  }
  report.version = newest;
  return report;
}

base::Expected<MigrationReport> migrate_down(const ConnectionOptions& options, const fs::path& folder, int version) {
  const auto migrations = TRY(list_migrations(folder));
  auto session = TRY(open_session(options));
  MigrationReport report;
  report.version = session.applied.empty() ? 0 : session.applied.rbegin()->first;
  for (auto migration = migrations.rbegin(); migration != migrations.rend(); ++migration) {
    if (migration->version <= version || !session.applied.contains(migration->version)) continue;
    if (migration->down.empty()) return base::fail(ErrorKind::failed_precondition, "migration " + label(*migration) + " has no .down.sql");
    auto sql = TRY(base::read_file(migration->down));
    const std::string bookkeeping = "DELETE FROM schema_migrations WHERE version = " + std::to_string(migration->version);
    TRY(run_file(session.connection, migration->down, sql, bookkeeping));
    session.applied.erase(migration->version);
    report.applied.push_back(label(*migration));
    report.version = session.applied.empty() ? 0 : session.applied.rbegin()->first;
  }
  return report;
}

fs::path migrations_folder(std::string_view configured) {
  constexpr std::string_view kScheme = "file://";
  if (!configured.starts_with(kScheme)) return configured;
  configured.remove_prefix(kScheme.size());
  return base::percent_decode(configured).value_or(std::string(configured));
}

base::Expected<fs::path> find_migrations(const std::optional<std::string>& configured) {
  std::error_code ignored;
  if (configured && !configured->empty()) {
    fs::path folder = migrations_folder(*configured);
    if (fs::is_directory(folder, ignored)) return folder;
    return base::fail(ErrorKind::not_found,
                      "MIGRATIONS_PATH=" + *configured + ": there is no folder " + fs::absolute(folder, ignored).string() +
                          "; it must name the one with the schema's *.up.sql, as /app/migrations or file:///app/migrations");
  }
  std::string searched;
  const auto holds = [&](const fs::path& folder) {
    searched.append(searched.empty() ? "" : ", ").append(folder.string());
    return fs::exists(folder / "0001_user_goal_progress.up.sql", ignored);
  };
  if (holds("migrations")) return fs::path("migrations");
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  // build/release/bin/challenge-service: three folders below the checkout; in an image: beside or one above bin/.
  fs::path above = program.parent_path();
  for (int level = 0; level < 4 && !above.empty(); ++level, above = above.parent_path())
    if (holds(above / "migrations")) return above / "migrations";
  return base::fail(ErrorKind::not_found, "no migrations found (searched " + searched + "); set MIGRATIONS_PATH");
}

}  // namespace gauntlet::postgres
