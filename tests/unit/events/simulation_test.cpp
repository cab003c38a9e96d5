// Writers in a world made from one seed: virtual time, one to three replicas on one database, connections that delay,
// fail before or after the commit, answer late and in any order, refuse poisoned events and go away, and a platform
// that redelivers to any replica everything that is not acknowledged and some that is. What must hold in every world:
// what is acknowledged is committed by then, nothing counts twice, everything is answered exactly once, no bound is
// exceeded.
//   GAUNTLET_SIMULATION_SEEDS=N   how many worlds (default 100,000; 1,000 under a sanitizer)
//   GAUNTLET_SIMULATION_SEED=S    replay one
//   GAUNTLET_SIMULATION_DEFECT=answers_before_commit|forgets_ids   break the store: the test must fail
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "events/writer.hpp"

namespace gauntlet::events {
namespace {

using namespace std::chrono_literals;
using base::ErrorKind;
using Clock = Timing::Clock;

/// Defects that can be switched on, to show that the checks see them.
enum class Defect { none, answers_before_commit, forgets_ids };

/// Virtual time: tasks by due time, then by the order in which they were left.
class World {
 public:
  explicit World(unsigned seed) : random(seed) {}
  void after(std::chrono::nanoseconds delay, std::function<void()> task) {
    tasks_.push_back({now + delay, next_++, std::move(task)});
    std::push_heap(tasks_.begin(), tasks_.end(), std::greater<>());
  }
  bool step() {
    if (tasks_.empty()) return false;
    std::pop_heap(tasks_.begin(), tasks_.end(), std::greater<>());
    const Task task = std::move(tasks_.back());
    tasks_.pop_back();
    now = task.due;
    task.run();
    return true;
  }
  unsigned pick(unsigned n) { return static_cast<unsigned>(random() % n); }
  bool chance(unsigned percent) { return pick(100) < percent; }

  std::mt19937 random;
  Clock::time_point now{};

 private:
  struct Task {
    Clock::time_point due;
    std::uint64_t number;
    std::function<void()> run;
    bool operator>(const Task& other) const { return due != other.due ? due > other.due : number > other.number; }
  };
  std::vector<Task> tasks_;  // a heap, the next one first
  std::uint64_t next_ = 0;
};

int number_of(const Event& event) { return static_cast<int>(event.value); }

/// What is committed, for all replicas.
class Database {
 public:
  Database(std::size_t events, Defect defect) : applied(events), poison(events), buried(events), ids_(events), defect_(defect) {}
  std::vector<int> applied;  // committed effects by event number
  std::vector<bool> poison;
  std::vector<bool> buried;  // kept as dead letters

  void commit(const std::vector<int>& numbers) {
    for (const int number : numbers) {
      const auto index = static_cast<std::size_t>(number);
      if (defect_ != Defect::forgets_ids && ids_[index]) continue;
      ids_[index] = true;
      ++applied[index];
    }
  }
  Defect defect() const { return defect_; }

 private:
  std::vector<bool> ids_;
  const Defect defect_;
};

/// One replica's connection to it.
class SimulatedStore final : public ProgressStore {
 public:
  SimulatedStore(World& world, Database& database, unsigned trouble_percent)
      : world_(world), database_(database), trouble_(trouble_percent) {}
  std::function<void()> on_lost;
  std::function<void()> on_back;
  bool overlapped = false;

  bool is_available() const override { return available_; }

  void bury(const Event& event, const base::Error&, Buried done) override {
    overlapped |= busy_;
    busy_ = true;
    world_.after(delay(), [this, done = std::move(done), number = number_of(event)] {
      busy_ = false;
      if (!available_ || world_.chance(trouble_)) return done(base::fail(ErrorKind::unavailable, "simulated"));
      database_.buried[static_cast<std::size_t>(number)] = true;
      done({});
    });
  }

  void write(std::span<const Event> events, Done done) override {
    overlapped |= busy_;
    busy_ = true;
    std::vector<int> numbers;
    bool poisoned = false;
    for (const Event& event : events) {
      numbers.push_back(number_of(event));
      poisoned = poisoned || database_.poison[static_cast<std::size_t>(number_of(event))];
    }
    if (!available_) return fail_later(ErrorKind::unavailable, std::move(done));
    if (poisoned) return fail_later(ErrorKind::invalid_argument, std::move(done));
    if (world_.chance(trouble_)) {
      switch (world_.pick(5)) {
        case 0: return fail_later(ErrorKind::aborted, std::move(done));
        case 1: return fail_later(ErrorKind::internal, std::move(done));
        case 2: return fail_later(ErrorKind::deadline_exceeded, std::move(done));
        case 3:  // lost before the commit
          return lose({}, std::move(done));
        default:  // lost after the commit, before its answer
          return lose(std::move(numbers), std::move(done));
      }
    }
    const Written written{.rows = static_cast<std::int64_t>(numbers.size()), .redelivered = 0};
    const auto to_commit = delay();
    if (database_.defect() == Defect::answers_before_commit) {
      world_.after(to_commit / 2, [this, written, done = std::move(done)] {
        busy_ = false;
        done(written);
      });
      // The commit comes later, or never when the connection goes away first.
      world_.after(to_commit, [this, numbers = std::move(numbers), generation = generation_] {
        if (generation == generation_) database_.commit(numbers);
      });
      return;
    }
    world_.after(to_commit, [this, written, numbers = std::move(numbers), done = std::move(done)]() mutable {
      database_.commit(numbers);
      // Others may commit and hear of it before we do.
      world_.after(world_.chance(30) ? delay() : std::chrono::microseconds(0), [this, written, done = std::move(done)] {
        busy_ = false;
        done(written);
      });
    });
  }

