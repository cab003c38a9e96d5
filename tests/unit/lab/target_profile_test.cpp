#include "lab/target/target_profile.hpp"

#include <gmock/gmock.h>

#include "temporary_folder.hpp"

namespace gauntlet::lab {
namespace {

using engine::plan::ExecutorKind;
using engine::plan::Scenario;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

base::Expected<TargetProfile> profile_of(const std::string& toml, const std::string& name = "staging") {
  const TemporaryFolder folder;
  return read_target_profile(folder.write("gauntlet.toml", toml), name);
}

Scenario arrivals(std::int64_t rate, std::chrono::seconds duration) {
  Scenario scenario;
  scenario.name = "list";
  scenario.executor = ExecutorKind::constant_arrival_rate;
  scenario.rate = rate;
  scenario.duration = duration;
  return scenario;
}

TEST(TargetProfile, tells_scripts_where_and_monitors_what) {
  const auto profile = profile_of(R"(
[targets.staging]
base_url = "https://staging.example.net/challenge"
grpc = "127.0.0.1:6566"
database = "postgresql://reader:secret@127.0.0.1:5433/challenge_db?sslmode=disable"
redis = "127.0.0.1:6380"
max_rate = 200
max_minutes = 10
reset = "./empty-players"
variables = { NAMESPACE = "test" }
processes = { challenge-service = 4711 }
metrics = { challenge-service = "http://127.0.0.1:8080/metrics" }
cgroups = ["/sys/fs/cgroup/a"]
)");
  ASSERT_TRUE(profile) << profile.error().message;
  const Target& target = profile->target;
  EXPECT_THAT(target.variables, ElementsAre(Pair("BASE_URL", "https://staging.example.net/challenge"),
                                            Pair("EVENT_HANDLER_ADDR", "127.0.0.1:6566"), Pair("NAMESPACE", "test")));
  EXPECT_EQ(target.processes.at(0).pid, 4711);
  EXPECT_EQ(target.database->describe(), "reader@127.0.0.1:5433/challenge_db");
  EXPECT_EQ(target.database->password, "secret");
  EXPECT_EQ(target.redis->port, 6380);
  EXPECT_EQ(target.metrics.at(0).url, "http://127.0.0.1:8080/metrics");
  EXPECT_THAT(profile->strangers, ElementsAre("staging.example.net"));
  EXPECT_EQ(profile->reset, "./empty-players");
}

TEST(TargetProfile, names_the_line_and_the_key_of_a_mistake) {
  EXPECT_THAT(profile_of("[targets.staging]\nbase_url = \"x\"\nmax_rat = 3\n").error().message,
              AllOf(HasSubstr("gauntlet.toml:3"), HasSubstr("no key `max_rat`"), HasSubstr("max_rate")));
  EXPECT_THAT(profile_of("[targets.staging]\nbase_url = \"x\"\nmax_rate = -1\n").error().message, HasSubstr("above 0"));
  EXPECT_THAT(profile_of("[targets.staging]\nbase_url = \"x\"\nmax_minutes = inf\n").error().message, HasSubstr("above 0, 1e+09 at most"));
  EXPECT_THAT(profile_of("[targets.staging]\nbase_url = \"x\"\nprocesses = { a = 4294967297 }\n").error().message, HasSubstr("is a pid"));
  EXPECT_THAT(profile_of("[targets.staging]\nmax_rate = 1\n").error().message, HasSubstr("base_url or grpc"));
  EXPECT_THAT(profile_of("[targets.here]\n", "there").error().message, HasSubstr("it has here"));
  EXPECT_THAT(profile_of("[targets.\n").error().message, HasSubstr("gauntlet.toml:1"));
}

TEST(TargetGuard, loads_other_machines_only_for_those_who_say_they_own_them_and_with_caps) {
  const std::string caps = "max_rate = 5\nmax_minutes = 1\n";
  const auto remote = profile_of("[targets.staging]\nbase_url = \"http://10.1.2.3:8000\"\n" + caps);
  ASSERT_TRUE(remote);
  EXPECT_THAT(permit_target(*remote, {}).error().message, HasSubstr("--yes-i-own 10.1.2.3"));
  EXPECT_FALSE(permit_target(*remote, {"10.1.2.4"}));
  EXPECT_TRUE(permit_target(*remote, {"10.1.2.3"}));
  const auto uncapped = profile_of("[targets.staging]\nbase_url = \"http://10.1.2.3:8000\"\n");
  EXPECT_THAT(permit_target(*uncapped, {"10.1.2.3"}).error().message, HasSubstr("max_rate"));
  // A tunnel's near end is here, its far end is not.
  const auto tunnel = profile_of("[targets.staging]\nbase_url = \"http://localhost:8000\"\nbehind = \"cluster\"\n" + caps);
  EXPECT_THAT(permit_target(*tunnel, {}).error().message, HasSubstr("--yes-i-own cluster"));
  EXPECT_TRUE(permit_target(*profile_of("[targets.staging]\nbase_url = \"http://[::1]:8000\"\n"), {}));
  // What looks like this machine and is another's name.
  for (const char* url : {"http://127.evil.example/", "http://evil.example#@localhost/", "http://evil.example\\\\@localhost/"})
    EXPECT_FALSE(permit_target(*profile_of("[targets.staging]\nbase_url = \"" + std::string(url) + "\"\n" + caps), {})) << url;
  const std::string here = "[targets.staging]\nbase_url = \"http://localhost:8000\"\n" + caps;
  EXPECT_THAT(permit_target(*profile_of(here + "variables = { OTHER = \"http://evil.example/\" }\n"), {}).error().message,
              HasSubstr("--yes-i-own evil.example"));
  EXPECT_THAT(profile_of(here + "variables = { BASE_URL = \"http://evil.example/\" }\n").error().message, HasSubstr("base_url says it"));
}

TEST(TargetGuard, keeps_a_test_within_the_rate_and_the_time) {
  const auto profile = profile_of("[targets.staging]\nbase_url = \"http://localhost\"\nmax_rate = 50\nmax_minutes = 2\n");
  ASSERT_TRUE(profile);
  using std::chrono::seconds;
  EXPECT_TRUE(permit_scenarios(*profile, {arrivals(50, seconds(60))}));
  EXPECT_THAT(permit_scenarios(*profile, {arrivals(30, seconds(60)), arrivals(21, seconds(60))}).error().message,
              HasSubstr("51 iterations a second"));
  EXPECT_THAT(permit_scenarios(*profile, {arrivals(50, seconds(100))}).error().message, HasSubstr("2.2 minutes"));
  Scenario looping;
  looping.executor = ExecutorKind::constant_vus;
  looping.duration = seconds(10);
  EXPECT_THAT(permit_scenarios(*profile, {looping}).error().message, HasSubstr("constant-vus"));
}

}  // namespace
}  // namespace gauntlet::lab
