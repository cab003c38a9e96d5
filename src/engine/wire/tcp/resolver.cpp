#include "engine/wire/tcp/resolver.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <random>
#include <thread>
#include <unordered_map>
#include <utility>

namespace gauntlet::engine::wire {
namespace {

using Clock = std::chrono::steady_clock;

/// Names looked up at the same time; more wait their turn. getaddrinfo blocks, usually for one round trip.
constexpr int kLookupThreads = 4;
/// Names kept; a test that makes up host names must not grow memory. When full, all are forgotten.
constexpr std::size_t kMaxCachedNames = 10'000;

Failure lookup_failure(const std::string& host, int result) {
  Failure failure;
  if (result == EAI_NONAME || result == EAI_NODATA) {
    failure.code = error_code::kNoSuchHost;
    failure.message = "lookup: no such host";
    failure.cause = fmt::format("lookup {}: no such host", host);
  } else {
    failure.code = error_code::kDns;
    failure.message = fmt::format("lookup: {}", gai_strerror(result));
    failure.cause = fmt::format("lookup {}: {}", host, gai_strerror(result));
  }
  return failure;
}

}  // namespace

struct Resolver::State {
  struct Waiter {
    base::EventLoop* loop;
    std::uint16_t port;
    Callback done;
  };
  struct Entry {
    std::vector<Endpoint> addresses;
    Clock::time_point expires;
    std::size_t next = 0;
  };

  explicit State(DnsOptions dns) : options(dns) {}

  const DnsOptions options;
  std::mutex mutex;
  std::condition_variable work;
  bool stopping = false;
  int threads = 0;
  int idle = 0;
  std::deque<std::string> queue;
  std::unordered_map<std::string, std::vector<Waiter>> waiting;  // by name under way or queued
  std::unordered_map<std::string, Entry> cache;
  std::minstd_rand random{std::random_device{}()};

  /// With the mutex held.
  Endpoint select(Entry& entry, std::uint16_t port) {
    std::size_t index = 0;
    if (options.select == DnsOptions::Select::random) index = random() % entry.addresses.size();
    if (options.select == DnsOptions::Select::round_robin) index = entry.next++ % entry.addresses.size();
    Endpoint chosen = entry.addresses[index];
    chosen.address.sin6_port = htons(port);
    return chosen;
  }

  /// Addresses in the order and of the family that the policy wants.
  std::vector<Endpoint> apply_policy(const std::vector<Endpoint>& all) const {
    std::vector<Endpoint> ipv4;
    std::vector<Endpoint> ipv6;
    for (const Endpoint& endpoint : all) (endpoint.is_ipv6() ? ipv6 : ipv4).push_back(endpoint);
    switch (options.policy) {
      case DnsOptions::Policy::only_ipv4: return ipv4;
      case DnsOptions::Policy::only_ipv6: return ipv6;
      case DnsOptions::Policy::prefer_ipv4: return ipv4.empty() ? ipv6 : ipv4;
      case DnsOptions::Policy::prefer_ipv6: return ipv6.empty() ? ipv4 : ipv6;
      case DnsOptions::Policy::any: break;
    }
    return all;
  }

  void look_up(const std::string& host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    // "0x7f.1" and "127.1" are addresses to the C library but names to Go, and nobody has such names.
    in_addr odd{};
    const int result = inet_aton(host.c_str(), &odd) != 0 ? EAI_NONAME : getaddrinfo(host.c_str(), nullptr, &hints, &found);
    std::vector<Endpoint> addresses;
    for (const addrinfo* item = found; item != nullptr; item = item->ai_next) {
      if (item->ai_family == AF_INET || item->ai_family == AF_INET6) addresses.push_back(Endpoint::from(item->ai_addr, 0));
    }
    if (found != nullptr) freeaddrinfo(found);
    addresses = apply_policy(addresses);

    const std::lock_guard lock(mutex);
    std::vector<Waiter> waiters = std::move(waiting[host]);
    waiting.erase(host);
    if (stopping) return;
    if (addresses.empty()) {
      const Failure failure = lookup_failure(host, result == 0 ? EAI_NONAME : result);
      for (Waiter& waiter : waiters) {
        waiter.loop->post([done = std::move(waiter.done), failure] { done(failure, {}); });
      }
      return;
    }
    Entry entry{std::move(addresses), Clock::now(), 0};
    if (options.ttl != std::chrono::nanoseconds::max()) entry.expires += options.ttl;
    else entry.expires = Clock::time_point::max();
    for (Waiter& waiter : waiters) {
      waiter.loop->post([done = std::move(waiter.done), chosen = select(entry, waiter.port)] { done({}, chosen); });
    }
    if (cache.size() >= kMaxCachedNames) cache.clear();
    cache[host] = std::move(entry);
  }

  static void serve(const std::shared_ptr<State>& self) {
    std::unique_lock lock(self->mutex);
    for (;;) {
      ++self->idle;
      self->work.wait(lock, [&] { return self->stopping || !self->queue.empty(); });
      --self->idle;
      if (self->stopping) return;
      const std::string host = std::move(self->queue.front());
      self->queue.pop_front();
      lock.unlock();
      self->look_up(host);
      lock.lock();
    }
  }
};

Resolver::Resolver(DnsOptions options) : state_(std::make_shared<State>(options)) {}

Resolver::~Resolver() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->waiting.clear();
  }
  state_->work.notify_all();
}

bool Resolver::cached(const std::string& host, std::uint16_t port, Endpoint& out) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->cache.find(host);
  if (found == state_->cache.end()) return false;
  if (found->second.expires <= Clock::now()) {
    state_->cache.erase(found);
    return false;
  }
  out = state_->select(found->second, port);
  return true;
}

void Resolver::resolve(const std::string& host, std::uint16_t port, base::EventLoop& loop, Callback done) {
  const std::lock_guard lock(state_->mutex);
  auto [found, is_first] = state_->waiting.try_emplace(host);
  found->second.push_back({&loop, port, std::move(done)});
  if (!is_first) return;
  state_->queue.push_back(host);
  if (state_->idle == 0 && state_->threads < kLookupThreads) {
    ++state_->threads;
    // Detached: getaddrinfo cannot be interrupted, and the end of a test must not wait for a dead DNS server. The
    // thread holds the state, not the resolver.
    std::thread([state = state_] { State::serve(state); }).detach();
  } else {
    state_->work.notify_one();
  }
}

}  // namespace gauntlet::engine::wire
