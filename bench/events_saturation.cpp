// CPU per event of challenge-event-handler and PostgreSQL at saturation, independent of any load generator: the handler
// runs as its own process against a private cluster seeded with 10,000 players of 10 active goals; a client of nghttp2
// alone keeps a fixed number of calls in flight.
//   bench-events [--seconds N] [--connections C --in-flight F] [--dedup all|counting|off] [--mode commit|buffered|upsert]
//                [--challenges N] [--players N] [--handler PATH]
// Without --connections and --dedup: a table of 1 x 500, 100 x 5 and 3,000 x 1 with deduplication on and off.
// --mode: answered after the commit, on arrival (BUFFER_FLUSH_INTERVAL=1s), or with rows created (EVENT_ROWS=upsert).
// --challenges: of 50 goals each (default 10); the players' ten active goals stay in the first ten of them.
// --players: of ten rows each (default 10,000).
// CPU is the kernel's accounting of each process tree, so other load on the machine disturbs the rate but hardly the
// figures; ops are calls acknowledged OK.
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "base/event_loop.hpp"
#include "iam/account/v1/account.pb.h"
#include "postgres/blocking_connection.hpp"
#include "social/statistic/v1/statistic.pb.h"
#include "support/event_producer.hpp"
#include "support/handler_process.hpp"
#include "support/private_postgres.hpp"

namespace {

using namespace gauntlet;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kActiveGoals = 10;  // a player; the first goal of each of the first challenges
constexpr int kGoalsPerChallenge = 50;
constexpr const char* kStatCodes[] = {"login_count", "enemy_kills", "games_played", "headshots", "wins"};

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "bench-events: %s\n", what.c_str());
  std::exit(1);
}

