#include "engine/run/externally_controlled.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "engine/run/machine.hpp"

namespace gauntlet::engine::run {

/// A virtual user of its own for as long as the scenario runs, so that it goes on counting where it was stopped.
struct ExternallyControlled::Place {
  PooledVu* vu = nullptr;
  std::atomic<bool> stays{false};  // read between iterations, on the virtual user's thread
  // The control thread's view:
  bool wanted = false;
  bool looping = false;  // from the order to begin until it is known to have left
  bool entered = false;
};

base::Expected<ControlledVus> changed(ControlledVus now, std::optional<std::int64_t> vus, std::optional<std::int64_t> max_vus,
                                      std::int64_t max_vus_at_start) {
  if (vus) now.vus = *vus;
  if (max_vus) now.max_vus = *max_vus;
  if (const auto problems = problems_of_controlled(now.vus, now.max_vus); !problems.empty()) {
    return base::fail(base::ErrorKind::invalid_argument, fmt::format("invalid configuration supplied: {}", fmt::join(problems, ", ")));
  }
  if (now.max_vus < max_vus_at_start) {
    return base::fail(base::ErrorKind::invalid_argument,
                      fmt::format("the new number of max VUs cannot be lower than the starting number of max VUs ({})", max_vus_at_start));
  }
  if (const std::string problem = memory_problem(now.max_vus); !problem.empty()) {
    return base::fail(base::ErrorKind::invalid_argument,
                      fmt::format("invalid configuration supplied: {}: lower the number of maxVUs", problem));
  }
  return now;
}

ExternallyControlled::ExternallyControlled(ExecutorContext& context, ScenarioRun& scenario)
    : Executor(context, scenario),
      wanted_{scenario.config.vus, scenario.config.max_vus.given ? scenario.config.max_vus : scenario.config.vus} {}

void ExternallyControlled::begin() {
  for (std::int64_t i = 0; i < max_vus(scenario_.config); ++i) {
    PooledVu* vu = context_.pool.take();
    if (vu == nullptr) break;  // VuPool has what peak_vus() says
    places_.push_back(std::make_unique<Place>());
    places_.back()->vu = vu;
  }
  places_at_start_ = static_cast<std::int64_t>(places_.size());
  left_ = regular_duration(scenario_.config);
  if (!paused_) keep_time();
  make_places([this] { apply(); });
}

void ExternallyControlled::steer(ControlledVus wanted, Done done) {
  wanted_ = wanted;
  if (!is_started() || over_) return done();
  make_places([this, done = std::move(done)]() mutable {
    waiting_.push_back(std::move(done));
    apply();
  });
}

void ExternallyControlled::pause(Done done) {
  paused_ = true;
  if (!is_started() || over_) return done();
  waiting_.push_back([this, done = std::move(done)] {
    context_.control.cancel(end_timer_);
    left_ = deadline_ - Clock::now();
    done();
  });
  apply();
}

void ExternallyControlled::resume(Done done) {
  paused_ = false;
  if (!is_started() || over_) return done();
  keep_time();
  waiting_.push_back(std::move(done));
  apply();
}

void ExternallyControlled::keep_time() {
  if (regular_duration(scenario_.config).count() == 0) return;  // until somebody stops the test
  deadline_ = Clock::now() + left_;
  end_timer_ = context_.control.call_at(deadline_, [this] { end(); });
}

void ExternallyControlled::make_places(std::function<void()> made) {
  const auto most = static_cast<std::size_t>(share_of(wanted_.max_vus));
  while (places_.size() < most && !spares_.empty()) {
    places_.push_back(std::move(spares_.back()));
    spares_.pop_back();
    context_.test.vus_initialized.fetch_add(1);
  }
  if (places_.size() >= most) return made();
  being_made_ = static_cast<std::int64_t>(most - places_.size());
  for (std::size_t i = places_.size(); i < most; ++i) {
    context_.pool.initialize_one([this, made](PooledVu* vu) {
      if (vu != nullptr) {  // else its script failed, which is in the log
        places_.push_back(std::make_unique<Place>());
        places_.back()->vu = vu;
      }
      if (--being_made_ > 0) return;
      made();
      finish_if_done();
    });
  }
}

void ExternallyControlled::apply() {
  const auto vus = static_cast<std::size_t>(paused_ || over_ ? 0 : share_of(wanted_.vus));
  for (std::size_t i = 0; i < places_.size(); ++i) set_active(*places_[i], i < vus);
  check_settled();
}

void ExternallyControlled::set_active(Place& place, bool active) {
  const bool changes = active != place.wanted;
  place.wanted = active;
  place.stays = active;
  if (active && changes && !place.looping) start(place);  // one that is on its way out begins again in has_left()
  // After it has been told to leave: an interrupt between two iterations is none.
  const bool cut = !active && place.looping && (over_ || !paused_);
  if (cut) place.vu->worker->post([vu = place.vu] { vu->vu->interrupt(); });
}

void ExternallyControlled::start(Place& place) {
  place.looping = true;
  place.vu->worker->post([this, &place] { place.vu->vu->post([this, &place] { loop(place); }); });
}

/// On a virtual user's fiber.
void ExternallyControlled::loop(Place& place) {
  Vu& vu = *place.vu->vu;
  enter(vu);
  context_.control.post([this, &place] {
    place.entered = true;
    check_settled();
  });
  while (place.stays.load(std::memory_order_relaxed) && !context_.test.aborted.load(std::memory_order_relaxed)) {
    vu.run_iteration(scenario_.next_iteration.fetch_add(1, std::memory_order_relaxed));
    vu.breathe();
  }
  leave(vu);
  context_.control.post([this, &place] { has_left(place); });
}

void ExternallyControlled::has_left(Place& place) {
  place.looping = place.entered = false;
  if (place.wanted && !context_.test.aborted) start(place);
  check_settled();
  finish_if_done();
}

bool ExternallyControlled::is_settled() const {
  return std::all_of(places_.begin(), places_.end(), [](const auto& place) { return place->wanted ? place->entered : !place->looping; });
}

void ExternallyControlled::check_settled() {
  if (!is_settled()) return;
  const auto most = static_cast<std::size_t>(share_of(wanted_.max_vus));
  while (!over_ && places_.size() > most) {
    spares_.push_back(std::move(places_.back()));
    places_.pop_back();
    context_.test.vus_initialized.fetch_sub(1);
  }
  for (const Done& done : std::exchange(waiting_, {})) done();
}

void ExternallyControlled::end() {
  over_ = true;
  context_.control.cancel(end_timer_);
  apply();
  finish_if_done();
}

void ExternallyControlled::finish_if_done() {
  const auto loops = [](const auto& place) { return place->looping; };
  if (!over_ || is_finished() || being_made_ > 0 || std::any_of(places_.begin(), places_.end(), loops)) return;
  context_.test.vus_initialized.fetch_sub(static_cast<std::int64_t>(places_.size()) - places_at_start_);
  for (const auto* group : {&places_, &spares_}) {
    for (const auto& place : *group) context_.pool.give_back(place->vu);
  }
  for (const Done& done : std::exchange(waiting_, {})) done();
  finish();
}

void ExternallyControlled::cut_short() { end(); }

void ExternallyControlled::describe_progress(output::ScenarioProgress& progress, Clock::time_point) const {
  progress.max_vus = share_of(wanted_.max_vus);
  if (is_finished()) progress.vus_active = paused_ ? 0 : share_of(wanted_.vus);
}

std::unique_ptr<Executor> make_externally_controlled(ExecutorContext& context, ScenarioRun& scenario) {
  return std::make_unique<ExternallyControlled>(context, scenario);
}

}  // namespace gauntlet::engine::run
