// Breaks the event handler in every way we know, at random and under load, and then counts.
//   event-faults [--faults N] [--rate EVENTS_PER_SECOND] [--replicas N] [--seed S] [--long 1] [--only PART_OF_A_FAULTS_NAME]
// Handler processes (three, unless told otherwise) and a private PostgreSQL talk through a relay that can fail like a network; a producer
// delivers as the platform does: what is not acknowledged comes again, 5 % of the rest too, in any order. A model outside the handler knows
// what each player must have at the end. The last lines say how many events were lost and how many counted twice.
// --long 1: faults as long as the operator sees them (stop 5 s, table lock 10 s, stalls beyond the statement timeout).
// How far it is comes every 10 s on stderr. Ctrl-C or SIGTERM: the fault at work is the last one, and what there is is judged.
// Exit status: 0 nothing lost and nothing doubled; 1 something was, or the handler did not come back.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/event_loop.hpp"
#include "base/loop_thread.hpp"
#include "iam/account/v1/account.pb.h"
#include "postgres/blocking_connection.hpp"
#include "social/statistic/v1/statistic.pb.h"
#include "support/event_producer.hpp"
#include "support/handler_process.hpp"
#include "support/private_postgres.hpp"
#include "support/tcp_proxy.hpp"

namespace {

using namespace gauntlet;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kPlayers = 200;
constexpr std::size_t kWindow = 1500;  // calls in flight
constexpr std::size_t kConnections = 4;
constexpr double kDuplicates = 0.05;
constexpr auto kComesBackWithin = 90s;  // on a busy machine
constexpr auto kToldEvery = 10s;

constexpr const char* kChallenges = R"({"challenges": [{"id": "c", "name": "C", "goals": [
  {"id": "value", "name": "G", "type": "absolute", "event_source": "statistic", "requirement": {"stat_code": "kills", "operator": ">=", "target_value": 500}, "reward": {"type": "ITEM", "reward_id": "r", "quantity": 1}},
  {"id": "count", "name": "G", "type": "increment", "event_source": "statistic", "requirement": {"stat_code": "kills", "operator": ">=", "target_value": 1000000}, "reward": {"type": "ITEM", "reward_id": "r", "quantity": 1}},
  {"id": "logins", "name": "G", "type": "increment", "event_source": "login", "requirement": {"stat_code": "login_count", "operator": ">=", "target_value": 1000000}, "reward": {"type": "ITEM", "reward_id": "r", "quantity": 1}}]}]})";

/// Why the campaign cannot go on; carried to main(), so that the servers are stopped on the way.
struct GivenUp {
  std::string why;
};
[[noreturn]] void give_up(const std::string& what) { throw GivenUp{what}; }

volatile sig_atomic_t ending = 0;
/// The fault at work is the last one; a second signal ends the program.
void end_early(int) {
  ending = 1;
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
}
void end_early_on(int number) {
  struct sigaction action {};
  action.sa_handler = &end_early;
  action.sa_flags = SA_RESTART;
  sigaction(number, &action, nullptr);
}

struct Options {
  unsigned faults = 14;
  unsigned rate = 2000;
  unsigned replicas = 3;
  unsigned seed = std::random_device{}();
  bool as_long_as_real = false;
  std::string only;
};

