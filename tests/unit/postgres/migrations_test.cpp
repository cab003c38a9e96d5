#include "postgres/migrations.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "postgres/blocking_connection.hpp"
#include "support/private_postgres.hpp"
#include "support/source_directory.hpp"

namespace gauntlet::postgres {
namespace {

namespace fs = std::filesystem;
const fs::path kMigrations = fs::path(support::source_directory()) / "migrations";

struct Folder {
  fs::path path;
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "migrations-XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~Folder() { fs::remove_all(path); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path / name) << text; }
};

std::string value(BlockingConnection& connection, const std::string& sql) {
  auto result = connection.run(sql);
  if (!result) return "error: " + result.error().message;
  return result->rows.empty() ? "" : result->rows[0][0];
}

TEST(SplitStatements, keeps_semicolons_inside_quotes_and_dollar_quotes) {
  const auto statements =
      split_statements("-- a; comment\nSELECT 'a;b', \"c;d\";\n/* x; */ DO $$ BEGIN PERFORM 1; END $$;\n DO $tag$ ; $tag$ ; SELECT $1;;");
  EXPECT_EQ(statements,
            (std::vector<std::string>{"SELECT 'a;b', \"c;d\"", "DO $$ BEGIN PERFORM 1; END $$", "DO $tag$ ; $tag$ ", "SELECT $1"}));
}

TEST(Migrations, bring_an_empty_database_to_the_newest_version_and_are_idempotent) {
  const auto options = support::PrivatePostgres::shared().fresh_database();
  const auto first = migrate(options, kMigrations);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_GE(first->applied.size(), 2u);
  const auto second = migrate(options, kMigrations);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_TRUE(second->applied.empty());
  EXPECT_EQ(second->version, first->version);
}

TEST(Migrations, go_down_to_nothing_and_up_again) {
  const auto options = support::PrivatePostgres::shared().migrated_database();
  const auto down = migrate_down(options, kMigrations, 0);
  ASSERT_TRUE(down) << down.error().message;
  EXPECT_EQ(down->version, 0);
  auto connection = BlockingConnection::connect(options);
  EXPECT_EQ(value(*connection, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "1");
  const auto up = migrate(options, kMigrations);
  ASSERT_TRUE(up) << up.error().message;
}

TEST(Migrations, upgrade_the_earlier_services_database_in_place) {
  const auto options = support::PrivatePostgres::shared().fresh_database();
  auto connection = BlockingConnection::connect(options);
  ASSERT_TRUE(connection);
  ASSERT_TRUE(connection->run(R"(
    CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);
    INSERT INTO schema_migrations VALUES (5, false);
    CREATE TABLE user_goal_progress (
      user_id varchar(100) NOT NULL, goal_id varchar(100) NOT NULL, challenge_id varchar(100) NOT NULL,
      namespace varchar(100) NOT NULL, progress int NOT NULL DEFAULT 0 CHECK (progress >= 0),
      status varchar(20) NOT NULL DEFAULT 'not_started' CHECK (status IN ('not_started','in_progress','completed','claimed')),
      completed_at timestamp, claimed_at timestamp, created_at timestamp NOT NULL DEFAULT now(),
      updated_at timestamp NOT NULL DEFAULT now(), is_active boolean NOT NULL DEFAULT true, assigned_at timestamp,
      expires_at timestamp, PRIMARY KEY (user_id, goal_id), CHECK (claimed_at IS NULL OR completed_at IS NOT NULL));
    CREATE INDEX a ON user_goal_progress (user_id, challenge_id);
    CREATE INDEX b ON user_goal_progress (user_id, is_active) WHERE is_active;
    CREATE INDEX c ON user_goal_progress (user_id);
    CREATE INDEX d ON user_goal_progress (user_id, goal_id);
    CREATE INDEX e ON user_goal_progress (user_id) WHERE is_active;
    CREATE INDEX operators_own ON user_goal_progress (status, updated_at);
    INSERT INTO user_goal_progress (user_id, goal_id, challenge_id, namespace, progress) VALUES ('u', 'g', 'c', 'n', 7);
  )"));
  const auto migrated = migrate(options, kMigrations);
  ASSERT_TRUE(migrated) << migrated.error().message;
  EXPECT_EQ(value(*connection, "SELECT progress FROM user_goal_progress WHERE baseline_value IS NULL"), "7");
  EXPECT_EQ(
      value(*connection, "SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes WHERE tablename = 'user_goal_progress'"),
      "operators_own user_goal_progress_pkey");
}

TEST(Migrations, serialise_concurrent_starters) {
  const auto options = support::PrivatePostgres::shared().fresh_database();
  std::vector<std::thread> starters;
  std::vector<std::string> failures(6);
  std::vector<std::size_t> applied(6);
  for (std::size_t i = 0; i < 6; ++i)
    starters.emplace_back([&, i] {
      const auto done = migrate(options, kMigrations);
      if (done) applied[i] = done->applied.size();
      else failures[i] = done.error().message;
    });
  for (auto& starter : starters) starter.join();
  std::size_t total = 0;
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(failures[i], "");
    total += applied[i];
  }
  EXPECT_EQ(total, list_migrations(kMigrations)->size());
}

TEST(Migrations, name_file_and_statement_that_failed_and_undo_the_file) {
  const auto options = support::PrivatePostgres::shared().fresh_database();
  const Folder folder;
  folder.write("0001_first.up.sql", "CREATE TABLE one (a int);\n");
  folder.write("0002_second.up.sql", "CREATE TABLE two (a int);\nALTER TABLE nowhere\n  ADD COLUMN b int;\n");
  const auto done = migrate(options, folder.path);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("0002_second.up.sql"), std::string::npos) << done.error().message;
  EXPECT_NE(done.error().message.find("`ALTER TABLE nowhere ADD COLUMN b int`"), std::string::npos) << done.error().message;
  auto connection = BlockingConnection::connect(options);
  EXPECT_EQ(value(*connection, "SELECT to_regclass('one') IS NOT NULL AND to_regclass('two') IS NULL"), "t");
}

TEST(Migrations, refuse_a_changed_file_and_a_newer_database) {
  const auto options = support::PrivatePostgres::shared().fresh_database();
  const Folder folder;
  folder.write("0001_first.up.sql", "CREATE TABLE one (a int);");
  folder.write("0002_second.up.sql", "CREATE TABLE two (a int);");
  ASSERT_TRUE(migrate(options, folder.path));
  fs::remove(folder.path / "0002_second.up.sql");
  EXPECT_NE(migrate(options, folder.path).error().message.find("newer build"), std::string::npos);
  folder.write("0002_second.up.sql", "CREATE TABLE two (b int);");
  EXPECT_NE(migrate(options, folder.path).error().message.find("0002_second was changed"), std::string::npos);
}

TEST(Migrations, refuse_doubled_numbers_and_foreign_names) {
  const Folder folder;
  folder.write("0001_first.up.sql", "");
  folder.write("0001_other.up.sql", "");
  EXPECT_FALSE(list_migrations(folder.path));
  const Folder named;
  named.write("first.sql", "");
  EXPECT_FALSE(list_migrations(named.path));
  EXPECT_EQ(list_migrations("/nonexistent").error().kind, base::ErrorKind::not_found);
}

TEST(CopyIn, loads_rows_in_binary_and_nothing_on_an_error) {
  auto connection = BlockingConnection::connect(support::PrivatePostgres::shared().migrated_database());
  ASSERT_TRUE(connection);
  const std::vector<std::string> columns{"user_id", "goal_id", "challenge_id", "namespace", "progress", "assigned_at", "baseline_value"};
  const auto load = [&](std::int32_t progress) {
    int user = 0;
    return connection->copy_in("user_goal_progress", columns, [&](CopyRows& rows) {
      for (int goal = 0; goal < 10; ++goal)
        rows.add("user-" + std::to_string(user))
            .add("goal-" + std::to_string(goal))
            .add("c")
            .add("n")
            .add(progress)
            .add(Timestamp{1'700'000'000'000'000})
            .add_null()
            .end_row();
      return ++user < 1000;
    });
  };
  const auto refused = load(-1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, base::ErrorKind::invalid_argument);
  const auto copied = load(3);
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(*copied, 10'000);
  EXPECT_EQ(value(*connection, "SELECT count(*) || ' ' || sum(progress) || ' ' || max(assigned_at) FROM user_goal_progress"),
            "10000 30000 2023-11-14 22:13:20");
  EXPECT_FALSE(connection->copy_in("nowhere", {"a"}, [](CopyRows&) { return false; }));
}

}  // namespace
}  // namespace gauntlet::postgres
