#pragma once
// Whether a request is let in at all: not while those before it have waited too long already, nor beyond a player's
// rate. What is refused costs some microseconds, so that the service keeps answering the rest in time.
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/event_loop.hpp"
#include "base/metrics.hpp"
#include "service/authenticator.hpp"

namespace gauntlet::service {

/// How long a request waits in the kernel before this loop reads it: a byte to ourselves stands in the same queue of
/// ready descriptors as the connections do, every 50 ms. One a loop, on its thread.
class QueueProbe final : base::IoHandler {
 public:
  explicit QueueProbe(base::EventLoop& loop);
  ~QueueProbe() override;
  QueueProbe(const QueueProbe&) = delete;
  QueueProbe& operator=(const QueueProbe&) = delete;

  /// As of the last probe, or of the one under way where that has waited longer already.
  std::chrono::nanoseconds wait() const;

 private:
  void on_io(std::uint32_t events) override;
  void probe_later();

  base::EventLoop& loop_;
  int fd_;
  bool under_way_ = false;
  base::EventLoop::Clock::time_point due_;  // of the probe under way or to come: a loop that is late counts as waiting
  std::chrono::nanoseconds last_wait_{0};
  base::EventLoop::TimerId timer_ = 0;
};

/// Requests a second by player, shared by all threads: a lock of one in 64 shards a request. Memory is bounded: players
/// whose allowance is whole again are forgotten, and when a shard is full of others, strangers are let in uncounted.
class PlayerRate {
 public:
  /// `burst`: how many a player may ask at once, at least 1.
  PlayerRate(double per_second, std::int64_t burst);
  ~PlayerRate();
  /// Nothing when the request is within the rate, else how long until one is.
  std::chrono::nanoseconds until_allowed(const std::string& player, base::EventLoop::Clock::time_point now);

 private:
  struct Shard;
  const std::chrono::nanoseconds interval_;
  const std::chrono::nanoseconds allowance_;
  std::unique_ptr<Shard[]> shards_;
};

/// Authenticates whom it lets in: unavailable for overload, resource_exhausted beyond the rate, else what `inner` says.
class Admission final : public Authenticator {
 public:
  /// `queue_time_max` 0: no shedding. `rate` may be null. What it is given outlives it.
  Admission(Authenticator& inner, const QueueProbe& probe, std::chrono::nanoseconds queue_time_max, PlayerRate* rate,
            base::metrics::Registry& metrics);
  void authenticate(const Credentials& credentials, std::function<void(base::Expected<std::string>)> done) override;

 private:
  Authenticator& inner_;
  const QueueProbe& probe_;
  const std::chrono::nanoseconds queue_time_max_;
  PlayerRate* const rate_;
  base::metrics::Counter& shed_for_queue_;
  base::metrics::Counter& shed_for_rate_;
};

}  // namespace gauntlet::service