/// The platform, and the model of what must be in the table once everything is acknowledged.
class Platform {
 public:
  Platform(base::EventLoop& loop, std::vector<std::uint16_t> ports, unsigned rate, unsigned seed)
      : loop_(loop), rate_(rate), random_(seed), run_(fmt::format("{:x}-{:x}", seed, getpid())) {
    for (const std::uint16_t port : ports) peers_.push_back({port, std::vector<std::unique_ptr<support::EventProducer>>(kConnections)});
    first_at_ = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) - 1h;
  }

  /// One round of the loop; new events come at the rate until finish().
  void turn() {
    if (!finishing_) {
      const double due = std::chrono::duration<double>(Clock::now() - began_).count() * rate_;
      // After a stop of ours the rate goes on; it does not make up for what it missed.
      if (due - static_cast<double>(generated_) > rate_)
        began_ += std::chrono::duration_cast<Clock::duration>(
            std::chrono::duration<double>(due / rate_ - static_cast<double>(generated_) / rate_));
      while (static_cast<double>(generated_) < due && unacknowledged_ < 20 * kWindow) happen();
    }
    while (in_flight_ < kWindow && !waiting_.empty()) send();
    loop_.run_once(1ms);
  }
  void run_for(std::chrono::milliseconds time) {
    for (const auto until = Clock::now() + time; Clock::now() < until;) turn();
  }
  /// No new events; runs until everything is acknowledged.
  void finish() {
    finishing_ = true;
    const auto until = Clock::now() + kComesBackWithin;
    while (unacknowledged_ > 0) {
      if (Clock::now() > until) give_up(fmt::format("{} events are never acknowledged", unacknowledged_));
      turn();
    }
  }

  std::uint64_t generated() const { return generated_; }
  std::uint64_t deliveries() const { return deliveries_; }
  std::uint64_t acknowledged() const { return acknowledged_; }
  /// By replica.
  std::vector<std::uint64_t> acknowledged_by() const {
    std::vector<std::uint64_t> counts;
    for (const Peer& peer : peers_) counts.push_back(peer.acknowledged);
    return counts;
  }
  std::uint64_t refused() const { return refused_; }
  std::uint64_t unanswered() const { return unanswered_; }

  struct Expected {
    std::int64_t logins = 0;
    std::int64_t statistics = 0;
    std::int64_t newest = -1;  // number of the newest statistic
  };
  const Expected& expected(int player) const { return expected_[static_cast<std::size_t>(player)]; }
  static std::int64_t value_of(std::int64_t number) { return number % 1000; }

 private:
  struct Peer {
    std::uint16_t port;
    std::vector<std::unique_ptr<support::EventProducer>> producers;
    std::uint64_t acknowledged = 0;
  };
  struct Delivery {
    std::uint64_t number;
    int player;
    bool login;
  };

  void happen() {
    const Delivery delivery{generated_++, static_cast<int>(random_() % kPlayers), random_() % 5 == 0};
    Expected& expected = expected_[static_cast<std::size_t>(delivery.player)];
    if (delivery.login) {
      ++expected.logins;
    } else {
      ++expected.statistics;
      expected.newest = static_cast<std::int64_t>(delivery.number);
    }
    enqueue(delivery);
    if (std::uniform_real_distribution<>(0, 1)(random_) < kDuplicates) enqueue(delivery);
  }

  /// Somewhere among those that wait: no order is promised.
  void enqueue(const Delivery& delivery) {
    ++unacknowledged_;
    waiting_.push_back(delivery);
    std::swap(waiting_.back(), waiting_[random_() % waiting_.size()]);
  }

  std::string message_of(const Delivery& delivery) const {
    const std::string user = fmt::format("user-{}", delivery.player), id = fmt::format("{}-{}", run_, delivery.number);
    // Every event has a time of its own, in the order in which they happened.
    const auto microseconds = static_cast<std::int64_t>(delivery.number);
    const std::time_t seconds = std::chrono::system_clock::to_time_t(first_at_) + microseconds / 1'000'000;
    char day_and_time[32];
    std::strftime(day_and_time, sizeof day_and_time, "%Y-%m-%dT%H:%M:%S", std::gmtime(&seconds));
    const std::string timestamp = fmt::format("{}.{:06}Z", day_and_time, microseconds % 1'000'000);
    if (delivery.login) {
      accelbyte::iam::account::v1::UserLoggedIn message;
      message.set_id(id);
      message.set_user_id(user);
      message.set_namespace_("test");
      if (delivery.number % 2 == 0) message.set_timestamp(timestamp);  // the others are remembered by their day of arrival
      return message.SerializeAsString();
    }
    accelbyte::social::statistic::v1::StatItemUpdated message;
    message.set_id(id);
    message.set_user_id(user);
    message.set_namespace_("test");
    message.set_timestamp(timestamp);
    message.mutable_payload()->set_stat_code("kills");
    message.mutable_payload()->set_latest_value(static_cast<double>(value_of(static_cast<std::int64_t>(delivery.number))));
    message.mutable_payload()->set_inc(1);
    return message.SerializeAsString();
  }

  void send() {
    Peer& peer = peers_[random_() % peers_.size()];
    auto& producer = peer.producers[random_() % kConnections];
    if (!producer || !producer->is_connected()) producer = std::make_unique<support::EventProducer>(loop_, peer.port);
    const Delivery delivery = waiting_.front();
    waiting_.pop_front();
    ++in_flight_;
    ++deliveries_;
    producer->send(delivery.login ? support::kLoginMethod : support::kStatisticMethod, message_of(delivery),
                   [this, delivery, &peer](int status, const std::string&) {
                     --in_flight_;
                     if (status == 0) {
                       --unacknowledged_;
                       ++acknowledged_;
                       ++peer.acknowledged;
                       return;
                     }
                     ++(status == support::EventProducer::kNoAnswer ? unanswered_ : refused_);
                     loop_.call_after(std::chrono::milliseconds(5 + random_() % 60), [this, delivery] { waiting_.push_back(delivery); });
                   });
  }

  base::EventLoop& loop_;
  const double rate_;
  std::mt19937 random_;
  const std::string run_;
  std::chrono::system_clock::time_point first_at_;
  Clock::time_point began_ = Clock::now();
  std::vector<Peer> peers_;
  std::deque<Delivery> waiting_;
  std::vector<Expected> expected_ = std::vector<Expected>(kPlayers);
  std::size_t in_flight_ = 0;
  std::size_t unacknowledged_ = 0;
  std::uint64_t generated_ = 0, deliveries_ = 0, acknowledged_ = 0, refused_ = 0, unanswered_ = 0;
  bool finishing_ = false;
};

