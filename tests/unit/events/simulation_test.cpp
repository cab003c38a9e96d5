// The writer in a world made from one seed: virtual time, a store that delays, fails before or after it commits, refuses
// poisoned events and goes away, and a platform that redelivers everything that is not acknowledged and some that is.
// What must hold in every world: what is acknowledged is committed by then, nothing counts twice, everything is answered
// exactly once, no bound is exceeded.
//   GAUNTLET_SIMULATION_SEEDS=N   how many worlds (default 5000)
//   GAUNTLET_SIMULATION_SEED=S    replay one
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <random>
#include <set>
#include <string>
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
  void after(std::chrono::nanoseconds delay, std::function<void()> task) { tasks_.push({now + delay, next_++, std::move(task)}); }
  bool step() {
    if (tasks_.empty()) return false;
    const Task task = tasks_.top();
    tasks_.pop();
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
  std::priority_queue<Task, std::vector<Task>, std::greater<>> tasks_;
  std::uint64_t next_ = 0;
};

int number_of(const Event& event) { return static_cast<int>(event.value); }

class SimulatedStore final : public ProgressStore {
 public:
  SimulatedStore(World& world, Defect defect, unsigned trouble_percent) : world_(world), defect_(defect), trouble_(trouble_percent) {}
  std::function<void()> on_lost;
  std::function<void()> on_back;
  std::map<int, int> applied;  // committed effects by event number
  std::set<int> poison;
  std::set<int> buried;  // kept as dead letters
  bool overlapped = false;

  bool is_available() const override { return available_; }