/// User and system seconds of a process and its descendants, ended ones included.
double cpu_of_tree(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (text.empty()) return 0;
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  long user = 0, system = 0, children_user = 0, children_system = 0;
  fields >> user >> system >> children_user >> children_system;
  double sum = static_cast<double>(user + system + children_user + children_system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  std::ifstream children("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children");
  for (pid_t child = 0; children >> child;) sum += cpu_of_tree(child);
  return sum;
}

double memory_mb(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/statm");
  long total = 0, resident = 0;
  in >> total >> resident;
  return static_cast<double>(resident * sysconf(_SC_PAGESIZE)) / 1e6;
}

/// The guide's fixture: 10 challenges of 50 goals, five stat codes in turn; logins count, the others take the value.
std::string challenges_json(int challenges) {
  std::string json = R"({"challenges":[)";
  for (int c = 0; c < challenges; ++c) {
    json += fmt::format(R"({}{{"id":"challenge-{:03}","name":"C","goals":[)", c == 0 ? "" : ",", c + 1);
    for (int g = 0; g < kGoalsPerChallenge; ++g) {
      const char* stat = kStatCodes[(c + g) % 5];
      const bool login = stat == kStatCodes[0];
      json += fmt::format(
          R"({}{{"id":"challenge-{:03}-goal-{:02}","name":"G","type":"{}","event_source":"{}","requirement":{{"stat_code":"{}","operator":">=","target_value":{}}},"reward":{{"type":"ITEM","reward_id":"r","quantity":1}}}})",
          g == 0 ? "" : ",", c + 1, g + 1, login ? "increment" : "absolute", login ? "login" : "statistic", stat, login ? 1'000'000 : 500);
    }
    json += "]}";
  }
  return json + "]}";
}

std::string player(int number) { return fmt::format("user-{:06}", number); }

void seed(postgres::ConnectionOptions options, int players) {
  options.statement_timeout = 0ms;  // ten million rows take their time
  auto connection = postgres::BlockingConnection::connect(options);
  if (!connection) give_up(connection.error().message);
  if (!connection->run("TRUNCATE user_goal_progress, processed_event")) give_up("cannot truncate");
  int user = 0;
  const auto copied = connection->copy_in("user_goal_progress", {"user_id", "goal_id", "challenge_id", "namespace", "is_active"},
                                          [&](postgres::CopyRows& rows) {
                                            for (int c = 1; c <= kActiveGoals; ++c)
                                              rows.add(player(user))
                                                  .add(fmt::format("challenge-{:03}-goal-01", c))
                                                  .add(fmt::format("challenge-{:03}", c))
                                                  .add("test")
                                                  .add(true)
                                                  .end_row();
                                            return ++user < players;
                                          });
  if (!copied) give_up(copied.error().message);
  if (!connection->run("VACUUM ANALYZE user_goal_progress") || !connection->run("CHECKPOINT")) give_up("cannot vacuum");
}

/// Scenario 2's mix: a fifth logins, the rest one of four statistics.
struct Load {
  const unsigned players;
  std::mt19937 random{1};
  std::string run = fmt::format("{:x}", std::random_device{}());
  std::uint64_t number = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t failed = 0;
  bool running = true;
  std::vector<double> latencies_ms;
  accelbyte::iam::account::v1::UserLoggedIn login;
  accelbyte::social::statistic::v1::StatItemUpdated stat;
  std::string bytes;

  explicit Load(int the_players) : players(static_cast<unsigned>(the_players)) {
    const std::time_t now = std::time(nullptr);
    char timestamp[32];
    std::strftime(timestamp, sizeof timestamp, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
    login.set_namespace_("test");
    login.set_timestamp(timestamp);
    stat.set_namespace_("test");
    stat.set_timestamp(timestamp);
    stat.mutable_payload()->set_namespace_("test");
    stat.mutable_payload()->set_inc(1);
  }

  void send(support::EventProducer& producer) {
    const std::string user = player(static_cast<int>(random() % players));
    const std::string id = fmt::format("{}-{}", run, ++number);
    const bool is_login = random() % 5 == 0;
    if (is_login) {
      login.set_user_id(user);
      login.set_id(id);
      login.SerializeToString(&bytes);
    } else {
      stat.set_user_id(user);
      stat.set_id(id);
      stat.mutable_payload()->set_user_id(user);
      stat.mutable_payload()->set_stat_code(kStatCodes[1 + random() % 4]);
      stat.mutable_payload()->set_latest_value(static_cast<double>(random() % 1000));
      stat.SerializeToString(&bytes);
    }
    const auto sent = Clock::now();
    producer.send(is_login ? support::kLoginMethod : support::kStatisticMethod, bytes,
                  [this, &producer, sent](int status, const std::string&) {
                    if (status == 0) ++acknowledged;
                    else ++failed;
                    if (number % 16 == 0) latencies_ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - sent).count());
                    if (running && status != support::EventProducer::kNoAnswer) send(producer);
                  });
  }
};

struct Options {
  double seconds = 5;
  int connections = 0;
  int in_flight = 1;
  std::string dedup;
  std::string mode = "commit";
  int challenges = 10;
  int players = 10'000;
  std::string handler;
};

