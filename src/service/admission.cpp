#include "service/admission.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <unordered_map>

namespace gauntlet::service {
namespace {

using base::ErrorKind;
using base::Expected;
using base::fail;
using Clock = base::EventLoop::Clock;

constexpr std::chrono::milliseconds kProbePause{50};
constexpr std::size_t kShards = 64;
constexpr std::size_t kPlayersPerShard = 4096;

}  // namespace

// ---- QueueProbe

QueueProbe::QueueProbe(base::EventLoop& loop) : loop_(loop), fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd_ < 0) {
    std::perror("fatal: eventfd");
    std::abort();
  }
  loop_.watch(fd_, EPOLLIN, this);
  probe_later();
}

QueueProbe::~QueueProbe() {
  loop_.cancel(timer_);
  loop_.unwatch(fd_);
  ::close(fd_);
}

std::chrono::nanoseconds QueueProbe::wait() const {
  return under_way_ ? std::max(last_wait_, std::chrono::nanoseconds(loop_.now() - due_)) : last_wait_;
}

void QueueProbe::probe_later() {
  due_ = Clock::now() + kProbePause;
  timer_ = loop_.call_at(due_, [this] {
    const std::uint64_t one = 1;
    under_way_ = ::write(fd_, &one, sizeof one) == sizeof one;
    if (!under_way_) probe_later();
  });
}

void QueueProbe::on_io(std::uint32_t) {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(fd_, &count, sizeof count);
  under_way_ = false;
  last_wait_ = loop_.update_now() - due_;
  probe_later();
}

// ---- PlayerRate

struct PlayerRate::Shard {
  std::mutex mutex;
  std::unordered_map<std::string, Clock::time_point> paid_until;
};

PlayerRate::PlayerRate(double per_second, std::int64_t burst)
    : interval_(static_cast<std::int64_t>(1e9 / per_second)),
      allowance_(interval_ * (burst - 1)),
      shards_(std::make_unique<Shard[]>(kShards)) {}
PlayerRate::~PlayerRate() = default;

// Each request moves the time until which the player has paid by one interval; it may lie ahead by the burst.
std::chrono::nanoseconds PlayerRate::until_allowed(const std::string& player, Clock::time_point now) {
  Shard& shard = shards_[std::hash<std::string>{}(player) % kShards];
  const std::lock_guard lock(shard.mutex);
  auto found = shard.paid_until.find(player);
  if (found == shard.paid_until.end()) {
    if (shard.paid_until.size() >= kPlayersPerShard)
      std::erase_if(shard.paid_until, [&](const auto& entry) { return entry.second <= now; });
    if (shard.paid_until.size() >= kPlayersPerShard) return {};
    found = shard.paid_until.emplace(player, now).first;
  }
  Clock::time_point& paid_until = found->second;
  paid_until = std::max(paid_until, now);
  const std::chrono::nanoseconds early = paid_until - now - allowance_;
  if (early.count() > 0) return early;
  paid_until += interval_;
  return {};
}

// ---- Admission

Admission::Admission(Authenticator& inner, const QueueProbe& probe, std::chrono::nanoseconds queue_time_max, PlayerRate* rate,
                     base::metrics::Registry& metrics)
    : inner_(inner),
      probe_(probe),
      queue_time_max_(queue_time_max),
      rate_(rate),
      shed_for_queue_(metrics
                          .counter("challenge_requests_shed_total",
                                   "Requests refused before any work: queue (503, the service is behind), rate (429, "
                                   "this player asks too often)",
                                   {"reason"})
                          .with({"queue"})),
      shed_for_rate_(metrics.counter("challenge_requests_shed_total", "", {"reason"}).with({"rate"})) {}

void Admission::authenticate(const Credentials& credentials, std::function<void(Expected<std::string>)> done) {
  if (queue_time_max_.count() > 0 && probe_.wait() > queue_time_max_) {
    shed_for_queue_.increment();
    return done(fail(ErrorKind::unavailable, "Too many requests are waiting; try again later"));
  }
  if (rate_ == nullptr) return inner_.authenticate(credentials, std::move(done));
  inner_.authenticate(credentials, [this, done = std::move(done)](Expected<std::string> player) {
    if (player && rate_->until_allowed(*player, Clock::now()).count() > 0) {
      shed_for_rate_.increment();
      return done(fail(ErrorKind::resource_exhausted, "Too many requests of this player; try again later"));
    }
    done(std::move(player));
  });
}

}  // namespace gauntlet::service