  void bury(const Event& event, const base::Error&, Buried done) override {
    overlapped |= busy_;
    busy_ = true;
    world_.after(std::chrono::microseconds(100 + world_.pick(5000)), [this, done, number = number_of(event)] {
      busy_ = false;
      if (!available_ || world_.chance(trouble_)) return done(base::fail(ErrorKind::unavailable, "simulated"));
      buried.insert(number);
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
      poisoned |= poison.contains(number_of(event));
    }
    const auto delay = std::chrono::microseconds(100 + world_.pick(5000));
    if (!available_) return fail_later(delay, ErrorKind::unavailable, done);
    if (poisoned) return fail_later(delay, ErrorKind::invalid_argument, done);
    if (world_.chance(trouble_)) {
      switch (world_.pick(5)) {
        case 0: return fail_later(delay, ErrorKind::aborted, done);
        case 1: return fail_later(delay, ErrorKind::internal, done);
        case 2: return fail_later(delay, ErrorKind::deadline_exceeded, done);
        case 3:  // lost before the commit
          return lose(delay, {}, done);
        default:  // lost after the commit, before its answer
          return lose(delay, numbers, done);
      }
    }
    if (defect_ == Defect::answers_before_commit) {
      // The commit comes later, or never when the store goes away first.
      world_.after(delay / 2, [this, done] {
        busy_ = false;
        done(Written{});
      });
      const int generation = generation_;
      world_.after(delay, [this, numbers, generation] {
        if (generation == generation_) commit(numbers);
      });
      return;
    }
    world_.after(delay, [this, numbers, done] {
      commit(numbers);
      busy_ = false;
      done(Written{.rows = static_cast<std::int64_t>(numbers.size()), .redelivered = 0});
    });
  }

 private:
  void commit(const std::vector<int>& numbers) {
    for (const int number : numbers)
      if (defect_ == Defect::forgets_ids || ids_.insert(number).second) ++applied[number];
  }
  void fail_later(std::chrono::nanoseconds delay, ErrorKind kind, Done done) {
    world_.after(delay, [this, kind, done] {
      busy_ = false;
      done(base::fail(kind, "simulated"));
    });
  }
  void lose(std::chrono::nanoseconds delay, std::vector<int> numbers, Done done) {
    world_.after(delay, [this, numbers = std::move(numbers), done] {
      commit(numbers);
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
  const Defect defect_;
  const unsigned trouble_;
  bool available_ = true;
  bool busy_ = false;
  int generation_ = 0;
  std::set<int> ids_;
};

/// Runs one world to its end; answers what was wrong with it, or nothing.
std::optional<std::string> violation(unsigned seed, Defect defect) {
  World world(seed);
  SimulatedStore store(world, defect, world.pick(3) == 0 ? 0 : world.pick(40));
  const bool buffered = world.chance(15);
  WriterLimits limits;
  limits.max_batch = 1 + world.pick(20);
  limits.max_waiting = limits.max_batch + world.pick(40);
  limits.max_attempts = 1 + static_cast<int>(world.pick(4));
  if (buffered) limits.buffer_for = std::chrono::milliseconds(1 + world.pick(50));
  const int events = 20 + static_cast<int>(world.pick(150));
  for (int i = 0; i < events; ++i)
    if (world.chance(2)) store.poison.insert(i);

  std::set<int> poisoned;
  Writer writer(store, {.now = [&] { return world.now; }, .after = [&](std::chrono::nanoseconds delay, std::function<void()> task) { world.after(delay, std::move(task)); }},
                limits,
                {.on_flush = {}, .on_failed_flush = {}, .on_poison = [&](const Event& event, const base::Error&) { poisoned.insert(number_of(event)); }});
  store.on_lost = [&] { writer.store_lost({ErrorKind::unavailable, "simulated"}); };
  store.on_back = [&] { writer.store_back(); };

  std::optional<std::string> wrong;
  const auto complain = [&](const std::string& what) {
    if (!wrong) wrong = what;
  };
  int open_calls = 0;
  std::set<int> acknowledged;
  std::function<void(int)> deliver = [&](int number) {
    Event event;
    event.user_id = "user-" + std::to_string(number % 7);
    event.value = number;
    ++open_calls;
    const auto answers = std::make_shared<int>(0);
    writer.submit(std::move(event), [&, number, answers](const base::Expected<void>& outcome) {
      if (++*answers > 1) complain("event " + std::to_string(number) + " was answered twice");
      --open_calls;
      if (!outcome) {
        world.after(std::chrono::microseconds(world.pick(20'000)), [&deliver, number] { deliver(number); });
        return;
      }
      acknowledged.insert(number);
      if (!buffered && !(store.poison.contains(number) ? store.buried.contains(number) : store.applied.contains(number)))
        complain("event " + std::to_string(number) + " was acknowledged before its commit");
      if (world.chance(5)) world.after(std::chrono::microseconds(world.pick(20'000)), [&deliver, number] { deliver(number); });
    });
    if (writer.waiting() > limits.max_waiting) complain("more events wait than the bound allows");
  };
  for (int i = 0; i < events; ++i) world.after(std::chrono::microseconds(world.pick(30'000)), [&deliver, i] { deliver(i); });

  bool drained = false;
  int steps = 0;
  while (world.step() && !wrong)
    if (++steps > 5'000'000) complain("the world does not come to rest");
  writer.drain([&] { drained = true; });
  while (world.step() && !wrong)
    if (++steps > 10'000'000) complain("the drain does not come to rest");
  if (wrong) return wrong;
  if (open_calls != 0) return std::to_string(open_calls) + " calls were never answered";
  if (!drained || writer.waiting() != 0) return "the drain left " + std::to_string(writer.waiting()) + " events";
  if (store.overlapped) return "two writes were in flight at once";
  if (acknowledged.size() != static_cast<std::size_t>(events)) return "not every event was acknowledged";
  for (int i = 0; i < events; ++i) {
    const int times = store.applied.contains(i) ? store.applied.at(i) : 0;
    const int expected = store.poison.contains(i) ? 0 : 1;
    if (times != expected) return "event " + std::to_string(i) + " took effect " + std::to_string(times) + " times";
  }
  if (poisoned != store.poison || store.buried != store.poison) return "poisoned events were not all isolated and kept";
  return std::nullopt;
}

unsigned setting(const char* name, unsigned fallback) {
  const char* text = std::getenv(name);
  return text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : fallback;
}

TEST(Simulation, acknowledged_is_committed_and_counts_once_in_every_world) {
  if (std::getenv("GAUNTLET_SIMULATION_SEED") != nullptr) {
    const auto wrong = violation(setting("GAUNTLET_SIMULATION_SEED", 0), Defect::none);
    EXPECT_FALSE(wrong) << *wrong;
    return;
  }
  const unsigned seeds = setting("GAUNTLET_SIMULATION_SEEDS", 5000);
  for (unsigned seed = 1; seed <= seeds; ++seed) {
    const auto wrong = violation(seed, Defect::none);
    ASSERT_FALSE(wrong) << *wrong << "\nreplay: GAUNTLET_SIMULATION_SEED=" << seed
                        << " unit_events --gtest_filter=Simulation.acknowledged_is_committed_and_counts_once_in_every_world";
  }
}

TEST(Simulation, sees_a_store_that_answers_before_its_commit) {
  bool seen = false;
  for (unsigned seed = 1; seed <= 200 && !seen; ++seed) seen = violation(seed, Defect::answers_before_commit).has_value();
  EXPECT_TRUE(seen);
}

TEST(Simulation, sees_a_store_that_forgets_event_ids) {
  bool seen = false;
  for (unsigned seed = 1; seed <= 200 && !seen; ++seed) seen = violation(seed, Defect::forgets_ids).has_value();
  EXPECT_TRUE(seen);
}

}  // namespace
}  // namespace gauntlet::events
