#include "lab/monitor/live_view.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/socket.h>

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>

#include "lab/process/launch.hpp"

namespace gauntlet::lab {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::DoubleEq;
using testing::Key;
using testing::Not;
using testing::Pair;

std::map<std::string, double> figures(const engine::dashboard::SystemSample& sample) {
  return {sample.figures.begin(), sample.figures.end()};
}

std::vector<Observation> handler_counters(double flushes, double events, double seconds) {
  const auto metric = [](const char* name, double value) {
    return Observation{"metric", {{"server", "challenge-event-handler"}, {"name", name}, {"labels", ""}, {"value", value}}};
  };
  return {metric("challenge_buffer_flush_events_sum", events), metric("challenge_buffer_flush_events_count", flushes),
          metric("challenge_buffer_flush_duration_seconds_sum", seconds), metric("challenge_buffer_flush_duration_seconds_count", flushes)};
}

TEST(LiveFigures, draw_processes_and_the_database_under_the_pages_names) {
  LiveFigures live;
  const auto sample =
      live.sample_of({{"process", {{"name", "challenge-service"}, {"cpu_cores", 0.5}, {"resident_bytes", std::int64_t{1000}}}},
                      {"process", {{"name", "generator"}, {"cpu_cores", 0.25}, {"resident_bytes", std::int64_t{2000}}}},
                      {"pg_activity", {{"active", 3.0}, {"idle", 7.0}, {"idle_in_transaction", 1.0}, {"waiting_for_lock", 0.0}}},
                      {"pg_database", {{"commits_per_s", 250.0}, {"rollbacks_per_s", 0.0}, {"cache_hit_share", Cell()}}},
                      {"pg_tables", {{"name", "a"}, {"updated_per_s", 30.0}, {"hot_updated_per_s", 27.0}}},
                      {"pg_tables", {{"name", "b"}, {"updated_per_s", 10.0}, {"hot_updated_per_s", 3.0}}}},
                     {});
  EXPECT_THAT(figures(sample), AllOf(Contains(Pair("cpu/service", 0.5)), Contains(Pair("memory/generator", 2000)),
                                     Contains(Pair("connections/idle", 7)), Contains(Pair("transactions/committed", 250)),
                                     Contains(Pair("locks/waiting", 0)), Contains(Pair("hits/HOT updates", DoubleEq(0.75)))));
  EXPECT_THAT(figures(sample), Not(Contains(Key("hits/cache")))) << "nothing was read: no share";
}

TEST(LiveFigures, give_flushes_as_means_of_the_last_second_and_none_across_a_restart) {
  LiveFigures live;
  EXPECT_THAT(figures(live.sample_of(handler_counters(100, 5000, 2.0), {})), Not(Contains(Key("flush_size/mean"))));
  const auto second = figures(live.sample_of(handler_counters(104, 5100, 2.02), {}));
  EXPECT_DOUBLE_EQ(second.at("flush_size/mean"), 25);
  EXPECT_NEAR(second.at("flush_time/mean"), 5, 1e-9);
  EXPECT_THAT(figures(live.sample_of(handler_counters(3, 30, 0.1), {})), Not(Contains(Key("flush_size/mean"))));
  EXPECT_DOUBLE_EQ(figures(live.sample_of(handler_counters(5, 40, 0.2), {})).at("flush_size/mean"), 5);
}

TEST(LiveFigures, list_statements_and_say_what_they_could_not_see) {
  LiveFigures live;
  const auto sample = live.sample_of({{"pg_statements", {{"query", "UPDATE \"x\""}, {"calls_per_s", 12.0}, {"mean_ms", Cell()}}}},
                                     {"database: it is away"});
  const auto detail = nlohmann::json::parse(sample.detail);
  ASSERT_EQ(detail["tables"].size(), 1u);
  EXPECT_EQ(detail["tables"][0]["rows"][0][0], "UPDATE \"x\"");
  EXPECT_EQ(detail["tables"][0]["rows"][0][1], 12.0);
  EXPECT_TRUE(detail["tables"][0]["rows"][0][2].is_null());
  EXPECT_EQ(detail["problems"], nlohmann::json::parse(R"(["Not seen: database: it is away."])"));
}

/// Takes connections and never says a word.
class SilentServer {
 public:
  SilentServer() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(socket_.get(), 16) == 0 &&
        ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0)
      port = ntohs(address.sin_port);
  }
  int port = 0;

 private:
  Descriptor socket_;
};

TEST(LiveView, does_not_hold_up_the_end_of_a_run_when_the_system_is_silent) {
  const SilentServer silent;
  ASSERT_NE(silent.port, 0);
  auto monitor = Monitor::open([&]() -> base::Expected<Target> {
    Target target;
    target.database.emplace();
    target.database->host = "127.0.0.1";
    target.database->port = silent.port;
    for (int i = 0; i < 8; ++i) target.metrics.push_back({"server", fmt::format("http://127.0.0.1:{}/metrics", silent.port)});
    return target;
  });
  ASSERT_TRUE(monitor);
  const auto begun = std::chrono::steady_clock::now();
  {
    LiveView view(std::move(*monitor));
    EXPECT_EQ(view.latest(), nullptr);
  }
  // The sample under way needs ten seconds and more: two for the database, one for each page.
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
}

}  // namespace
}  // namespace gauntlet::lab
