#include "engine/users/executor/ramping_vus.hpp"

#include <atomic>

#include "engine/plan/schedule.hpp"

namespace gauntlet::engine::users {
namespace {

/// One place in the ramp: filled and emptied, last in, first out. A user that is called back while it winds down keeps
/// its place, so the number of users never exceeds what was planned.
struct Place {
  enum class Wish { stay, leave, left };
  std::atomic<Wish> wish{Wish::left};
  PooledVu* vu = nullptr;
  bool wanted = false;  // the control thread's view: the ramp is above this place
  base::EventLoop::TimerId patience = 0;
};

class RampingVus final : public Executor {
 public:
  RampingVus(ExecutorContext& context, ScenarioRun& scenario) : Executor(context, scenario) {}

 private:
  void begin() override {
    const plan::Scenario& config = scenario_.config;
    for (std::int64_t i = 0; i < planned_vus(config); ++i) places_.push_back(std::make_unique<Place>());
    const plan::Nanoseconds duration = regular_duration(config);
    deadline_ = scenario_.started + duration;
    steps_ = ramping_steps(config.start_vus, config.stages, config.vu_stripe);
    take_due_steps();
    at(duration, [this] { end_regularly(); });
    at(duration + config.graceful_stop.value, [this] { interrupt_all(); });
  }

  void take_due_steps() {
    const auto now = Clock::now();
    while (next_step_ < steps_.size() && scenario_.started + steps_[next_step_].offset <= now) {
      go_to(steps_[next_step_].vus);
      ++next_step_;
    }
    if (next_step_ < steps_.size()) at(steps_[next_step_].offset, [this] { take_due_steps(); });
  }

  void go_to(std::int64_t vus) {
    if (ended_) return;
    const auto count = static_cast<std::size_t>(vus);
    while (wanted_ < count) fill(*places_[wanted_++]);
    while (wanted_ > count) empty(*places_[--wanted_]);
  }

  void fill(Place& place) {
    place.wanted = true;
    auto winding_down = Place::Wish::leave;
    if (place.vu != nullptr && place.wish.compare_exchange_strong(winding_down, Place::Wish::stay)) {
      context_.control.cancel(place.patience);
      return;
    }
    if (place.vu == nullptr) start_vu(place);  // else it is on its way out: has_left() starts another
  }

  void start_vu(Place& place) {
    place.vu = context_.pool.take();
    if (place.vu == nullptr) return;  // a user that is on its way out elsewhere; has_left() tries again
    ++active_;
    place.wish = Place::Wish::stay;
    place.vu->worker->post([this, &place, vu = place.vu] { vu->vu->post([this, &place, vu] { loop(place, *vu); }); });
  }

  void empty(Place& place) {
    place.wanted = false;
    if (place.vu == nullptr) return;
    auto staying = Place::Wish::stay;
    if (!place.wish.compare_exchange_strong(staying, Place::Wish::leave)) return;
    place.patience = context_.control.call_after(scenario_.config.graceful_ramp_down.value, [&place, vu = place.vu] {
      if (place.vu == vu) vu->worker->post([vu] { vu->vu->interrupt(); });
    });
  }

  /// On a virtual user's fiber.
  void loop(Place& place, PooledVu& pooled) {
    Vu& vu = *pooled.vu;
    enter(vu);
    for (;;) {
      auto leave = Place::Wish::leave;
      if (place.wish.compare_exchange_strong(leave, Place::Wish::left)) break;
      if (Clock::now() >= deadline_ || context_.test.aborted.load(std::memory_order_relaxed)) {
        place.wish = Place::Wish::left;
        break;
      }
      vu.run_iteration(scenario_.next_iteration.fetch_add(1, std::memory_order_relaxed));
      vu.breathe();
    }
    leave(vu);
    context_.control.post([this, &place] { has_left(place); });
  }

  void has_left(Place& place) {
    context_.control.cancel(place.patience);
    context_.pool.give_back(place.vu);
    place.vu = nullptr;
    --active_;
    if (!ended_) {
      for (auto& other : places_) {
        if (other->wanted && other->vu == nullptr) start_vu(*other);
      }
    }
    finish_if_done();
  }

  void end_regularly() {
    take_due_steps();  // whom the last one sends home has the ramp-down's patience, not the scenario's
    set_stopping();
    for (auto& place : places_) {
      auto staying = Place::Wish::stay;
      place->wish.compare_exchange_strong(staying, Place::Wish::leave);
    }
    ended_ = true;
    finish_if_done();
  }

  void finish_if_done() {
    if (ended_ && active_ == 0) finish();
  }

  void interrupt_all() {
    for (auto& place : places_) {
      if (place->vu == nullptr) continue;
      set_interrupted();
      place->vu->worker->post([vu = place->vu] { vu->vu->interrupt(); });
    }
  }

  void cut_short() override {
    end_regularly();
    if (!is_finished()) interrupt_all();
  }

  void describe_progress(results::ScenarioProgress& progress, Clock::time_point) const override {
    progress.vus = planned_vus(scenario_.config);
    if (is_finished()) progress.vus_active = 0;
  }

  std::vector<plan::VuStep> steps_;
  std::size_t next_step_ = 0;
  std::vector<std::unique_ptr<Place>> places_;
  std::size_t wanted_ = 0;  // places from the first one that the ramp wants filled
  std::int64_t active_ = 0;
  bool ended_ = false;
  Clock::time_point deadline_{};
};

}  // namespace

std::unique_ptr<Executor> make_ramping_vus(ExecutorContext& context, ScenarioRun& scenario) {
  return std::make_unique<RampingVus>(context, scenario);
}

}  // namespace gauntlet::engine::users
