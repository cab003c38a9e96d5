#pragma once
// gRPC over HTTP/2 as the protocol document says (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md):
// one connection to one server, kept and made anew when it is lost; unary calls and streams of opaque messages.
// Statuses and error texts are those that k6 shows.
//
//   GrpcClient client(dialer, loop, {.address = "127.0.0.1:6566"});
//   client.connect(std::chrono::seconds(60), [](std::optional<std::string> problem) { ... });
//   client.start(call, {.path = "/pkg.Service/Method", .timeout = ...}, message, true);   // call.on_end() follows
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.hpp"
#include "engine/wire/grpc/call.hpp"
#include "engine/wire/tcp/dialer.hpp"

namespace gauntlet::engine::wire {

struct GrpcClientOptions {
  std::string address;  ///< "host:port"; IPv6 in brackets
  bool tls = false;
  std::shared_ptr<const TlsContext> tls_context;  ///< with tls: instead of the dialer's; shared by all VUs' clients
  std::string authority;                          ///< instead of `address`, in the request and for the certificate
  std::size_t max_receive_bytes = 4 * 1024 * 1024;
  std::size_t max_send_bytes = 0x7fffffff;
  std::string user_agent;
};

/// One per script client. One thread; `dialer` and `loop` outlive it. Destroying it forgets active calls without
/// calling back.
class GrpcClient {
 public:
  /// Between attempts to connect, growing as gRPC's connection-backoff document says.
  static constexpr std::chrono::nanoseconds kFirstBackoff = std::chrono::seconds(1);
  static constexpr std::chrono::nanoseconds kLongestBackoff = std::chrono::seconds(120);

  using Connected = std::function<void(std::optional<std::string> problem)>;

  GrpcClient(Dialer& dialer, base::EventLoop& loop, GrpcClientOptions options);
  ~GrpcClient();
  GrpcClient(const GrpcClient&) = delete;
  GrpcClient& operator=(const GrpcClient&) = delete;

  const GrpcClientOptions& options() const { return options_; }
  /// The address of the connection's server, "127.0.0.1:6566"; empty while there is none.
  std::string remote() const;

  /// Makes the first connection and calls back once, not from inside this call. A refused connection fails at once;
  /// a server that answers, but not in HTTP/2 or TLS, is tried again until `timeout`.
  void connect(std::chrono::nanoseconds timeout, Connected done);

  /// Starts a call. Without a connection (it was lost) it waits for a new one; while the server cannot be reached it
  /// fails. `call` must live until on_end() or cancel(); on_end() does not come from inside this.
  /// With `complete` nothing is sent after `message` (nullptr: none yet, for streams).
  void start(GrpcCall& call, const GrpcRequest& request, const std::string_view* message, bool complete);
  /// A further message of a stream. False, and the call ends, when it is larger than max_send_bytes.
  bool send(GrpcCall& call, std::string_view message);
  /// No more messages from our side.
  void finish_sending(GrpcCall& call);
  /// Ends a call for the server too and forgets it, without on_end().
  void cancel(GrpcCall& call);
  /// Ends all calls, with on_end() and the status of a connection that is closed here. Then only destruction may follow.
  void close();

 private:
  friend class GrpcCall;
  class Connection;
  enum class State : std::uint8_t { idle, connecting, ready, failing };

  void dial();
  void on_dialed(Dialed dialed);
  void on_ready(Connection& connection);
  void on_closed(Connection& connection);
  void connection_failed(std::string problem, bool try_again);
  void report_connected(std::optional<std::string> problem);
  void submit(GrpcCall& call);
  void begin_waiting_calls();
  void end_call(GrpcCall& call);
  void end_soon(GrpcCall& call, int code, std::string message);
  void arm_deadline(base::EventLoop::Clock::time_point deadline);
  void expire_calls();
  void link(GrpcCall& call);
  void unlink(GrpcCall& call);
  Connection* usable_connection();

  Dialer& dialer_;
  base::EventLoop& loop_;
  GrpcClientOptions options_;
  std::string authority_;
  State state_ = State::idle;
  std::optional<Dialer::DialId> dialing_;
  std::vector<std::unique_ptr<Connection>> connections_;  // the newest last; older ones finish their calls
  GrpcCall* first_call_ = nullptr;                        // all active ones, the oldest first
  GrpcCall* last_call_ = nullptr;
  Connected connected_;
  std::string problem_;  // of the last attempt to connect
  std::chrono::nanoseconds backoff_ = kFirstBackoff;
  base::EventLoop::Clock::time_point next_deadline_{};  // when deadline_timer_ fires
  base::EventLoop::TimerId deadline_timer_ = 0;
  base::EventLoop::TimerId redial_timer_ = 0;
  base::EventLoop::TimerId connect_timer_ = 0;
  std::shared_ptr<GrpcClient*> self_;  // emptied when destroyed; shared with tasks posted to the loop
};

}  // namespace gauntlet::engine::wire
