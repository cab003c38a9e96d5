#include "engine/sinks/push/push_queue.hpp"

#include <fmt/format.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "base/loop_thread.hpp"

namespace gauntlet::engine::sinks {
namespace {

/// Before a body is tried again, times the attempt.
constexpr std::chrono::milliseconds kPause{300};

}  // namespace

struct PushQueue::State {
  struct Body {
    std::string address;
    std::string text;
    std::uint64_t samples = 0;
  };

  State(std::string its_name, std::string its_address, std::unique_ptr<Courier> its_courier, Tell its_tell)
      : name(std::move(its_name)), address(std::move(its_address)), courier(std::move(its_courier)), tell(std::move(its_tell)) {
    thread = std::thread([this] { run(); });
  }
  ~State() { end(); }

  void end() {
    {
      const std::lock_guard lock(mutex);
      ending = true;
    }
    wake.notify_all();
    if (thread.joinable()) thread.join();
  }

  void run() {
    base::name_this_thread("push");
    std::unique_lock lock(mutex);
    while (true) {
      wake.wait(lock, [this] { return !waiting.empty() || ending; });
      if (ending) return;  // what still waits was given up by finish()
      const Body body = std::move(waiting.front());
      waiting.pop_front();
      busy = true;
      lock.unlock();
      const Courier::Outcome outcome = deliver(body);
      lock.lock();
      busy = false;
      if (outcome.taken) {
        ++pushed;
      } else {
        lose(body.samples);
        tell_once(outcome.problem);
      }
      if (waiting.empty()) idle.notify_all();
    }
  }

  Courier::Outcome deliver(const Body& body) {
    for (int attempt = 1;; ++attempt) {
      Courier::Outcome outcome = courier->deliver(body.address, body.text);
      if (outcome.taken || !outcome.may_be_tried_again || attempt == kAttempts) return outcome;
      std::unique_lock lock(mutex);
      if (wake.wait_for(lock, kPause * attempt, [this] { return ending || giving_up; })) return outcome;
    }
  }

  // With the mutex held.
  void lose(std::uint64_t samples) {
    ++lost_pushes;
    lost_samples += samples;
  }
  void tell_once(const std::string& problem) {
    if (std::exchange(told, true)) return;
    tell(fmt::format("{} did not take what was sent to it: {}; the test goes on, the summary and the thresholds have every sample", name,
                     problem));
  }

  const std::string name;
  const std::string address;
  const std::unique_ptr<Courier> courier;
  const Tell tell;

  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable idle;
  std::deque<Body> waiting;
  bool busy = false;
  bool giving_up = false;
  bool ending = false;
  bool told = false;
  std::uint64_t pushed = 0;
  std::uint64_t lost_pushes = 0;
  std::uint64_t lost_samples = 0;
  std::thread thread;
};

PushQueue::PushQueue(std::string name, std::string address, std::unique_ptr<Courier> courier, Tell tell)
    : state_(std::make_unique<State>(std::move(name), std::move(address), std::move(courier), std::move(tell))) {}

PushQueue::~PushQueue() = default;

void PushQueue::send(std::string body, std::uint64_t samples) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->waiting.size() >= kMostWaiting) {
      state_->lose(samples);
      return state_->tell_once(fmt::format("it is slower than the test, {} pushes wait already", kMostWaiting));
    }
    state_->waiting.push_back({state_->address, std::move(body), samples});
  }
  state_->wake.notify_one();
}

void PushQueue::announce(std::string address) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->waiting.push_back({std::move(address), "", 0});
  }
  state_->wake.notify_one();
}

void PushQueue::finish(std::chrono::milliseconds patience) {
  {
    std::unique_lock lock(state_->mutex);
    const auto all_sent = [this] { return state_->waiting.empty() && !state_->busy; };
    if (!state_->idle.wait_for(lock, patience, all_sent)) {
      state_->giving_up = true;
      for (const auto& body : state_->waiting) state_->lose(body.samples);
      state_->waiting.clear();
    }
  }
  state_->end();
  if (state_->lost_pushes == 0) return;
  state_->tell(fmt::format("{}: {} of {} pushes were lost, with {} samples", state_->name, state_->lost_pushes,
                           state_->lost_pushes + state_->pushed, state_->lost_samples));
}

}  // namespace gauntlet::engine::sinks
