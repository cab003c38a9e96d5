#include <gtest/gtest.h>

#include "lab/stack/backoff.hpp"
#include "lab/stack/component.hpp"
#include "lab/stack/control_groups.hpp"
#include "lab/stack/stack.hpp"
#include "lab/stack/stack_directory.hpp"
#include "lab/stack/stack_plan.hpp"
#include "lab/stack/stack_status.hpp"
#include "temporary_folder.hpp"

namespace gauntlet::lab {
namespace {

using namespace std::chrono_literals;

StackPlan sample_plan() {
  StackPlan plan;
  plan.project = "/project";
  plan.account = Account{"postgres", 101, 104};
  plan.ports.http = 8123;
  plan.limits = true;
  plan.database = {"/state/postgres/run", 5433, "challenge_db", "postgres", "se\"cret"};
  Component service;
  service.name = kService;
  service.command = {"/bin/challenge-service", "--flag"};
  service.environment = {{"AB_NAMESPACE", "test"}, {"BASE_PATH", "/game"}};
  service.directory = "/state/challenge-service";
  service.ports = {{"http", 8123}};
  service.probes = {{ProbeSpec::Kind::http, 8123, "/game/healthz"}};
  service.after = {kPostgres};
  service.limits = {.cpus = 1, .memory_bytes = 1ULL << 30U};
  service.fingerprint = "abc";
  plan.components = {service};
  return plan;
}

TEST(Backoff, doubles_up_to_half_a_minute_and_forgives_after_a_minute) {
  Backoff backoff;
  EXPECT_EQ(backoff.after_death(0ms), 250ms);
  EXPECT_EQ(backoff.after_death(0ms), 500ms);
  for (int i = 0; i < 20; ++i) backoff.after_death(1s);
  EXPECT_EQ(backoff.after_death(1s), 30s);
  EXPECT_EQ(backoff.after_death(60s), 250ms);
}

TEST(StackPlan, survives_its_own_file) {
  const StackPlan plan = sample_plan();
  const auto again = plan_from_json(to_json(plan));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->components, plan.components);
  EXPECT_EQ(again->database, plan.database);
  EXPECT_EQ(again->ports, plan.ports);
  EXPECT_EQ(again->account->uid, 101U);
  EXPECT_TRUE(again->limits);
}

TEST(StackPlan, a_file_that_is_none_is_an_error) {
  EXPECT_FALSE(plan_from_json("{}"));
  EXPECT_FALSE(plan_from_json("no json"));
}

TEST(Digest, tells_components_apart_by_anything_that_matters_at_their_start) {
  const Component component = sample_plan().components[0];
  Component changed = component;
  EXPECT_EQ(digest_of(component), digest_of(changed));
  changed.environment["LOG_LEVEL"] = "debug";
  EXPECT_NE(digest_of(component), digest_of(changed));
  changed = component;
  changed.fingerprint = "abd";
  EXPECT_NE(digest_of(component), digest_of(changed));
}

TEST(StackStatus, survives_the_wire_and_knows_when_all_is_well) {
  StackStatus status{.supervisor = 77, .stopping = false, .components = {}};
  status.components.push_back({.name = kRedis,
                               .condition = Condition::healthy,
                               .pid = 5,
                               .restarts = 2,
                               .launches = 3,
                               .since = 9,
                               .retry_in_ms = 0,
                               .reason = "",
                               .ports = {{"redis", 6379}}});
  status.components.push_back({.name = kPostgres,
                               .condition = Condition::backing_off,
                               .pid = 0,
                               .restarts = 1,
                               .launches = 1,
                               .since = 0,
                               .retry_in_ms = 1500,
                               .reason = "ended \"badly\"\xff",
                               .ports = {}});
  const auto again = status_from_json(to_json(status));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->supervisor, 77);
  EXPECT_FALSE(again->all_healthy());
  EXPECT_EQ(to_text(*again->find(kRedis)), "Up (healthy)");
  EXPECT_EQ(to_text(*again->find(kPostgres)), "Restarting in 1.5s");
  EXPECT_EQ(again->find("nobody"), nullptr);
}

TEST(ClientEnvironment, points_at_the_plans_ports_and_base_path) {
  const auto env = client_environment(sample_plan());
  const std::map<std::string, std::string> by_name(env.begin(), env.end());
  EXPECT_EQ(by_name.at("BASE_URL"), "http://localhost:8123/game");
  EXPECT_EQ(by_name.at("PGPASSWORD"), "se\"cret");
  EXPECT_EQ(by_name.at("NAMESPACE"), "test");
}

