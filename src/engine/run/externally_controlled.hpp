#pragma once
// externally-controlled: looping virtual users whose number is changed while they run, and which can be paused. Who
// changes it is the REST API (PATCH /v1/status). An iteration that is no longer wanted is cut short; a pause lets those
// that run come to their end.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "engine/run/executor.hpp"

namespace gauntlet::engine::run {

/// What can be changed, of the whole test: the share of a segment is taken by the executor.
struct ControlledVus {
  std::int64_t vus = 0;
  std::int64_t max_vus = 0;
};
/// `now` with what is given in place of it. Fails, in k6's words, with numbers that make no sense, and with fewer virtual
/// users at most than the test began with.
base::Expected<ControlledVus> changed(ControlledVus now, std::optional<std::int64_t> vus, std::optional<std::int64_t> max_vus,
                                      std::int64_t max_vus_at_start);

class ExternallyControlled final : public Executor {
 public:
  using Done = std::function<void()>;

  ExternallyControlled(ExecutorContext& context, ScenarioRun& scenario);

  // One change at a time, on the control thread; `done` comes when it has taken effect, or when the scenario ends before.
  // Before the start a change only says what will hold then, and is done at once.

  /// Initialises further virtual users first where there are not so many yet.
  void steer(ControlledVus wanted, Done done);
  /// No new iterations; done when none runs any more. The scenario's time stands still from then on.
  void pause(Done done);
  void resume(Done done);

 private:
  struct Place;

  void begin() override;
  void cut_short() override;
  void describe_progress(output::ScenarioProgress& progress, Clock::time_point now) const override;

  std::int64_t share_of(std::int64_t vus) const { return scenario_.config.vu_stripe.count_below(vus); }
  void make_places(std::function<void()> made);
  /// Starts and stops virtual users until those are active that should be.
  void apply();
  void set_active(Place& place, bool active);
  void start(Place& place);
  void loop(Place& place);
  void has_left(Place& place);
  bool is_settled() const;
  void check_settled();
  void keep_time();
  void end();
  void finish_if_done();

  ControlledVus wanted_;
  std::vector<std::unique_ptr<Place>> places_;  // the first ones are active
  std::vector<std::unique_ptr<Place>> spares_;  // above the greatest number that is wanted now
  std::int64_t places_at_start_ = 0;
  std::int64_t being_made_ = 0;
  std::vector<Done> waiting_;  // for is_settled()
  bool paused_ = false;
  bool over_ = false;
  Nanoseconds left_{0};  // of the duration, while it stands still
  Clock::time_point deadline_{};
  base::EventLoop::TimerId end_timer_ = 0;
};

std::unique_ptr<Executor> make_externally_controlled(ExecutorContext& context, ScenarioRun& scenario);

}  // namespace gauntlet::engine::run