std::string write_config() {
  char path[] = "/tmp/event-faults-XXXXXX";
  const int fd = mkstemp(path);
  const std::string text = kChallenges;
  if (fd < 0 || write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) give_up("cannot write the challenge config");
  close(fd);
  return path;
}

/// Where the user that PostgreSQL runs as can read it, too.
std::string copied(const char* file, const std::string& to) {
  std::error_code error;
  if (!std::filesystem::copy_file(file, to, std::filesystem::copy_options::overwrite_existing, error))
    give_up(fmt::format("cannot copy {} to {}: {}", file, to, error.message()));
  return to;
}

/// What a handler's calendar is off by (support/stepped_clock.cpp).
class ClockStep {
 public:
  ClockStep() {
    char path[] = "/tmp/event-faults-clock-XXXXXX";
    const int fd = mkstemp(path);
    path_ = path;
    if (fd < 0 || ftruncate(fd, sizeof(std::int64_t)) != 0) give_up("cannot write " + path_);
    void* mapped = mmap(nullptr, sizeof(std::int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped == MAP_FAILED) give_up("cannot map " + path_);
    seconds_ = static_cast<std::atomic<std::int64_t>*>(mapped);
  }
  ~ClockStep() {
    munmap(seconds_, sizeof(std::int64_t));
    unlink(path_.c_str());
  }
  ClockStep(const ClockStep&) = delete;
  ClockStep& operator=(const ClockStep&) = delete;
  void set(std::chrono::seconds step) { seconds_->store(step.count()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::atomic<std::int64_t>* seconds_;
};

class Campaign {
 public:
  explicit Campaign(const Options& options) : options_(options), random_(options.seed), replicas_(options.replicas) {
    std::erase_if(faults_, [&](const Fault& fault) { return fault.name.find(options.only) == std::string::npos; });
    if (faults_.empty()) give_up("no fault is called " + options.only);
    network_.run_and_wait([&] {
      for (Replica& replica : replicas_) {
        replica.to_database = std::make_unique<support::TcpProxy>(network_.loop(), static_cast<std::uint16_t>(database_.port));
        replica.to_handler = std::make_unique<support::TcpProxy>(network_.loop(), std::uint16_t{0});
      }
    });
    create_players();
    std::vector<std::uint16_t> ports;
    for (Replica& replica : replicas_) {
      start(replica);
      ports.push_back(replica.to_handler->port());
    }
    platform_ = std::make_unique<Platform>(loop_, ports, options.rate, options.seed);
  }
  ~Campaign() {
    for (Replica& replica : replicas_) replica.handler.reset();
    network_.run_and_wait([&] { replicas_.clear(); });
    unlink(config_.c_str());
    unlink(full_disk_.c_str());
    unlink(preloaded_.c_str());
  }

  int run() {
    platform_->run_for(500ms);
    std::vector<const Fault*> order;
    while (order.size() < options_.faults) {
      // Each kind once, then again in another order.
      std::vector<const Fault*> kinds;
      for (const Fault& fault : faults_) kinds.push_back(&fault);
      std::shuffle(kinds.begin(), kinds.end(), random_);
      order.insert(order.end(), kinds.begin(), kinds.end());
    }
    order.resize(options_.faults);
    const auto began = Clock::now();
    auto told = began;
    for (const Fault* fault : order) {
      if (ending != 0) break;
      fault->inject();
      ++injected_[fault->name];
      ++faults_injected_;
      come_back(fault->name);
      platform_->run_for(milliseconds(50, 300));
      if (Clock::now() - told < kToldEvery) continue;
      told = Clock::now();
      const double spent = std::chrono::duration<double>(told - began).count();
      fmt::print(stderr, "{} of {} faults after {:.0f} s, about {:.0f} s to go; {} events acknowledged\n", faults_injected_, order.size(),
                 spent, spent / faults_injected_ * static_cast<double>(order.size() - faults_injected_), platform_->acknowledged());
    }
    platform_->finish();
    return judge();
  }

 private:
  /// A handler process, and the network on both of its sides.
  struct Replica {
    std::unique_ptr<support::HandlerProcess> handler;
    std::unique_ptr<support::TcpProxy> to_database;
    std::unique_ptr<support::TcpProxy> to_handler;
    ClockStep clock;
  };
  Replica& any_replica() { return replicas_[random_() % replicas_.size()]; }

  struct Fault {
    std::string name;
    std::function<void()> inject;
  };

  std::chrono::milliseconds milliseconds(int least, int most) {
    return std::chrono::milliseconds(least + static_cast<int>(random_() % static_cast<unsigned>(most - least + 1)));
  }
  /// How long a fault lasts: `real` in the long form, else short.
  std::chrono::milliseconds lasting(std::chrono::milliseconds real) { return options_.as_long_as_real ? real : milliseconds(200, 600); }

  void create_players() {
    auto connection = postgres::BlockingConnection::connect(database_);
    if (!connection) give_up(connection.error().message);
    const auto done = connection->run(
        fmt::format("INSERT INTO user_goal_progress (user_id, goal_id, challenge_id, namespace) SELECT 'user-' || n, goal, 'c', 'test'"
                    " FROM generate_series(0, {}) AS n, unnest('{{value,count,logins}}'::text[]) AS goal",
                    kPlayers - 1));
    if (!done) give_up(done.error().message);
  }

  void start(Replica& replica) {
    postgres::ConnectionOptions through = database_;
    through.port = replica.to_database->port();
    replica.handler = std::make_unique<support::HandlerProcess>(support::HandlerStart{
        .program = GAUNTLET_HANDLER,
        .challenge_config = config_,
        .database = through,
        .grpc_port = 0,
        .environment = {{"FLUSH_WORKERS", "2"}, {"LD_PRELOAD", GAUNTLET_STEPPED_CLOCK}, {"STEPPED_CLOCK", replica.clock.path()}}});
    network_.run_and_wait([&] { replica.to_handler->set_target(replica.handler->port()); });
  }

  void on_network(const std::unique_ptr<support::TcpProxy>& proxy, const std::function<void(support::TcpProxy&)>& what) {
    network_.run_and_wait([&] { what(*proxy); });
  }
  void hold(const std::unique_ptr<support::TcpProxy>& proxy, std::chrono::milliseconds time) {
    on_network(proxy, [](support::TcpProxy& relay) { relay.hold(true); });
    platform_->run_for(time);
    on_network(proxy, [](support::TcpProxy& relay) { relay.hold(false); });
  }

  /// Every replica acknowledges events again.
  void come_back(const std::string& after) {
    const auto before = platform_->acknowledged_by();
    const auto until = Clock::now() + kComesBackWithin;
    for (std::size_t replica = 0; replica < before.size(); ++replica)
      while (platform_->acknowledged_by()[replica] < before[replica] + 20) {
        if (Clock::now() > until) give_up(fmt::format("replica {} acknowledges no event any more after: {}", replica, after));
        platform_->turn();
      }
  }

  int judge() {
    if (faults_injected_ == 0) give_up("ended before the first fault");
    int status = 0;
    for (Replica& replica : replicas_) status = std::max(status, replica.handler->stop());
    auto connection = postgres::BlockingConnection::connect(database_);
    if (!connection) give_up(connection.error().message);
    const auto rows = connection->run("SELECT user_id, goal_id, progress FROM user_goal_progress");
    if (!rows) give_up(rows.error().message);
    std::map<std::pair<std::string, std::string>, std::int64_t> progress;
    for (const auto& row : rows->rows) progress[{row[0], row[1]}] = std::atoll(row[2].c_str());
    std::int64_t lost = 0, doubled = 0, overwritten = 0;
    for (int player = 0; player < kPlayers; ++player) {
      const auto& expected = platform_->expected(player);
      const std::string user = fmt::format("user-{}", player);
      for (const auto& [goal, times] : {std::pair{"logins", expected.logins}, {"count", expected.statistics}}) {
        const std::int64_t found = progress[{user, goal}];
        lost += std::max<std::int64_t>(0, times - found);
        doubled += std::max<std::int64_t>(0, found - times);
      }
      if (expected.newest >= 0 && progress[{user, "value"}] != Platform::value_of(expected.newest)) ++overwritten;
    }
    for (const auto& [name, times] : injected_) fmt::print("{:>6} x {}\n", times, name);
    fmt::print("faults {}  events {}  deliveries {}  acknowledged {}  refused {}  unanswered {}\n", faults_injected_,
               platform_->generated(), platform_->deliveries(), platform_->acknowledged(), platform_->refused(), platform_->unanswered());
    fmt::print("lost = {}  doubled = {}  older value on top = {}  handlers' exit status = {}\n", lost, doubled, overwritten, status);
    if (lost == 0 && doubled == 0 && overwritten == 0 && status == 0) return 0;
    fmt::print("again: event-faults --faults {} --rate {} --replicas {} --seed {}{}{}\n", options_.faults, options_.rate, options_.replicas,
               options_.seed, options_.as_long_as_real ? " --long 1" : "",
               options_.only.empty() ? "" : fmt::format(" --only '{}'", options_.only));
    return 1;
  }

  const Options options_;
  std::mt19937 random_;
  const std::string config_ = write_config();
  const std::string full_disk_ = fmt::format("/tmp/event-faults-full-{}", getpid());  // while it exists (support/full_disk.cpp)
  const std::string preloaded_ = copied(GAUNTLET_FULL_DISK, full_disk_ + ".so");
  support::PrivatePostgres server_{{{"LD_PRELOAD", preloaded_}, {"GAUNTLET_FULL_DISK", full_disk_}}};
  const postgres::ConnectionOptions database_ = server_.migrated_database();
  base::LoopThread network_{"network"};  // relays while this thread waits for a start
  std::vector<Replica> replicas_;
  base::EventLoop loop_;
  std::unique_ptr<Platform> platform_;
  std::map<std::string, int> injected_;
  unsigned faults_injected_ = 0;

  std::vector<Fault> faults_{
      {"kill -9 of the handler",
       [this] {
         Replica& replica = any_replica();
         replica.handler->kill();
         platform_->run_for(milliseconds(10, 100));
         start(replica);
       }},
      {"stop of the handler by SIGTERM, and start",
       [this] {
         Replica& replica = any_replica();
         replica.handler->signal(SIGTERM);
         platform_->run_for(milliseconds(100, 300));  // it answers what is in flight
         if (const int status = replica.handler->stop(); status != 0) give_up(fmt::format("SIGTERM ended the handler with {}", status));
         start(replica);
       }},
      {"SIGSTOP of the handler",
       [this] {
         const Replica& replica = any_replica();
         replica.handler->signal(SIGSTOP);
         platform_->run_for(lasting(5s));
         replica.handler->signal(SIGCONT);
       }},
      {"kill -9 of PostgreSQL",
       [this] {
         server_.kill();
         platform_->run_for(milliseconds(10, 200));
         server_.start();
       }},
      {"immediate restart of PostgreSQL",
       [this] {
         server_.stop_immediately();
         platform_->run_for(milliseconds(10, 200));
         server_.start();
       }},
      {"sessions terminated by the administrator",
       [this] {
         auto connection = postgres::BlockingConnection::connect(server_.options());
         if (!connection ||
             !connection->run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'challenge-event-handler'"))
           give_up("cannot terminate sessions");
       }},
      {"cut of the connection to PostgreSQL",
       [this] { on_network(any_replica().to_database, [](support::TcpProxy& relay) { relay.cut(); }); }},
      {"stall of the connection to PostgreSQL", [this] { hold(any_replica().to_database, lasting(random_() % 4 == 0 ? 13s : 3s)); }},
      {"cut of the producer's connections",
       [this] { on_network(any_replica().to_handler, [](support::TcpProxy& relay) { relay.cut(); }); }},
      {"stall of the producer's connections", [this] { hold(any_replica().to_handler, lasting(3s)); }},
      {"table locked",
       [this] {
         auto connection = postgres::BlockingConnection::connect(database_);
         if (!connection || !connection->run("BEGIN; LOCK TABLE user_goal_progress")) give_up("cannot lock the table");
         platform_->run_for(lasting(random_() % 4 == 0 ? 13s : 10s));
         if (!connection->run("COMMIT")) give_up("cannot release the table");
       }},
      {"disk of PostgreSQL full",
       [this] {
         std::ofstream{full_disk_};
         platform_->run_for(lasting(random_() % 4 == 0 ? 15s : 5s));  // the longer one meets the end of a WAL segment: a crash
         unlink(full_disk_.c_str());
         if (!server_.is_running()) server_.start();
       }},
      {"step of a handler's clock",
       [this] {
         // Up to 45 minutes either way; the events are an hour old, so none comes to lie in the future, where its time
         // would be taken for that of its arrival.
         Replica& replica = any_replica();
         const auto by = std::chrono::seconds(static_cast<int>(random_() % 5401) - 2700);
         replica.clock.set(by);
         platform_->run_for(lasting(3s));
         if (random_() % 2 == 0) replica.clock.set(0s);
       }},
      {"statements cancelled",
       [this] {
         auto connection = postgres::BlockingConnection::connect(server_.options());
         for (int i = 0; i < 20; ++i) {
           if (!connection || !connection->run("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = "
                                               "'challenge-event-handler' AND state = 'active'"))
             give_up("cannot cancel statements");
           platform_->run_for(5ms);
         }
       }},
  };
};

Options read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (i + 1 == argc) give_up(name + " needs a value");
    if (name == "--only") {
      options.only = argv[i + 1];
      continue;
    }
    const auto value = static_cast<unsigned>(std::strtoul(argv[i + 1], nullptr, 10));
    if (name == "--faults") options.faults = value;
    else if (name == "--rate") options.rate = value;
    else if (name == "--replicas") options.replicas = std::max(1u, value);
    else if (name == "--seed") options.seed = value;
    else if (name == "--long") options.as_long_as_real = value != 0;
    else give_up("unknown option " + name + "; there are --faults N, --rate N, --replicas N, --seed S, --long 1 and --only NAME");
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  end_early_on(SIGINT);
  end_early_on(SIGTERM);
  try {
    return Campaign(read_options(argc, argv)).run();
  } catch (const GivenUp& given_up) {
    fmt::print(stderr, "event-faults: {}\n", given_up.why);
    return 1;
  }
}
