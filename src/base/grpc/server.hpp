#pragma once
// The methods of a gRPC server and what every call shares. It is no socket: hand it to http::Listener, which passes it
// the HTTP/2 requests with content type application/grpc. One instance a thread, like the listener.
//
//   grpc::Server rpc({.metrics = &registry});
//   rpc.unary("/service.Service/HealthCheck", [](CallPtr call) { call->finish(answer); });
//   grpc::add_health(rpc, health);
//   grpc::add_reflection(rpc);
//   http::Listener listener(loop, {.port = 6565}, router, rpc.streams());
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/grpc/call.hpp"
#include "base/http/trace.hpp"

namespace gauntlet::base::http {
class StreamService;
}
namespace gauntlet::base::metrics {
class Registry;
}

namespace gauntlet::base::grpc {

/// A call at the moment it ends.
struct EndedCall {
  std::string_view method;           // "/service.Service/ClaimGoalReward", as the client wrote it
  int code;                          // gRPC's number; 0 is OK
  std::chrono::nanoseconds elapsed;  // since its headers came
  const http::Trace& trace;
};

struct ServerOptions {
  std::size_t max_message_bytes = 4 * 1024 * 1024;          // beyond: RESOURCE_EXHAUSTED
  std::size_t max_buffered_stream_bytes = 4 * 1024 * 1024;  // answers a stream's client has not read
  /// Counts grpc_server_started_total, grpc_server_handled_total, grpc_server_msg_received_total and
  /// grpc_server_msg_sent_total (labels grpc_type, grpc_service, grpc_method, and grpc_code on handled) here; may be
  /// null. Shared by all threads.
  metrics::Registry* metrics = nullptr;
  /// Told of every call that was answered or has run past its deadline; not of those whose client went away.
  std::function<void(const EndedCall&)> observer = {};
};

class Server {
 public:
  using UnaryHandler = std::function<void(CallPtr)>;

  /// Called at the call's first message; when the client closes its side; both with the call to answer on.
  struct StreamHandler {
    std::function<void(const CallPtr&)> on_message;     // message() is the one just received
    std::function<void(const CallPtr&)> on_half_close;  // the client sends no more
  };

  explicit Server(ServerOptions options = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Registers a method ("/package.Service/Method") before the listener starts. A unary handler answers with finish()
  /// or fail(); a server-streaming one (also called once, with the single request) with send() and finish(). When the listener drains,
  /// streams end with UNAVAILABLE: who watches something for ever would hold it up.
  void unary(std::string_view method, UnaryHandler handler);
  void server_streaming(std::string_view method, UnaryHandler handler);
  void bidirectional(std::string_view method, StreamHandler handler);

  /// Full names of the services that have methods here, sorted: what reflection lists.
  std::vector<std::string> services() const;

  /// For http::Listener.
  http::StreamService* streams();

 private:
  friend class Call;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gauntlet::base::grpc
