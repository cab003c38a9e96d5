#include "engine/users/executor/looping_vus.hpp"

#include <atomic>

namespace gauntlet::engine::users {
namespace {

/// Who may begin another iteration. Asked by virtual users on their threads, between iterations.
class Turns {
 public:
  virtual ~Turns() = default;
  /// The number of the next iteration of a virtual user that has begun `begun` ones, or nothing: it leaves.
  virtual std::optional<std::uint64_t> next(ScenarioRun& scenario, std::uint64_t begun) = 0;
  /// What a virtual user that leaves has not begun although it should have.
  virtual std::uint64_t missed_by_one([[maybe_unused]] std::uint64_t begun) const { return 0; }
  /// What nobody has begun in the end.
  virtual std::uint64_t missed_by_all() const { return 0; }
};

class ConstantTurns final : public Turns {
 public:
  std::optional<std::uint64_t> next(ScenarioRun& scenario, std::uint64_t) override {
    return scenario.next_iteration.fetch_add(1, std::memory_order_relaxed);
  }
};

class SharedTurns final : public Turns {
 public:
  explicit SharedTurns(std::int64_t iterations) : iterations_(static_cast<std::uint64_t>(iterations)) {}
  std::optional<std::uint64_t> next(ScenarioRun& scenario, std::uint64_t) override {
    const std::uint64_t number = scenario.next_iteration.fetch_add(1, std::memory_order_relaxed);
    if (number >= iterations_) return std::nullopt;
    begun_.fetch_add(1, std::memory_order_relaxed);
    return number;
  }
  std::uint64_t missed_by_all() const override { return iterations_ - begun_; }

 private:
  const std::uint64_t iterations_;
  std::atomic<std::uint64_t> begun_{0};
};

class PerVuTurns final : public Turns {
 public:
  explicit PerVuTurns(std::int64_t iterations) : iterations_(static_cast<std::uint64_t>(iterations)) {}
  std::optional<std::uint64_t> next(ScenarioRun& scenario, std::uint64_t begun) override {
    if (begun >= iterations_) return std::nullopt;
    return scenario.next_iteration.fetch_add(1, std::memory_order_relaxed);
  }
  std::uint64_t missed_by_one(std::uint64_t begun) const override { return iterations_ - begun; }

 private:
  const std::uint64_t iterations_;
};

class LoopingVus final : public Executor {
 public:
  LoopingVus(ExecutorContext& context, ScenarioRun& scenario, std::unique_ptr<Turns> turns)
      : Executor(context, scenario), turns_(std::move(turns)) {}

 private:
  void begin() override {
    const plan::Nanoseconds duration = regular_duration(scenario_.config);
    deadline_ = scenario_.started + duration;
    for (std::int64_t i = 0; i < scenario_.config.vus.value; ++i) {
      PooledVu* vu = context_.pool.take();
      if (vu == nullptr) break;  // VuPool has what peak_vus() says
      active_.push_back(vu);
      vu->worker->post([this, vu] { vu->vu->post([this, vu] { loop(vu); }); });
    }
    at(duration, [this] { set_stopping(); });
    at(duration + scenario_.config.graceful_stop.value, [this] { interrupt_all(); });
  }

  /// True once nobody may begin another iteration. The script's own abort() counts before the control thread hears of it.
  bool leaves() const { return leave_now_.load(std::memory_order_relaxed) || context_.test.aborted.load(std::memory_order_relaxed); }

  /// On a virtual user's fiber.
  void loop(PooledVu* pooled) {
    Vu& vu = *pooled->vu;
    enter(vu);
    std::uint64_t begun = 0;
    while (!leaves() && Clock::now() < deadline_) {
      const auto number = turns_->next(scenario_, begun);
      if (!number) break;
      ++begun;
      vu.run_iteration(*number);
      vu.breathe();
    }
    if (const std::uint64_t missed = turns_->missed_by_one(begun); missed > 0 && !leaves()) {
      scenario_.record_dropped(pooled->worker->recorder(), context_.test, missed);
    }
    leave(vu);
    context_.control.post([this, pooled] { has_left(pooled); });
  }

  void has_left(PooledVu* vu) {
    std::erase(active_, vu);
    context_.pool.give_back(vu);
    if (!active_.empty()) return;
    const std::uint64_t missed = is_aborted() ? 0 : turns_->missed_by_all();
    if (missed == 0) {
      finish();
      return;
    }
    vu->worker->post([this, vu, missed] {
      scenario_.record_dropped(vu->worker->recorder(), context_.test, missed);
      context_.control.post([this] { finish(); });
    });
  }

  void interrupt_all() {
    set_interrupted();
    for (PooledVu* vu : active_) vu->worker->post([vu] { vu->vu->interrupt(); });
  }

  void cut_short() override {
    leave_now_ = true;
    interrupt_all();
  }

  void describe_progress(results::ScenarioProgress& progress, Clock::time_point) const override {
    const auto iterations = static_cast<std::uint64_t>(scenario_.config.iterations.value);
    if (scenario_.config.executor == plan::ExecutorKind::shared_iterations) progress.iterations_total = iterations;
    if (scenario_.config.executor == plan::ExecutorKind::per_vu_iterations) {
      progress.iterations_per_vu = iterations;
      progress.iterations_total = iterations * static_cast<std::uint64_t>(scenario_.config.vus.value);
    }
  }

  const std::unique_ptr<Turns> turns_;
  std::vector<PooledVu*> active_;
  Clock::time_point deadline_{};
  std::atomic<bool> leave_now_{false};
};

}  // namespace

std::unique_ptr<Executor> make_constant_vus(ExecutorContext& context, ScenarioRun& scenario) {
  return std::make_unique<LoopingVus>(context, scenario, std::make_unique<ConstantTurns>());
}

std::unique_ptr<Executor> make_shared_iterations(ExecutorContext& context, ScenarioRun& scenario) {
  return std::make_unique<LoopingVus>(context, scenario, std::make_unique<SharedTurns>(scenario.config.iterations));
}

std::unique_ptr<Executor> make_per_vu_iterations(ExecutorContext& context, ScenarioRun& scenario) {
  return std::make_unique<LoopingVus>(context, scenario, std::make_unique<PerVuTurns>(scenario.config.iterations));
}

}  // namespace gauntlet::engine::users
