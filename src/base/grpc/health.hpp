#pragma once
// grpc.health.v1: what load balancers and the platform ask before they send traffic.
#include <memory>
#include <optional>
#include <string_view>

namespace gauntlet::base::grpc {

class Server;
class HealthWatchers;

/// The serving status of each service, shared by all threads; every member may be called from any of them.
class Health {
 public:
  enum class Status { serving, not_serving };

  Health();
  ~Health();
  Health(const Health&) = delete;
  Health& operator=(const Health&) = delete;

  /// Sets one service's status and tells its watchers. "" is the server as a whole, serving unless set.
  void set(std::string_view service, Status status);
  /// Overrules all of them from now on, those set later too: for a shutdown.
  void set_all(Status status);
  /// Nothing for a service that was never set.
  std::optional<Status> status(std::string_view service) const;

 private:
  friend void add_health(Server& server, Health& health);
  friend class HealthWatchers;
  struct State;
  // Shared with the watching calls of every thread, which may be released after the last set().
  std::shared_ptr<State> state_;
};

/// Adds Check and Watch to `server`. Health must outlive it.
void add_health(Server& server, Health& health);

}  // namespace gauntlet::base::grpc