void row(const Options& options, support::PrivatePostgres& server, const postgres::ConnectionOptions& database, const std::string& config,
         int connections, int in_flight, const std::string& dedup) {
  seed(database, options.players);
  std::vector<std::pair<std::string, std::string>> environment{{"EVENT_DEDUP", dedup}};
  if (options.mode == "buffered") environment.insert(environment.end(), {{"BUFFER_FLUSH_INTERVAL", "1s"}, {"BUFFER_MAX_SIZE", "2000"}});
  if (options.mode == "upsert") environment.emplace_back("EVENT_ROWS", "upsert");
  support::HandlerProcess handler(
      {.program = options.handler, .challenge_config = config, .database = database, .grpc_port = 0, .environment = environment});
  base::EventLoop loop;
  Load load(options.players);
  std::vector<std::unique_ptr<support::EventProducer>> producers;
  for (int i = 0; i < connections; ++i) producers.push_back(std::make_unique<support::EventProducer>(loop, handler.port()));
  for (auto& producer : producers)
    for (int i = 0; i < in_flight; ++i) load.send(*producer);
  const auto run_for = [&](double seconds) {
    const auto until = Clock::now() + std::chrono::duration<double>(seconds);
    while (Clock::now() < until) loop.run_once(10ms);
  };
  run_for(1);  // warm: plans, pages, connections
  const double handler_before = cpu_of_tree(handler.pid()), database_before = cpu_of_tree(server.pid());
  const std::uint64_t acknowledged_before = load.acknowledged;
  const auto began = Clock::now();
  load.latencies_ms.clear();
  load.failed = 0;  // calls that came before the handler's database connection stood
  run_for(options.seconds);
  const double elapsed = std::chrono::duration<double>(Clock::now() - began).count();
  const auto events = static_cast<double>(load.acknowledged - acknowledged_before);
  const double handler_cpu = cpu_of_tree(handler.pid()) - handler_before, database_cpu = cpu_of_tree(server.pid()) - database_before;
  const double memory = memory_mb(handler.pid());
  load.running = false;
  const auto in_flight_now = [&] {
    std::size_t sum = 0;
    for (auto& producer : producers) sum += producer->in_flight();
    return sum;
  };
  while (in_flight_now() > 0) loop.run_once(10ms);
  producers.clear();
  const int status = handler.stop();
  std::sort(load.latencies_ms.begin(), load.latencies_ms.end());
  const auto percentile = [&](double p) {
    return load.latencies_ms.empty() ? 0
                                     : load.latencies_ms[static_cast<std::size_t>(p * static_cast<double>(load.latencies_ms.size() - 1))];
  };
  fmt::print("{:>5} x {:<4} {:<9} {:<9} {:>9.0f} {:>11.1f} {:>11.1f} {:>9.1f} {:>8.1f} {:>8.1f} {:>8.0f} {:>7} {:>5}\n", connections,
             in_flight, dedup, options.mode, events / elapsed, 1e6 * handler_cpu / events, 1e6 * database_cpu / events,
             1e6 * (handler_cpu + database_cpu) / events, percentile(0.5), percentile(0.95), memory, load.failed, status);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.handler = GAUNTLET_HANDLER;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--seconds") options.seconds = std::atof(argv[i + 1]);
    else if (name == "--connections") options.connections = std::atoi(argv[i + 1]);
    else if (name == "--in-flight") options.in_flight = std::atoi(argv[i + 1]);
    else if (name == "--dedup") options.dedup = argv[i + 1];
    else if (name == "--mode") options.mode = argv[i + 1];
    else if (name == "--challenges") options.challenges = std::max(kActiveGoals, std::atoi(argv[i + 1]));
    else if (name == "--players") options.players = std::max(1, std::atoi(argv[i + 1]));
    else if (name == "--handler") options.handler = argv[i + 1];
    else give_up("unknown option " + name);
  }
  signal(SIGPIPE, SIG_IGN);
  rlimit descriptors{};
  getrlimit(RLIMIT_NOFILE, &descriptors);
  descriptors.rlim_cur = descriptors.rlim_max;
  setrlimit(RLIMIT_NOFILE, &descriptors);

  char config[] = "/tmp/bench-events-XXXXXX";
  const int fd = mkstemp(config);
  if (options.mode != "commit" && options.mode != "buffered" && options.mode != "upsert") give_up("--mode is commit, buffered or upsert");
  const std::string json = challenges_json(options.challenges);
  if (fd < 0 || write(fd, json.data(), json.size()) != static_cast<ssize_t>(json.size())) give_up("cannot write the config");
  close(fd);
  support::PrivatePostgres server;
  const auto database = server.migrated_database();
  fmt::print("{:>5}   {:<4} {:<9} {:<9} {:>9} {:>11} {:>11} {:>9} {:>8} {:>8} {:>8} {:>7} {:>5}\n", "conns", "each", "dedup", "mode",
             "events/s", "handler us", "postgres us", "both us", "p50 ms", "p95 ms", "mem MB", "failed", "exit");
  if (options.connections > 0) {
    row(options, server, database, config, options.connections, options.in_flight, options.dedup.empty() ? "all" : options.dedup);
  } else {
    for (const auto& [connections, in_flight] : {std::pair{1, 500}, {100, 5}, {3000, 1}})
      for (const std::string dedup : {"all", "off"})
        if (options.dedup.empty() || options.dedup == dedup) row(options, server, database, config, connections, in_flight, dedup);
  }
  unlink(config);
  return 0;
}