 private:
  std::chrono::microseconds delay() { return std::chrono::microseconds(100 + world_.pick(5000)); }
  void fail_later(ErrorKind kind, Done done) {
    world_.after(delay(), [this, kind, done = std::move(done)] {
      busy_ = false;
      done(base::fail(kind, "simulated"));
    });
  }
  void lose(std::vector<int> committed, Done done) {
    world_.after(delay(), [this, committed = std::move(committed), done = std::move(done)] {
      database_.commit(committed);
      available_ = false;
      ++generation_;
      busy_ = false;
      done(base::fail(ErrorKind::unavailable, "simulated"));
      on_lost();
      world_.after(std::chrono::milliseconds(world_.pick(300)), [this] {
        available_ = true;
        on_back();
      });
    });
  }

  World& world_;
  Database& database_;
  const unsigned trouble_;
  bool available_ = true;
  bool busy_ = false;
  int generation_ = 0;
};

/// A writer with its connection.
struct SimulatedReplica {
  SimulatedReplica(World& world, Database& database, unsigned trouble_percent, const WriterLimits& limits, Writer::Observer observer)
      : store(world, database, trouble_percent),
        writer(store,
               {.now = [&world] { return world.now; },
                .after = [&world](std::chrono::nanoseconds delay, std::function<void()> task) { world.after(delay, std::move(task)); }},
               limits, std::move(observer)) {
    store.on_lost = [this] { writer.store_lost({ErrorKind::unavailable, "simulated"}); };
    store.on_back = [this] { writer.store_back(); };
  }
  SimulatedStore store;
  Writer writer;
};

/// Runs one world to its end; answers what was wrong with it, or nothing.
std::optional<std::string> violation(unsigned seed, Defect defect) {
  World world(seed);
  const unsigned trouble = world.pick(3) == 0 ? 0 : world.pick(40);
  const bool buffered = world.chance(15);
  WriterLimits limits;
  limits.max_batch = 1 + world.pick(20);
  limits.max_waiting = limits.max_batch + world.pick(40);
  limits.max_attempts = 1 + static_cast<int>(world.pick(4));
  if (buffered) limits.buffer_for = std::chrono::milliseconds(1 + world.pick(50));
  const std::size_t events = 20 + world.pick(150);
  Database database(events, defect);
  for (std::size_t i = 0; i < events; ++i)
    if (world.chance(2)) database.poison[i] = true;

  std::vector<bool> poisoned(events), acknowledged(events);
  std::vector<std::unique_ptr<SimulatedReplica>> replicas;
  const unsigned replica_count = 1 + world.pick(3);
  for (unsigned i = 0; i < replica_count; ++i)
    replicas.push_back(std::make_unique<SimulatedReplica>(
        world, database, trouble, limits,
        Writer::Observer{.on_flush = {}, .on_failed_flush = {}, .on_poison = [&](const Event& event, const base::Error&) {
                           poisoned[static_cast<std::size_t>(number_of(event))] = true;
                         }}));

  std::optional<std::string> wrong;
  const auto complain = [&](const std::string& what) {
    if (!wrong) wrong = what;
  };
  int open_calls = 0;
  std::function<void(std::size_t)> deliver = [&](std::size_t number) {
    Event event;
    event.user_id = "user-" + std::to_string(number % 7);
    event.value = static_cast<double>(number);
    ++open_calls;
    Writer& writer = replicas[world.pick(replica_count)]->writer;
    writer.submit(std::move(event), [&, number, answers = 0](const base::Expected<void>& outcome) mutable {
      if (++answers > 1) complain("event " + std::to_string(number) + " was answered twice");
      --open_calls;
      if (!outcome) {
        world.after(std::chrono::microseconds(world.pick(20'000)), [&deliver, number] { deliver(number); });
        return;
      }
      acknowledged[number] = true;
      if (!buffered && !(database.poison[number] ? database.buried[number] : database.applied[number] > 0))
        complain("event " + std::to_string(number) + " was acknowledged before its commit");
      if (world.chance(5)) world.after(std::chrono::microseconds(world.pick(20'000)), [&deliver, number] { deliver(number); });
    });
    if (writer.waiting() > limits.max_waiting) complain("more events wait than the bound allows");
  };
  for (std::size_t i = 0; i < events; ++i) world.after(std::chrono::microseconds(world.pick(30'000)), [&deliver, i] { deliver(i); });

  unsigned drained = 0;
  int steps = 0;
  while (!wrong && world.step())
    if (++steps > 5'000'000) complain("the world does not come to rest");
  for (const auto& replica : replicas) replica->writer.drain([&] { ++drained; });
  while (!wrong && world.step())
    if (++steps > 10'000'000) complain("the drain does not come to rest");
  if (wrong) return wrong;
  if (open_calls != 0) return std::to_string(open_calls) + " calls were never answered";
  for (const auto& replica : replicas) {
    if (replica->writer.waiting() != 0) return "the drain left " + std::to_string(replica->writer.waiting()) + " events";
    if (replica->store.overlapped) return "two writes of one writer were in flight at once";
  }
  if (drained != replica_count) return "a drain did not end";
  if (std::find(acknowledged.begin(), acknowledged.end(), false) != acknowledged.end()) return "not every event was acknowledged";
  for (std::size_t i = 0; i < events; ++i)
    if (database.applied[i] != (database.poison[i] ? 0 : 1))
      return "event " + std::to_string(i) + " took effect " + std::to_string(database.applied[i]) + " times";
  if (poisoned != database.poison || database.buried != database.poison) return "poisoned events were not all isolated and kept";
  return std::nullopt;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr unsigned kWorlds = 1'000;
#else
constexpr unsigned kWorlds = 100'000;
#endif

/// The first of the worlds 1 to `last` in which something is wrong, and what.
std::optional<std::pair<unsigned, std::string>> first_violation(unsigned last, Defect defect) {
  std::optional<std::pair<unsigned, std::string>> found;
  std::mutex guards_found;
  std::atomic<unsigned> next = 1, end = last;
  const auto work = [&] {
    for (unsigned seed = next++; seed <= end; seed = next++)
      if (auto wrong = violation(seed, defect)) {
        const std::lock_guard lock(guards_found);
        if (!found || seed < found->first) found = {seed, std::move(*wrong)};
        end = found->first;
      }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  return found;
}

unsigned setting(const char* name, unsigned fallback) {
  const char* text = std::getenv(name);
  return text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : fallback;
}

Defect defect_asked_for() {
  const char* text = std::getenv("GAUNTLET_SIMULATION_DEFECT");
  const std::string_view name = text == nullptr ? "" : text;
  return name == "answers_before_commit" ? Defect::answers_before_commit : name == "forgets_ids" ? Defect::forgets_ids : Defect::none;
}

TEST(Simulation, acknowledged_is_committed_and_counts_once_in_every_world) {
  if (std::getenv("GAUNTLET_SIMULATION_SEED") != nullptr) {
    const auto wrong = violation(setting("GAUNTLET_SIMULATION_SEED", 0), defect_asked_for());
    EXPECT_FALSE(wrong) << *wrong;
    return;
  }
  const unsigned worlds = setting("GAUNTLET_SIMULATION_SEEDS", kWorlds);
  const auto began = Clock::now();
  const auto found = first_violation(worlds, defect_asked_for());
  ASSERT_FALSE(found) << found->second << "\nreplay: GAUNTLET_SIMULATION_SEED=" << found->first
                      << " unit_events --gtest_filter=Simulation.acknowledged_is_committed_and_counts_once_in_every_world";
  std::printf("simulation: %u worlds, %.0f a second\n", worlds, worlds / std::chrono::duration<double>(Clock::now() - began).count());
}

/// This program with settings of its own; what it printed, and whether it passed.
std::pair<std::string, bool> run_simulation(const std::string& settings) {
  const std::string command = settings + " '" + std::filesystem::read_symlink("/proc/self/exe").string() +
                              "' --gtest_filter=Simulation.acknowledged_is_committed_and_counts_once_in_every_world 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  std::string said;
  char block[4096];
  while (const std::size_t count = std::fread(block, 1, sizeof block, pipe)) said.append(block, count);
  return {said, pclose(pipe) == 0};
}

/// Switched on as a person would: the suite must go red, and the replay it prints must, too.
TEST(Simulation, goes_red_with_each_defect_and_prints_a_replay_that_is_red_too) {
  for (const std::string defect : {"answers_before_commit", "forgets_ids"}) {
    const std::string broken = "GAUNTLET_SIMULATION_DEFECT=" + defect;
    const auto [said, passed] = run_simulation(broken + " GAUNTLET_SIMULATION_SEEDS=200");
    EXPECT_FALSE(passed) << defect << ":\n" << said;
    const std::size_t replay = said.find("GAUNTLET_SIMULATION_SEED=");
    ASSERT_NE(replay, std::string::npos) << said;
    const std::string seed = said.substr(replay, said.find(' ', replay) - replay);
    EXPECT_FALSE(run_simulation(broken + " " + seed).second) << defect << ", " << seed;
    EXPECT_TRUE(run_simulation(seed).second) << seed << " without " << defect;
  }
}

}  // namespace
}  // namespace gauntlet::events
