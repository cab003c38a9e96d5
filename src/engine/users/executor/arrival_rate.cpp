#include "engine/users/executor/arrival_rate.hpp"

#include <fmt/format.h>

#include <atomic>
#include <variant>

#include "base/duration.hpp"
#include "engine/plan/schedule.hpp"

namespace gauntlet::engine::users {
namespace {

/// Either schedule; indices count what this process starts of it.
class Arrivals {
 public:
  explicit Arrivals(const plan::Scenario& config) : schedule_(make(config)), stripe_(config.iteration_stripe) {}
  std::optional<plan::Nanoseconds> due(std::uint64_t index) const {
    return std::visit([&](const auto& schedule) { return schedule.due(stripe_.global(index)); }, schedule_);
  }
  /// How many of the indices first, first + step, first + 2 * step... are due at `latest` or before.
  std::uint64_t count_due(std::uint64_t first, std::uint64_t step, plan::Nanoseconds latest) const {
    const auto is_due = [&](std::uint64_t nth) {
      const auto at = due(first + nth * step);
      return at && *at <= latest;
    };
    if (!is_due(0)) return 0;
    std::uint64_t low = 0, high = 1;  // due, and perhaps not
    while (is_due(high)) low = high, high *= 2;
    while (high - low > 1) {
      const std::uint64_t middle = low + (high - low) / 2;
      (is_due(middle) ? low : high) = middle;
    }
    return high;
  }

 private:
  using Schedule = std::variant<plan::ConstantArrivals, plan::RampingArrivals>;
  static Schedule make(const plan::Scenario& config) {
    if (config.executor == plan::ExecutorKind::constant_arrival_rate) {
      return plan::ConstantArrivals(config.rate, config.time_unit, config.duration);
    }
    return plan::RampingArrivals(config.start_rate, config.stages, config.time_unit);
  }
  Schedule schedule_;
  plan::Stripe stripe_;
};

class ArrivalRate;

/// A thread's share: every n-th start of the schedule, and the scenario's virtual users on that thread. What is overdue
/// in one lane, whose thread is busy or was taken from its core, the lane before it starts. All on the worker's thread,
/// but for claim() and try_reserve().
class Lane {
 public:
  Lane(ArrivalRate& executor, Worker& worker, std::size_t stripe, std::size_t stripes)
      : executor_(executor), worker_(worker), next_index_(stripe), stripes_(stripes) {}

  Worker& worker() const { return worker_; }
  void add(PooledVu* vu);
  void begin() { arm(); }
  /// Starts what is due by now, and nothing after it.
  void close();
  /// Starts nothing any more.
  void cut_short();
  /// Ends what runs. The lane is closed.
  void interrupt();
  /// The virtual users leave the scenario, each as soon as its teardownVU() is over.
  void release();

  /// Any thread: true when a virtual user was free and is now the caller's to start by run() on this lane's thread.
  bool try_reserve() {
    std::int64_t free = free_count_.load(std::memory_order_relaxed);
    while (free > 0) {
      if (free_count_.compare_exchange_weak(free, free - 1)) return true;
    }
    return false;
  }
  void run(std::uint64_t index, Clock::time_point due);

 private:
  /// For what is due when the schedule ends. Who is later than this has more to start than its thread can.
  static constexpr std::chrono::milliseconds kLastRound{100};
  /// Later than this, another lane may start it.
  static constexpr std::chrono::milliseconds kOverdue{1};
  struct Start {
    std::uint64_t index;
    Clock::time_point due;
  };
  /// Any thread: the next start of this lane, which is not taken by that; nothing when the schedule has ended.
  std::optional<Start> next() const;
  /// Any thread: takes the next start of this lane when it was due at `latest` or before.
  std::optional<Start> claim(Clock::time_point latest);
  void arm();
  enum class Haste { in_turns, all_at_once };
  void start_due(Haste haste);
  /// False: there was nobody to start it, and it is dropped.
  bool dispatch(const Start& start);
  /// Drops all of this lane that was due at `latest` or before, at the cost of one: a rate may be more than can be counted up to.
  void drop_due(Clock::time_point latest);
  void record_dropped(std::uint64_t count);

  ArrivalRate& executor_;
  Worker& worker_;
  std::atomic<std::uint64_t> next_index_;
  const std::size_t stripes_;
  bool closed_ = false;
  base::EventLoop::TimerId timer_ = 0;
  std::vector<Vu*> all_;
  // The one that was freed last goes first: its heap is still in the cache. Never fewer than free_count_ says.
  std::vector<Vu*> free_;
  std::atomic<std::int64_t> free_count_{0};
};

class ArrivalRate final : public Executor {
 public:
  ArrivalRate(ExecutorContext& context, ScenarioRun& scenario) : Executor(context, scenario), arrivals_(scenario.config) {
    for (std::size_t i = 0; i < context.workers.size(); ++i) {
      lanes_.push_back(std::make_unique<Lane>(*this, *context.workers[i], i, context.workers.size()));
    }
  }

  // For lanes, on their threads.

