#include "lab/stack/stack_settings.hpp"

#include <gtest/gtest.h>

#include "support/source_directory.hpp"
#include "temporary_folder.hpp"

namespace gauntlet::lab {
namespace {

const base::Environment kGuide{{"REWARD_CLIENT_MODE", "mock"},
                               {"PLUGIN_GRPC_SERVER_AUTH_ENABLED", "false"},
                               {"AB_NAMESPACE", "test"},
                               {"DB_HOST", "postgres"},
                               {"DB_PORT", "5432"},
                               {"DB_NAME", "challenge_db"},
                               {"DB_USER", "postgres"},
                               {"DB_PASSWORD", "postgres"},
                               {"REDIS_HOST", "redis"},
                               {"REDIS_PORT", "6379"}};

base::Environment with(const std::string& name, const std::string& value) {
  auto env = kGuide;
  env[name] = value;
  return env;
}

TEST(StackSettings, the_service_is_told_who_grants_rewards_also_where_env_does_not_say) {
  auto env = kGuide;
  env.erase("REWARD_CLIENT_MODE");
  for (const auto& [given, mode] :
       {std::pair{env, "mock"}, {with("REWARD_CLIENT_MODE", "mock"), "mock"}, {with("REWARD_CLIENT_MODE", "real"), "real"}}) {
    const auto settings = stack_settings(given, {});
    ASSERT_TRUE(settings) << settings.error().message;
    EXPECT_EQ(settings->services.at("REWARD_CLIENT_MODE"), mode);
  }
}

TEST(StackSettings, container_names_become_the_private_servers_and_that_is_said) {
  const auto settings = stack_settings(kGuide, {.postgres = 5999, .redis = 6999});
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->services.at("DB_HOST"), "127.0.0.1");
  EXPECT_EQ(settings->services.at("DB_PORT"), "5999");
  EXPECT_EQ(settings->services.at("REDIS_PORT"), "6999");
  EXPECT_TRUE(settings->mock_rewards);
  EXPECT_FALSE(settings->checks_tokens);
  ASSERT_EQ(settings->notes.size(), 1U);
  EXPECT_NE(settings->notes[0].find("5999"), std::string::npos);
}

TEST(StackSettings, loopback_hosts_need_no_note) {
  auto env = with("DB_HOST", "localhost");
  env["REDIS_HOST"] = "127.0.0.1";
  const auto settings = stack_settings(env, {});
  ASSERT_TRUE(settings);
  EXPECT_TRUE(settings->notes.empty());
}

TEST(StackSettings, other_variables_reach_the_services_as_they_are) {
  const auto settings = stack_settings(with("EVENT_ROWS", "upsert"), {});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->services.at("EVENT_ROWS"), "upsert");
}

TEST(StackSettings, wrong_values_are_named_with_what_is_allowed) {
  const std::pair<base::Environment, const char*> cases[] = {
      {with("DB_HOST", "db.example.com"), "DB_HOST=db.example.com"},
      {with("REDIS_HOST", "cache"), "REDIS_HOST=cache"},
      {with("REWARD_CLIENT_MODE", "maybe"), "REWARD_CLIENT_MODE"},
      {with("PLUGIN_GRPC_SERVER_AUTH_ENABLED", "perhaps"), "PLUGIN_GRPC_SERVER_AUTH_ENABLED"},
      {with("POSTGRES_MAX_CONNECTIONS", "1"), "POSTGRES_MAX_CONNECTIONS"},
      {with("AB_NAMESPACE", ""), "AB_NAMESPACE"},
  };
  for (const auto& [env, named] : cases) {
    const auto settings = stack_settings(env, {});
    ASSERT_FALSE(settings) << named;
    EXPECT_EQ(settings.error().kind, base::ErrorKind::invalid_argument);
    EXPECT_NE(settings.error().message.find(named), std::string::npos) << settings.error().message;
    EXPECT_NE(settings.error().message.find(".env"), std::string::npos);
  }
}

TEST(ProjectSettings, are_made_from_the_example_once) {
  const TemporaryFolder project;
  project.write(".env.example", "A=1\n");
  EXPECT_TRUE(read_project_settings(project.path(), {}, {}, {}).value().created);
  project.write(".env", "A=2\n");
  const auto env = read_project_settings(project.path(), {}, {}, {}).value();
  EXPECT_FALSE(env.created);
  EXPECT_EQ(env.values.at("A"), "2");
}

TEST(ProjectSettings, the_environment_wins_over_the_file_and_overrides_over_both) {
  const TemporaryFolder project;
  project.write(".env", "A=1\nB=2\nC=3\nHTTP_PORT=4\n");
  const auto env = read_project_settings(project.path(), {{"B", "b"}, {"C", "c"}, {"KNOWN", "k"}, {"HOME", "/root"}, {"HTTP_PORT", "5"}},
                                         {"KNOWN", "UNSET"}, {{"C", "9"}})
                       .value();
  EXPECT_EQ(env.values, (base::Environment{{"A", "1"}, {"B", "b"}, {"C", "9"}, {"HTTP_PORT", "4"}, {"KNOWN", "k"}}));
  EXPECT_EQ(env.names_from(".env"), "A, HTTP_PORT");
  EXPECT_EQ(env.names_from("the environment"), "B, KNOWN");
  EXPECT_EQ(env.names_from("--env"), "C");
}

TEST(ProjectSettings, names_are_read_from_the_table_that_a_service_prints) {
  base::Settings settings({});
  settings.integer<int>("SOME_PORT", 1, {.min = 0, .max = 9}, "a port; `0`: any");
  settings.secret("SOME_PASSWORD", "", "a password");
  EXPECT_EQ(names_in_settings_table(settings.markdown()), (std::set<std::string>{"SOME_PASSWORD", "SOME_PORT"}));
}

TEST(ProjectSettings, a_malformed_line_is_named_by_its_number) {
  const TemporaryFolder project;
  project.write(".env", "A=1\n\nnonsense here\n");
  const auto env = read_project_settings(project.path(), {}, {}, {});
  ASSERT_FALSE(env);
  EXPECT_NE(env.error().message.find(":3"), std::string::npos) << env.error().message;
}

TEST(ProjectEnv, the_guides_example_is_valid_and_in_mock_mode) {
  auto env = base::read_env_file(support::source_directory() + "/.env.example");
  ASSERT_TRUE(env) << env.error().message;
  const auto settings = stack_settings(*env, {});
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_TRUE(settings->mock_rewards);
  EXPECT_FALSE(settings->checks_tokens);
}

}  // namespace
}  // namespace gauntlet::lab
