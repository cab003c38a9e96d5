#include "base/grpc/health.hpp"

#include <grpc/health/v1/health.pb.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/event_loop.hpp"
#include "base/grpc/server.hpp"

namespace gauntlet::base::grpc {
namespace {

using ::grpc::health::v1::HealthCheckRequest;
using ::grpc::health::v1::HealthCheckResponse;

constexpr std::size_t kMaxWatchedName = 256;  // it is kept as long as somebody watches

HealthCheckResponse::ServingStatus on_wire(Health::Status status) {
  return status == Health::Status::serving ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

}  // namespace

/// The Watch calls of one thread.
class HealthWatchers;

struct Health::State {
  mutable std::mutex mutex;
  std::map<std::string, Status, std::less<>> statuses{{"", Status::serving}};
  std::optional<Status> everything;  // overrides
  std::vector<HealthWatchers*> watchers;

  HealthCheckResponse::ServingStatus status_for_watch(const std::string& service) const {
    const std::lock_guard lock(mutex);
    const auto found = statuses.find(service);
    if (found == statuses.end()) return HealthCheckResponse::SERVICE_UNKNOWN;
    return on_wire(everything.value_or(found->second));
  }
};

class HealthWatchers : public std::enable_shared_from_this<HealthWatchers> {
 public:
  explicit HealthWatchers(std::shared_ptr<Health::State> health) : health_(std::move(health)) {}
  ~HealthWatchers() {
    const std::lock_guard lock(health_->mutex);
    std::erase(health_->watchers, this);
  }

  void add(CallPtr call, std::string service) {
    if (loop_ == nullptr) {
      loop_ = &call->loop();
      const std::lock_guard lock(health_->mutex);
      health_->watchers.push_back(this);
    }
    call->on_cancel([this, watched = call.get()] { watches_.erase(watched); });
    Watch watch{std::move(call), std::move(service), -1};
    if (tell(watch)) watches_.insert_or_assign(watch.call.get(), std::move(watch));
  }

  /// Any thread, with the state's mutex held: has this thread's watchers told.
  void tell_soon() {
    loop_->post([weak = weak_from_this()] {
      if (const auto watchers = weak.lock()) watchers->tell_all();
    });
  }

 private:
  struct Watch {
    CallPtr call;
    std::string service;
    int told;  // the status last sent
  };

  /// False when the client does not read and has lost its call by that.
  bool tell(Watch& watch) const {
    const auto status = health_->status_for_watch(watch.service);
    if (watch.told == status) return true;
    watch.told = status;
    HealthCheckResponse response;
    response.set_status(status);
    return watch.call->send(response);
  }

  void tell_all() {
    for (auto watch = watches_.begin(); watch != watches_.end();) watch = tell(watch->second) ? std::next(watch) : watches_.erase(watch);
  }

  const std::shared_ptr<Health::State> health_;
  EventLoop* loop_ = nullptr;
  std::unordered_map<const Call*, Watch> watches_;
};

Health::Health() : state_(std::make_shared<State>()) {}
Health::~Health() = default;

void Health::set(std::string_view service, Status status) {
  const std::lock_guard lock(state_->mutex);
  state_->statuses.insert_or_assign(std::string(service), status);
  for (HealthWatchers* watchers : state_->watchers) watchers->tell_soon();
}

void Health::set_all(Status status) {
  const std::lock_guard lock(state_->mutex);
  state_->everything = status;
  for (HealthWatchers* watchers : state_->watchers) watchers->tell_soon();
}

std::optional<Health::Status> Health::status(std::string_view service) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->statuses.find(service);
  if (found == state_->statuses.end()) return std::nullopt;
  return state_->everything.value_or(found->second);
}

void add_health(Server& server, Health& health) {
  server.unary("/grpc.health.v1.Health/Check", [&health](CallPtr call) {
    HealthCheckRequest request;
    if (!call->parse(request)) return;
    const auto status = health.status(request.service());
    if (!status) {
      call->fail(ErrorKind::not_found, "unknown service " + request.service());
      return;
    }
    HealthCheckResponse response;
    response.set_status(on_wire(*status));
    call->finish(response);
  });
  server.server_streaming("/grpc.health.v1.Health/Watch", [watchers = std::make_shared<HealthWatchers>(health.state_)](CallPtr call) {
    HealthCheckRequest request;
    if (!call->parse(request)) return;
    if (request.service().size() > kMaxWatchedName)
      return call->fail(ErrorKind::invalid_argument, "a service's name has at most 256 bytes");
    watchers->add(std::move(call), request.service());
  });
}

}  // namespace gauntlet::base::grpc
