#include "host/workers.hpp"

#include <atomic>
#include <future>
#include <string>
#include <utility>

#include "base/http/router.hpp"
#include "base/loop_thread.hpp"
#include "host/serving.hpp"

namespace gauntlet::host {
namespace {

/// Whether `port` can be listened on. Workers share their ports, which the kernel also lets another process of the same user
/// do; one socket that does not share finds that out. 0 is always free.
base::Expected<void> check_port(const Port& port, const std::string& address) {
  base::EventLoop loop;
  base::http::ListenerOptions options;
  options.address = address;
  options.port = port.number;
  options.reuse_port = false;
  const base::http::Router none;
  auto listening = base::http::Listener(loop, std::move(options), none).listen();
  if (!listening) return tl::unexpected(port_error(std::move(listening.error()), port.setting));
  return {};
}

}  // namespace

struct Workers::Thread {
  explicit Thread(std::size_t number) : loop_thread("worker-" + std::to_string(number)) {}
  ~Thread() {
    loop_thread.run_and_wait([this] {
      listeners.clear();
      worker.reset();
      loop_thread.loop().abandon();  // a claim's next attempt, the next look for open ones: their worker is gone
    });
  }

  base::Expected<void> listen(const base::http::ListenerOptions& options, std::vector<std::uint16_t>& ports) {
    std::size_t at = 0;
    for (Endpoint& endpoint : worker->endpoints()) {
      base::http::ListenerOptions own = options;
      own.port = ports[at];
      own.observer = std::move(endpoint.observer);
      const base::http::Router& router = endpoint.router != nullptr ? *endpoint.router : no_routes;
      auto& listener =
          listeners.emplace_back(std::make_unique<base::http::Listener>(loop_thread.loop(), std::move(own), router, endpoint.streams));
      if (auto listening = listener->listen(); !listening) return listening;
      ports[at++] = listener->port();
    }
    return {};
  }

  void drain(std::function<void()> done) {
    worker->stopping();
    const auto left = std::make_shared<std::size_t>(listeners.size());
    const auto drained = [this, left, done = std::move(done)] {
      if (--*left == 0) worker->drain(done);
    };
    for (const auto& listener : listeners) listener->drain(drained);
  }

  const base::http::Router no_routes;
  base::LoopThread loop_thread;
  std::unique_ptr<Worker> worker;
  std::vector<std::unique_ptr<base::http::Listener>> listeners;
};

Workers::Workers(std::size_t threads, const Make& make) {
  for (std::size_t number = 0; number < threads; ++number) {
    Thread& thread = *threads_.emplace_back(std::make_unique<Thread>(number));
    thread.loop_thread.run_and_wait([&] { thread.worker = make(number, thread.loop_thread.loop()); });
  }
}

Workers::~Workers() { end(); }

void Workers::end() { threads_.clear(); }

base::Expected<void> Workers::await_database(std::chrono::milliseconds patience) {
  const auto give_up_at = std::chrono::steady_clock::now() + patience;
  for (const auto& each : threads_) {
    Thread& thread = *each;
    // Shared with the pool, which may call back after this has given up.
    const auto available = std::make_shared<std::promise<void>>();
    thread.loop_thread.loop().post([&thread, available] { thread.worker->pool().when_available([available] { available->set_value(); }); });
    if (available->get_future().wait_until(give_up_at) == std::future_status::ready) continue;
    std::string reason;
    thread.loop_thread.run_and_wait([&] { reason = thread.worker->pool().last_failure(); });
    return base::fail(base::ErrorKind::unavailable, "no connection to PostgreSQL: " + reason);
  }
  return {};
}

base::Expected<std::vector<std::uint16_t>> Workers::listen(const HostSettings& settings, base::metrics::Registry& metrics) {
  std::vector<std::uint16_t> ports;
  for (const Port& port : settings.ports) {
    TRY(check_port(port, settings.listen_address));
    ports.push_back(port.number);
  }
  base::http::ListenerOptions options = settings.listener;
  options.address = settings.listen_address;
  options.metrics = &metrics;
  for (const auto& thread : threads_) {
    base::Expected<void> listening;
    thread->loop_thread.run_and_wait([&] { listening = thread->listen(options, ports); });
    if (!listening) return tl::unexpected(std::move(listening.error()));
  }
  return ports;
}

void Workers::for_each(const std::function<void(Worker&)>& task) {
  for (const auto& thread : threads_) thread->loop_thread.loop().post([&worker = *thread->worker, task] { task(worker); });
}

void Workers::drain(std::function<void()> done) {
  const auto left = std::make_shared<std::atomic<std::size_t>>(threads_.size());
  const auto drained = [left, done = std::move(done)] {
    if (left->fetch_sub(1) == 1) done();
  };
  for (const auto& thread : threads_) thread->loop_thread.loop().post([&thread = *thread, drained] { thread.drain(drained); });
}

}  // namespace gauntlet::host