  const Arrivals& arrivals() const { return arrivals_; }
  ScenarioRun& run_state() { return scenario_; }
  TestState& test() { return context_.test; }
  Clock::time_point start_of_schedule() const { return scenario_.started; }

  /// The one whose overdue starts `lane` takes; itself when it is alone.
  Lane& neighbour(const Lane& lane) { return *lanes_[(lane.worker().index() + 1) % lanes_.size()]; }
  /// Another lane with a free virtual user, reserved; nullptr when there is none.
  Lane* reserve_elsewhere(const Lane* asking) {
    for (auto& lane : lanes_) {
      if (lane.get() != asking && lane->try_reserve()) return lane.get();
    }
    return nullptr;
  }
  void count_begun() { running_.fetch_add(1); }
  void count_ended() {
    if (running_.fetch_sub(1) == 1 && closed_lanes_ == lanes_.size()) context_.control.post([this] { finish_if_done(); });
  }
  void count_closed() {
    if (closed_lanes_.fetch_add(1) + 1 == lanes_.size()) context_.control.post([this] { finish_if_done(); });
  }
  void count_left() {
    if (left_.fetch_add(1) + 1 == vus_.size()) context_.control.post([this] { give_all_back(); });
  }
  void count_dropped() {
    if (!wants_more_.exchange(true)) context_.control.post([this] { grow(); });
  }

 private:
  void begin() override {
    for (std::int64_t i = 0; i < planned_vus(scenario_.config); ++i) {
      PooledVu* vu = context_.pool.take();
      if (vu == nullptr) break;  // VuPool has what peak_vus() says
      hand_to_lane(vu);
    }
    for (auto& lane : lanes_) lane->worker().post([lane = lane.get()] { lane->begin(); });
    const plan::Nanoseconds duration = regular_duration(scenario_.config);
    at(duration, [this] { end_regularly(); });
    at(duration + scenario_.config.graceful_stop.value, [this] { interrupt_all(); });
  }

  void hand_to_lane(PooledVu* vu) {
    vus_.push_back(vu);
    Lane* lane = lanes_[vu->worker->index()].get();
    vu->worker->post([lane, vu] { lane->add(vu); });
  }

  /// One more virtual user at a time, as k6 does.
  void grow() {
    const std::int64_t most = max_vus(scenario_.config);
    if (ending_) return;
    if (static_cast<std::int64_t>(vus_.size()) >= most) {
      if (!warned_) {
        context_.test.log.write(LogLevel::warning, fmt::format("Insufficient VUs, reached {} active VUs and cannot initialize more", most),
                                {{"executor", name_of(scenario_.config.executor)}, {"scenario", scenario_.config.name}});
      }
      warned_ = true;  // wants_more_ stays set: nobody asks again
      return;
    }
    growing_ = true;
    context_.pool.initialize_one([this](PooledVu* vu) {
      growing_ = false;
      if (vu != nullptr && ending_) {
        context_.pool.give_back(vu);
      } else if (vu != nullptr) {
        hand_to_lane(vu);
      }
      wants_more_ = false;
      finish_if_done();
    });
  }

  void end_regularly() { end(&Lane::close); }

  void end(void (Lane::*close)()) {
    if (ending_) return;
    ending_ = true;
    set_stopping();
    for (auto& lane : lanes_) lane->worker().post([lane = lane.get(), close] { (lane->*close)(); });
  }

  void interrupt_all() {
    set_interrupted();
    for (auto& lane : lanes_) lane->worker().post([lane = lane.get()] { lane->interrupt(); });
  }

  void cut_short() override {
    end(&Lane::cut_short);
    interrupt_all();
  }

  void finish_if_done() {
    if (is_leaving_ || growing_ || closed_lanes_ != lanes_.size() || running_ != 0) return;
    is_leaving_ = true;
    if (vus_.empty()) return finish();
    for (auto& lane : lanes_) lane->worker().post([lane = lane.get()] { lane->release(); });
  }

  void give_all_back() {
    for (PooledVu* vu : vus_) context_.pool.give_back(vu);
    finish();
  }

  void describe_progress(results::ScenarioProgress& progress, Clock::time_point now) const override {
    const plan::Scenario& config = scenario_.config;
    // In starts of this process.
    const double unit_s = base::seconds_of(config.time_unit.value) / config.iteration_stripe.share();
    progress.vus = std::max<std::int64_t>(planned_vus(config), static_cast<std::int64_t>(vus_.size()));
    if (config.executor == plan::ExecutorKind::constant_arrival_rate) {
      progress.rate = progress.max_rate = static_cast<double>(config.rate.value) / unit_s;
      return;
    }
    const plan::RampingArrivals ramp(config.start_rate, config.stages, config.time_unit);
    if (is_started()) {
      progress.rate =
          config.iteration_stripe.share() * ramp.rate_at(std::min<plan::Nanoseconds>(now - scenario_.started, regular_duration(config)));
    }
    for (const plan::Stage& stage : config.stages.value) {
      progress.max_rate = std::max(progress.max_rate, static_cast<double>(stage.target) / unit_s);
    }
  }

