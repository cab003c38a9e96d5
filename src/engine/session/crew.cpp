#include "engine/session/crew.hpp"

#include <sys/prctl.h>

#include <algorithm>
#include <utility>

#include "base/duration.hpp"

namespace gauntlet::engine::session {
namespace {

std::vector<std::unique_ptr<users::Worker>> start_workers(metrics::Collector& collector, std::size_t count) {
  std::vector<std::unique_ptr<users::Worker>> workers;
  for (std::size_t i = 0; i < count; ++i) {
    workers.push_back(std::make_unique<users::Worker>(i, collector));
    // The kernel may otherwise put a wake-up off by 50 us.
    workers.back()->post([] { prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0); });
  }
  return workers;
}

/// Arms itself again and again; it dies with the worker's loop.
struct LoopWatch {
  users::Worker& worker;
  users::Clock::time_point due;

  void arm(std::shared_ptr<LoopWatch> self) {
    static constexpr std::chrono::milliseconds kInterval(100);
    due += kInterval;
    worker.loop().call_at(due, [this, self = std::move(self)]() mutable {
      const auto now = users::Clock::now();
      worker.recorder().add(metrics::MetricId::loop_lag, worker.recorder().tags().empty(), base::milliseconds_of(now - due), now);
      due = std::max(due, now - kInterval);  // a late one does not make others that are late, too
      arm(std::move(self));
    });
  }
};

}  // namespace

Crew::Crew(users::TestState& test, base::EventLoop& control, metrics::Collector& collector, std::size_t threads)
    : test_(test),
      control_(control),
      workers_(start_workers(collector, threads)),
      pool_(std::make_unique<users::VuPool>(test, control, workers_)),
      context_{test, control, workers_, *pool_} {}

Crew::~Crew() {
  pool_.reset();  // after what executors have posted to the workers
  executors_.clear();
}

void Crew::wait_until(const std::function<bool()>& over) {
  while (!over()) control_.run_once(std::chrono::hours(1));
}

void Crew::watch_loops() {
  for (auto& worker : workers_) {
    worker->post([watch = std::make_shared<LoopWatch>(LoopWatch{*worker, users::Clock::now()})] { watch->arm(watch); });
  }
}

std::optional<users::Vu::InitFailure> Crew::initialize(std::int64_t vus) {
  bool done = false;
  std::optional<users::Vu::InitFailure> failure;
  pool_->initialize(vus, [&](std::optional<users::Vu::InitFailure> first) {
    failure = std::move(first);
    done = true;
  });
  wait_until([&] { return done; });
  return failure;
}

users::StageResult Crew::call(const char* function, const char* group, std::optional<std::string> argument,
                              std::chrono::nanoseconds timeout) {
  stage_ = std::make_unique<users::StageCall>(test_, control_, *workers_.front(), function, group, std::move(argument));
  bool done = false;
  stage_->start(timeout, [&] { done = true; });
  wait_until([&] { return done; });
  users::StageResult result = stage_->take_result();
  stage_.reset();
  return result;
}

void Crew::run(const std::vector<plan::Scenario>& scenarios) {
  for (const plan::Scenario& scenario : scenarios) {
    scenarios_.push_back(std::make_unique<users::ScenarioRun>(scenario));
    executors_.push_back(make_executor(context_, *scenarios_.back()));
  }
  for (auto& executor : executors_) {
    control_.call_at(test_.start + executor->scenario().config.start_time.value,
                     [this, executor = executor.get()] { executor->start([this] { ++finished_; }); });
  }
  wait_until([&] {
    // An aborted test does not wait for scenarios that have not begun.
    return finished_ == executors_.size() || (is_aborted_ && std::all_of(executors_.begin(), executors_.end(), [](const auto& executor) {
                                                return executor->is_finished() || !executor->is_started();
                                              }));
  });
}

void Crew::abort() {
  if (is_aborted_) return;
  is_aborted_ = true;
  if (stage_) stage_->interrupt();
  for (auto& executor : executors_) executor->abort();
}

std::vector<double> Crew::cpu_seconds() const {
  std::vector<double> all;
  for (const auto& worker : workers_) all.push_back(worker->cpu_seconds());
  return all;
}

std::vector<results::ScenarioProgress> Crew::progress() const {
  std::vector<results::ScenarioProgress> all;
  const auto now = users::Clock::now();
  for (const auto& executor : executors_) all.push_back(executor->progress(now));
  return all;
}

}  // namespace gauntlet::engine::session
