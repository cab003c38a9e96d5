// Bytes on a connection of a service's listener: HTTP/1.1, HTTP/2 and gRPC behind the real socket handling. The first
// byte says whether HTTP/2's preface and an empty SETTINGS frame come first, so that frames are reached at once.
#include <sys/socket.h>
#include <unistd.h>

#include "base/event_loop.hpp"
#include "base/grpc/call.hpp"
#include "base/grpc/health.hpp"
#include "base/grpc/server.hpp"
#include "base/http/connection.hpp"
#include "base/http/http2.hpp"
#include "fuzz/bytes.hpp"

using namespace gauntlet::base;
using namespace std::chrono_literals;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gauntlet::fuzz::Bytes bytes(data, size);
  std::string text;
  if (bytes.choice(2) == 1) text.append(http::Http2::kPreface).append("\0\0\0\4\0\0\0\0\0", 9);
  text.append(bytes.rest().substr(0, 60'000));

  EventLoop loop;
  http::Router router;
  router.get("/healthz", [](http::ExchangePtr exchange) { exchange->respond({.status = 200, .body = std::string("{}")}); });
  router.post("/echo/{name}",
              [](http::ExchangePtr exchange) { exchange->respond({.status = 200, .body = std::string(exchange->request().body())}); });
  grpc::Server rpc;
  rpc.unary("/a.B/Echo", [](grpc::CallPtr call) { call->finish(std::string(call->message())); });
  rpc.server_streaming("/a.B/Repeat", [](grpc::CallPtr call) {
    for (int i = 0; i < 3; ++i) call->send(std::string(call->message()));
    call->finish();
  });
  rpc.bidirectional("/a.B/Chat", {[](const grpc::CallPtr& call) { call->send(std::string(call->message())); },
                                  [](const grpc::CallPtr& call) { call->finish(); }});
  {
    http::ListenerCore core(loop, {}, router, rpc.streams());
    int ends[2];
    gauntlet::fuzz::require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0, "a socket pair");
    core.connections.push_back(std::make_unique<http::Connection>(core, ends[0], true));
    char answer[4096];
    for (std::string_view rest = text; !rest.empty() && !core.connections.empty();) {
      const ssize_t sent = send(ends[1], rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
      loop.run_once(0ns);
      while (recv(ends[1], answer, sizeof answer, 0) > 0) {
      }
      if (sent <= 0) break;
    }
    shutdown(ends[1], SHUT_WR);
    for (int round = 0; round < 4; ++round) loop.run_once(0ns);
    close(ends[1]);
    loop.run_once(0ns);
  }
  loop.run_once(0ns);
  return 0;
}
