#include "lab/verdict/verdict.hpp"

#include <gtest/gtest.h>

#include "lab/record/recording.hpp"
#include "lab/stack/component.hpp"
#include "lab/verdict/evidence.hpp"
#include "temporary_folder.hpp"

namespace gauntlet::lab {
namespace {

/// A system of four cores at half load that does not hold its level for no visible reason.
Evidence unremarkable() {
  Evidence e;
  e.cores = 4;
  e.seconds = 20;
  e.idle_cores = 2;
  e.held = false;
  e.processes[kService] = {.cpu_cores = 0.5};
  e.processes[kEventHandler] = {.cpu_cores = 0.3};
  e.processes[kPostgres] = {.cpu_cores = 0.6};
  e.processes["generator"] = {.cpu_cores = 0.5};
  e.active_sessions = 2;
  e.waits = {{{"CPU", "CPU"}, 1.2}, {{"IO", "WALSync"}, 0.4}, {{"Client", "ClientRead"}, 0.4}};
  e.connections = 40;
  e.max_connections = 300;
  e.clients = {{"challenge-service", {25, 1}}, {"challenge-event-handler", {2, 0.8}}};
  e.routes = {{"/v1/challenges", {400, 4}}, {"/v1/challenges/{challenge_id}/goals/{goal_id}/claim", {80, 9}}};
  e.server_ms = 5;
  e.trial.wanted_per_s = e.trial.achieved_per_s = 500;
  e.trial.throughput_per_s = e.trial.requests_per_s = 500;
  e.trial.mean_service_s = 0.006;
  return e;
}

struct Injection {
  const char* what;
  Bottleneck expected;
  void (*inject)(Evidence&);
};

class Diagnosed : public testing::TestWithParam<Injection> {};

TEST_P(Diagnosed, by_its_signature_and_with_evidence_and_advice) {
  Evidence e = unremarkable();
  GetParam().inject(e);
  const auto diagnosis = judge(e, nullptr);
  EXPECT_EQ(diagnosis.cause.bottleneck, GetParam().expected) << to_text(diagnosis);
  EXPECT_FALSE(diagnosis.cause.evidence.empty());
  EXPECT_FALSE(diagnosis.cause.advice.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Injections, Diagnosed,
    testing::Values(Injection{"service_under_a_quota", Bottleneck::service_cpu,
                              [](Evidence& e) { e.processes[kService] = {.cpu_cores = 0.2, .throttled_share = 0.6}; }},
                    Injection{"handler_under_a_quota", Bottleneck::handler_cpu,
                              [](Evidence& e) { e.processes[kEventHandler] = {.cpu_cores = 0.2, .throttled_share = 0.6}; }},
                    Injection{"database_on_all_cores", Bottleneck::database_cpu,
                              [](Evidence& e) {
                                e.processes[kPostgres].cpu_cores = 2.8;
                                e.idle_cores = 0.05;
                                e.waits = {{{"CPU", "CPU"}, 6}};
                                e.active_sessions = 6;
                              }},
                    Injection{"a_neighbour_on_the_same_hypervisor", Bottleneck::stolen_cpu,
                              [](Evidence& e) {
                                e.processes[kService].cpu_cores = 1.8;  // the largest user, of what there was
                                e.steal_cores = 1;
                                e.idle_cores = 0.1;
                              }},
                    Injection{"a_clock_set_back", Bottleneck::clock, [](Evidence& e) { e.clock_step_s = 2; }},
                    Injection{"slow_fsync", Bottleneck::database_io,
                              [](Evidence& e) {
                                e.waits = {{{"IO", "WALSync"}, 1.5}, {{"LWLock", "WALWrite"}, 4}, {{"CPU", "CPU"}, 0.2}};
                                e.active_sessions = 5.7;
                              }},
                    Injection{"a_lock_held", Bottleneck::locks,
                              [](Evidence& e) {
                                e.waits = {{{"Lock", "transactionid"}, 8}, {{"CPU", "CPU"}, 0.2}};
                                e.active_sessions = 8.2;
                                e.waiting_for_lock = 8;
                                e.clients["challenge-service"] = {25, 8};
                              }},
                    Injection{"a_pool_of_two", Bottleneck::connection_pool,
                              [](Evidence& e) {
                                e.clients["challenge-service"] = {2, 1.95};
                              }},
                    Injection{"no_connections_left", Bottleneck::connection_pool, [](Evidence& e) { e.connections = 299; }},
                    Injection{"memory_limit", Bottleneck::memory,
                              [](Evidence& e) {
                                e.pressure_memory = 40;
                                e.memory_limit_share = 1;
                              }},
                    Injection{"lossy_network", Bottleneck::network, [](Evidence& e) { e.lost_retransmits_per_s = 80; }},
                    Injection{"slow_platform", Bottleneck::external_dependency,
                              [](Evidence& e) { e.routes["/v1/challenges/{challenge_id}/goals/{goal_id}/claim"].mean_ms = 2010; }},
                    Injection{"full_queue", Bottleneck::queue_limit, [](Evidence& e) { e.refused_per_s = 50; }},
                    Injection{"starved_generator", Bottleneck::generator,
                              [](Evidence& e) {
                                e.processes["generator"] = {.cpu_cores = 0.2, .throttled_share = 0.7};
                                e.trial.mean_service_s = 0.2;
                              }},
                    // A machine that others use: sessions wait for the disk, and that is not where the clients' time goes.
                    Injection{"starved_by_strangers", Bottleneck::generator,
                              [](Evidence& e) {
                                e.idle_cores = 0;
                                e.processes["generator"] = {.cpu_cores = 0.4, .run_queue_delay_cores = 1.6};
                                e.trial.mean_service_s = 0.16;
                                e.waits = {{{"LWLock", "WALWrite"}, 0.96}, {{"CPU", "CPU"}, 0.04}};
                                e.active_sessions = 1;
                              }},
                    Injection{"late_generator", Bottleneck::generator,
                              [](Evidence& e) {
                                e.trial.generator = {engine::results::GeneratorLimit::starts_late, "98 % of the iterations started late"};
                                e.trial.achieved_per_s = 300;
                                e.waits = {{{"LWLock", "WALWrite"}, 0.96}, {{"CPU", "CPU"}, 0.04}};
                                e.active_sessions = 1;
                              }},
                    // One commit after the other waits 4 ms for the disk: that is a commit, and no limit.
                    Injection{"commits_one_after_the_other", Bottleneck::unclear,
                              [](Evidence& e) {
                                e.waits = {{{"IO", "WALSync"}, 0.95}, {{"CPU", "CPU"}, 0.05}};
                                e.active_sessions = 1;
                                e.commits_per_s = 250;
                              }},
                    Injection{"nothing_at_all", Bottleneck::unclear, [](Evidence&) {}},
                    Injection{"two_at_once", Bottleneck::unclear,
                              [](Evidence& e) {
                                e.processes[kService].throttled_share = 0.6;
                                e.processes[kEventHandler].throttled_share = 0.6;
                              }},
                    // Every part busy alike on a full machine: none stands out.
                    Injection{"an_even_load", Bottleneck::unclear,
                              [](Evidence& e) {
                                e.idle_cores = 0.05;
                                for (auto& [name, p] : e.processes) p.cpu_cores = 0.98;
                              }}),
    [](const auto& injection) { return std::string(injection.param.what); });

TEST(Diagnosis, of_a_level_that_held_says_so) {
  auto e = unremarkable();
  e.held = true;
  EXPECT_NE(to_text(judge(e, nullptr)).find("The level held"), std::string::npos);
}

void add_late_agent(Evidence& e, const char* name, const char* host) {
  auto& agent = e.trial.agents.emplace_back();
  agent.name = name;
  agent.host = host;
  agent.cores = 2;
  agent.cpu_share = 0.98;
  agent.slip_p99_ms = 40;
}

TEST(Diagnosis, names_the_agent_that_was_the_limit) {
  auto e = unremarkable();
  e.trial.generator = {engine::results::GeneratorLimit::starts_late, "agent lg2 was the limit: words"};
  auto& on_time = e.trial.agents.emplace_back();
  on_time.name = on_time.host = "lg1";
  on_time.slip_p99_ms = 1;
  add_late_agent(e, "lg2", "lg2");
  const auto text = to_text(judge(e, nullptr));
  EXPECT_NE(text.find("Bottleneck: generator: lg2 (strength"), std::string::npos) << text;
  EXPECT_NE(text.find("lg2 used 98 % of its 2 cores"), std::string::npos) << text;
  EXPECT_NE(text.find("give lg2 a smaller weight"), std::string::npos) << text;
  EXPECT_EQ(text.find("lg1"), std::string::npos) << text;
}

TEST(Diagnosis, gives_processes_of_one_machine_no_weights) {
  auto e = unremarkable();
  e.trial.generator = {engine::results::GeneratorLimit::starts_late, "process 2 was the limit: words"};
  for (const char* name : {"process 1", "process 2"}) add_late_agent(e, name, "lg");
  const auto text = to_text(judge(e, nullptr));
  EXPECT_NE(text.find("process 2 used 98 % of its 2 cores"), std::string::npos) << text;
  EXPECT_EQ(text.find("weight"), std::string::npos) << text;
}

TEST(Diagnosis, shows_what_moved_since_the_last_good_level) {
  const auto good = unremarkable();
  auto bad = unremarkable();
  bad.waits[{"IO", "WALSync"}] = 4;
  bad.active_sessions = 5.6;
  const auto moved = judge(bad, &good).moved;
  ASSERT_FALSE(moved.empty());
  EXPECT_EQ(moved[0], "sessions at IO:WALSync: 0.40 to 4.00");
}

TEST(Evidence, comes_from_the_result_and_the_recording_beside_it) {
  const TemporaryFolder folder;
  folder.write(
      "level.json",
      R"({"metrics":{"iterations":{"values":{"count":40}},"http_reqs":{"values":{"count":40}},"http_req_duration":{"values":{"avg":10}}},"series":[{"t":0,"seconds":4,"metrics":{}}]})");
  EXPECT_NE(read_evidence(folder / "level.json").error().message.find("gauntlet watch"), std::string::npos);
  {
    auto recording = Recording::create(folder / "level.monitor");
    ASSERT_TRUE(recording);
    for (int i = 0; i <= 10; ++i) {
      const double cores = i < 2 ? 9 : 0.5;  // the first fifth does not count
      ASSERT_TRUE(recording->add(100 + i, {{"host",
                                            {{"cpu_user_cores", 1.0},
                                             {"cpu_system_cores", 0.5},
                                             {"cpu_softirq_cores", 0.0},
                                             {"cpu_iowait_cores", 0.0},
                                             {"cpu_steal_cores", 0.0},
                                             {"cpu_idle_cores", 0.5}}},
                                           {"process",
                                            {{"name", kService},
                                             {"cpu_cores", cores},
                                             {"run_queue_delay_cores", 0.1},
                                             {"resident_bytes", std::int64_t{1000}},
                                             {"major_faults_per_s", 0.0},
                                             {"involuntary_switches_per_s", 0.0},
                                             {"throttled_share", 0.0}}},
                                           {"pg_activity",
                                            {{"connections", 10.0},
                                             {"max_connections", 300.0},
                                             {"waiting_for_lock", 0.0},
                                             {"idle_in_transaction", 0.0},
                                             {"oldest_transaction_s", 0.0}}},
                                           {"clock", {{"step_s", i == 6 ? -1.5 : 0.0}}},
                                           {"pg_wait", {{"type", "Lock"}, {"event", "tuple"}, {"sessions", 2.0}}},
                                           {"metric",
                                            {{"server", kService},
                                             {"name", "challenge_api_request_duration_seconds_sum"},
                                             {"labels", "method=\"GET\",path=\"/a\",status_code=\"200\""},
                                             {"value", i * 0.1}}},
                                           {"metric",
                                            {{"server", kService},
                                             {"name", "challenge_api_request_duration_seconds_count"},
                                             {"labels", "method=\"GET\",path=\"/a\",status_code=\"200\""},
                                             {"value", i * 10.0}}}}));
    }
  }
  const auto evidence = read_evidence(folder / "level.json");
  ASSERT_TRUE(evidence) << evidence.error().message;
  EXPECT_DOUBLE_EQ(evidence->cores, 2);
  EXPECT_DOUBLE_EQ(evidence->process_cores(kService), 0.5);
  EXPECT_DOUBLE_EQ(evidence->active_sessions, 2);
  EXPECT_DOUBLE_EQ(evidence->wait_share("Lock"), 1);
  EXPECT_NEAR(evidence->routes.at("/a").mean_ms, 10, 1e-6);
  EXPECT_NEAR(evidence->routes.at("/a").per_s, 10, 1e-6);
  EXPECT_DOUBLE_EQ(evidence->strangers_cores, 1);
  EXPECT_DOUBLE_EQ(evidence->clock_step_s, 1.5);

  // A recording of 10 s says little about a run of a minute.
  folder.write("level.json", R"({"metrics":{},"series":[{"t":0,"seconds":60,"metrics":{}}]})");
  EXPECT_NE(read_evidence(folder / "level.json").error().message.find("10 s of a run of 60 s"), std::string::npos);
}

}  // namespace
}  // namespace gauntlet::lab