TEST(Project, is_found_from_below) {
  const TemporaryFolder root;
  root.write(".env.example", "");
  std::filesystem::create_directories(root / "migrations");
  std::filesystem::create_directories(root / "test/results");
  const auto found = find_project(root / "test/results");
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, std::filesystem::canonical(root.path()));
}

TEST(Project, its_absence_is_told_with_the_way_out) {
  const TemporaryFolder elsewhere;
  const auto found = find_project(elsewhere.path());
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find("--project"), std::string::npos);
}

TEST(StackDirectory, lies_in_the_project_unless_told_otherwise) {
  const TemporaryFolder project;
  const auto inside = StackDirectory::locate(project.path(), std::nullopt, std::nullopt);
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->root(), project / ".gauntlet");
  const auto wanted = StackDirectory::locate(project.path(), project / "elsewhere", std::nullopt);
  ASSERT_TRUE(wanted);
  EXPECT_EQ(wanted->root(), project / "elsewhere");
}

TEST(StackDirectory, refuses_a_path_too_long_for_sockets) {
  const TemporaryFolder project;
  const auto located = StackDirectory::locate(project.path(), project / std::string(90, 'x'), std::nullopt);
  ASSERT_FALSE(located);
  EXPECT_NE(located.error().message.find("--state-dir"), std::string::npos);
}

TEST(LockFile, is_held_until_let_go) {
  const TemporaryFolder folder;
  {
    const auto held = lock_file(folder / "lock", false);
    ASSERT_TRUE(held);
    const auto second = lock_file(folder / "lock", false);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, base::ErrorKind::already_exists);
  }
  EXPECT_TRUE(lock_file(folder / "lock", false));
}

TEST(ChallengeFiles, the_settings_win_then_the_guides_folders_then_config) {
  const TemporaryFolder project;
  EXPECT_FALSE(find_challenge_files(project.path(), {}));
  project.write("config/challenges.json", "{}");
  auto files = find_challenge_files(project.path(), {});
  ASSERT_TRUE(files);
  EXPECT_EQ(files->service, project / "config/challenges.json");
  project.write("extend-challenge-event-handler/config/challenges.json", "{}");
  files = find_challenge_files(project.path(), {});
  ASSERT_TRUE(files);
  EXPECT_EQ(files->service, project / "config/challenges.json");
  EXPECT_EQ(files->event_handler, project / "extend-challenge-event-handler/config/challenges.json");
  project.write("mine.json", "{}");
  files = find_challenge_files(project.path(), {{"CHALLENGE_CONFIG_PATH", "mine.json"}});
  ASSERT_TRUE(files);
  EXPECT_EQ(files->service, project / "mine.json");
}

TEST(ChallengeFiles, a_setting_that_leads_nowhere_is_named) {
  const TemporaryFolder project;
  project.write("config/challenges.json", "{}");
  const auto files = find_challenge_files(project.path(), {{"CONFIG_PATH", "gone.json"}});
  ASSERT_FALSE(files);
  EXPECT_NE(files.error().message.find("CONFIG_PATH=gone.json"), std::string::npos);
}

TEST(ControlGroups, say_why_limits_cannot_be_set) {
  const TemporaryFolder no_v2;
  EXPECT_NE(ControlGroups::open("x", no_v2.path()).error().message.find("not a control group v2"), std::string::npos);
  const TemporaryFolder no_cpu;
  no_cpu.write("cgroup.controllers", "memory pids\n");
  EXPECT_NE(ControlGroups::open("x", no_cpu.path()).error().message.find("the cpu controller"), std::string::npos);
}

TEST(ControlGroups, write_the_guides_limits) {
  // A folder stands for the kernel's: its files must be there before they are written.
  const TemporaryFolder mount;
  mount.write("cgroup.controllers", "cpuset cpu io memory pids\n");
  mount.write("cgroup.subtree_control", "");
  mount.write("gauntlet-x/cgroup.subtree_control", "");
  mount.write("gauntlet-x/challenge-service/cpu.max", "");
  mount.write("gauntlet-x/challenge-service/memory.max", "");
  const auto groups = ControlGroups::open("x", mount.path());
  ASSERT_TRUE(groups) << groups.error().message;
  const auto procs = groups->make(sample_plan().components[0]);
  ASSERT_TRUE(procs) << procs.error().message;
  EXPECT_EQ(*procs, mount / "gauntlet-x/challenge-service/cgroup.procs");
  EXPECT_EQ(mount.read("gauntlet-x/challenge-service/cpu.max"), "100000 100000");
  EXPECT_EQ(mount.read("gauntlet-x/challenge-service/memory.max"), "1073741824");
  EXPECT_EQ(mount.read("cgroup.subtree_control"), "+cpu +memory");
}

}  // namespace
}  // namespace gauntlet::lab
