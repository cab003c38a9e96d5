#pragma once
// The one listener of both services: HTTP/1.1, HTTP/2 by prior knowledge (h2c) and, on HTTP/2, gRPC, all on one port.
// One instance a thread, each with its own socket under SO_REUSEPORT; nothing is shared between them.
//
//   base::EventLoop loop;
//   http::Listener listener(loop, {.port = 8000}, router, &rpc_server);
//   if (auto listening = listener.listen(); !listening) return listening.error();
//   loop.run();
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/error.hpp"
#include "base/event_loop.hpp"
#include "base/http/exchange.hpp"
#include "base/http/router.hpp"

namespace gauntlet::base::metrics {
class Registry;
}

namespace gauntlet::base::http {

class StreamService;

/// A request at the moment its answer is handed over.
struct Answered {
  const Request& request;
  std::string_view route;  // the pattern that matched; empty when none did
  int status;
  std::chrono::nanoseconds elapsed;  // since it had been read whole
  const Trace& trace;
};
/// Told of every request (also of those answered 404, 413 and the like): metrics, access log, spans.
using Observer = std::function<void(const Answered&)>;

struct ListenerOptions {
  std::string address = "0.0.0.0";  // numeric IPv4 or IPv6; "::" takes both
  std::uint16_t port = 0;           // 0: the kernel chooses; see Listener::port()
  bool reuse_port = true;           // several listeners (threads) may share the port
  int backlog = 1024;

  // Each limit bounds what one peer can make us hold or do.
  std::size_t max_header_bytes = 16 * 1024;               // request line and headers; beyond: 431
  std::size_t max_body_bytes = 1024 * 1024;               // beyond: 413 (gRPC has its own limit)
  std::size_t max_buffered_response_bytes = 1024 * 1024;  // a slow reader's connection is not read beyond this
  /// Requests and answers that one HTTP/2 connection holds: beyond, the stream that has moved nothing for longest is reset.
  std::size_t max_connection_bytes = 32 * 1024 * 1024;
  /// The same of all connections together: beyond, those that hold most are closed, down to three quarters of it.
  std::size_t max_held_bytes = 128 * 1024 * 1024;
  /// Streams a second that one HTTP/2 connection may reset, or make us reset: a client whose calls in flight time out
  /// together resets a thousand at once, again and again while we are slow. One that is ahead of this by twice as many is
  /// read with pauses, by four times as many closed (CVE-2023-44487, CVE-2025-8671).
  std::uint32_t max_resets_per_second = 1'000;
  std::size_t max_connections = 20'000;          // beyond: closed at accept
  std::uint32_t max_concurrent_streams = 1'000;  // per HTTP/2 connection

  std::chrono::milliseconds header_timeout{10'000};         // from the first byte of a request to its last
  std::chrono::milliseconds idle_timeout{120'000};          // HTTP/1.1 without a request in flight
  std::chrono::milliseconds http2_idle_timeout{1'800'000};  // HTTP/2 without a stream: clients mean to keep these
  std::chrono::milliseconds write_timeout{60'000};          // a client or stream that takes nothing of its answer

  /// Counts http_connections_closed_total and http_streams_reset_total by reason, and http_held_bytes here; may be null.
  /// Shared by all threads.
  metrics::Registry* metrics = nullptr;

  Observer observer = {};
};

/// Belongs to its loop's thread, destructor included; `router` and `streams` outlive it.
class Listener {
 public:
  /// `streams` takes HTTP/2 requests of its own content type (base::grpc::Server does); may be null.
  Listener(EventLoop& loop, ListenerOptions options, const Router& router, StreamService* streams = nullptr);
  /// Closes everything at once; see drain() for the polite way.
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Binds and starts accepting. Fails, naming address, port and reason, when the port is taken or not permitted.
  Expected<void> listen();
  /// The port bound.
  std::uint16_t port() const;

  /// Stops accepting, tells peers (Connection: close, GOAWAY), finishes what is in flight, then calls `done` once.
  /// Streams without an end (health Watch) and dead clients hold it up: bound it with a timer, then destroy this.
  void drain(std::function<void()> done);

  struct Counts {
    std::size_t connections = 0;  // open now
    std::size_t in_flight = 0;    // requests and calls without an answer yet
    std::uint64_t accepted = 0;   // since the start
    std::uint64_t rejected = 0;   // closed at accept: max_connections, or no descriptor left
    std::size_t held_bytes = 0;   // of requests and answers, now; see ListenerOptions::max_held_bytes
  };
  Counts counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gauntlet::base::http