  const Arrivals arrivals_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<PooledVu*> vus_;
  std::atomic<std::int64_t> running_{0};
  std::atomic<std::size_t> closed_lanes_{0};
  std::atomic<std::size_t> left_{0};  // virtual users
  std::atomic<bool> wants_more_{false};
  bool ending_ = false;
  bool is_leaving_ = false;
  bool growing_ = false;
  bool warned_ = false;
};

void Lane::add(PooledVu* pooled) {
  Vu* vu = pooled->vu.get();
  vu->post([this, vu] { vu->enter_scenario(executor_.run_state()); });
  all_.push_back(vu);
  free_.push_back(vu);
  free_count_.fetch_add(1);
}

std::optional<Lane::Start> Lane::next() const {
  const std::uint64_t index = next_index_.load();
  const auto due = executor_.arrivals().due(index);
  if (!due) return std::nullopt;
  return Start{index, executor_.start_of_schedule() + *due};
}

std::optional<Lane::Start> Lane::claim(Clock::time_point latest) {
  for (;;) {
    const auto start = next();
    if (!start || start->due > latest) return std::nullopt;
    std::uint64_t index = start->index;
    if (next_index_.compare_exchange_strong(index, index + stripes_)) return start;
  }
}

void Lane::arm() {
  if (closed_) return;
  std::optional<Clock::time_point> at;
  if (const auto own = next()) at = own->due;
  Lane& neighbour = executor_.neighbour(*this);
  if (&neighbour != this) {
    if (const auto other = neighbour.next(); other && (!at || other->due + kOverdue < *at)) at = other->due + kOverdue;
  }
  if (at) timer_ = worker_.loop().call_at(*at, [this] { start_due(Haste::in_turns); });
}

void Lane::start_due(Haste haste) {
  const auto round = haste == Haste::in_turns ? worker_.loop().now() : Clock::now();
  Lane& neighbour = executor_.neighbour(*this);
  while (!closed_ && !executor_.test().aborted.load(std::memory_order_relaxed)) {
    const auto now = Clock::now();
    // Iterations that never wait must not keep the others on this thread from theirs.
    if (now - round > (haste == Haste::in_turns ? std::chrono::milliseconds(1) : kLastRound)) break;
    auto start = claim(now);
    if (!start && &neighbour != this) start = neighbour.claim(now - kOverdue);
    if (!start) break;
    if (!dispatch(*start)) drop_due(now);
  }
  arm();
}

bool Lane::dispatch(const Start& start) {
  const auto [index, due] = start;
  executor_.count_begun();
  if (try_reserve()) {
    run(index, due);
    return true;
  }
  if (Lane* other = executor_.reserve_elsewhere(this)) {
    other->worker().post([other, index = index, due = due] { other->run(index, due); });
    return true;
  }
  record_dropped(1);
  executor_.count_ended();
  return false;
}

void Lane::drop_due(Clock::time_point latest) {
  const plan::Nanoseconds offset = latest - executor_.start_of_schedule();
  for (;;) {
    std::uint64_t index = next_index_.load();
    const std::uint64_t count = executor_.arrivals().count_due(index, stripes_, offset);
    if (count == 0) return;
    if (!next_index_.compare_exchange_strong(index, index + count * stripes_)) continue;  // another lane has taken one
    return record_dropped(count);
  }
}

void Lane::record_dropped(std::uint64_t count) {
  executor_.run_state().record_dropped(worker_.recorder(), executor_.test(), count);
  executor_.count_dropped();
}

void Lane::run(std::uint64_t index, Clock::time_point due) {
  Vu* vu = free_.back();
  free_.pop_back();
  vu->post([this, vu, index, due] {
    ScenarioRun& scenario = executor_.run_state();
    scenario.count_active(executor_.test(), 1);
    vu->run_iteration(index, due);
    scenario.count_active(executor_.test(), -1);
    free_.push_back(vu);
    free_count_.fetch_add(1);
    executor_.count_ended();
  });
}

void Lane::close() {
  worker_.loop().cancel(timer_);
  start_due(Haste::all_at_once);
  if (!executor_.test().aborted) drop_due(executor_.start_of_schedule() + regular_duration(executor_.run_state().config));
  closed_ = true;
  worker_.loop().cancel(timer_);
  executor_.count_closed();
}

void Lane::cut_short() {
  closed_ = true;
  worker_.loop().cancel(timer_);
  executor_.count_closed();
}

void Lane::interrupt() {
  for (Vu* vu : all_) vu->interrupt();
}

void Lane::release() {
  for (Vu* vu : all_) {
    vu->post([this, vu] {
      vu->leave_scenario();
      executor_.count_left();
    });
  }
}

}  // namespace

std::unique_ptr<Executor> make_arrival_rate(ExecutorContext& context, ScenarioRun& scenario) {
  return std::make_unique<ArrivalRate>(context, scenario);
}

}  // namespace gauntlet::engine::users
