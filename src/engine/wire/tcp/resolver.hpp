#pragma once
// DNS through the system's resolver on threads of its own, with the cache that option `dns` describes. One per process.
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.hpp"
#include "engine/wire/failure.hpp"
#include "engine/wire/tcp/stream.hpp"

namespace gauntlet::engine::wire {

/// Option dns.
struct DnsOptions {
  enum class Select { first, random, round_robin };
  enum class Policy { prefer_ipv4, prefer_ipv6, only_ipv4, only_ipv6, any };

  std::chrono::nanoseconds ttl = std::chrono::minutes(5);  ///< 0: ask every time; max(): ask once
  Select select = Select::random;
  Policy policy = Policy::prefer_ipv4;
};

/// Thread-safe. Lookups of a name under way are shared; waiting loops are told on their own threads.
class Resolver {
 public:
  using Callback = std::function<void(Failure, Endpoint)>;

  explicit Resolver(DnsOptions options);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// An address that the cache can answer with at once; false when it has to be looked up.
  bool cached(const std::string& host, std::uint16_t port, Endpoint& out);
  /// Calls back on `loop`'s thread, once; `loop` must run until then.
  void resolve(const std::string& host, std::uint16_t port, base::EventLoop& loop, Callback done);

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the lookup threads, which may outlast a resolver stuck in DNS
};

}  // namespace gauntlet::engine::wire
