// A small server on base's listener for clients that are not ours (curl, grpcio, k6): what base does on the wire,
// without any service's rules. Prints "port N" and serves until standard input closes, then drains.
//
// HTTP: GET /hello/{name}, POST /echo, GET /bytes?count=N, GET /later?ms=N.
// gRPC, methods of service.Service: HealthCheck answers at once; ClaimGoalReward answers with what was asked
// (status = value of metadata x-mock-user-id), with challenge_id "fail" the status code named by goal_id, with "later"
// after goal_id milliseconds.
#include <service.pb.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>

#include "base/admin/admin_server.hpp"
#include "base/grpc/health.hpp"
#include "base/grpc/reflection.hpp"
#include "base/grpc/server.hpp"
#include "base/http/listener.hpp"
#include "base/metrics.hpp"
#include "base/signals.hpp"

namespace {

using namespace gauntlet;

int number_in(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

void add_routes(base::http::Router& router) {
  using base::http::ExchangePtr;
  router.get("/hello/{name}", [](ExchangePtr exchange) {
    exchange->respond({.content_type = "text/plain", .body = "hello " + std::string(exchange->request().parameter("name"))});
  });
  router.post("/echo", [](ExchangePtr exchange) {
    exchange->respond({.content_type = "application/octet-stream", .body = std::string(exchange->request().body())});
  });
  router.get("/bytes", [](ExchangePtr exchange) {
    const int count = number_in(exchange->request().query_value("count").value_or("0"));
    exchange->respond({.content_type = "text/plain", .body = std::string(static_cast<std::size_t>(count), 'x')});
  });
  router.get("/later", [](ExchangePtr exchange) {
    const int ms = number_in(exchange->request().query_value("ms").value_or("0"));
    exchange->loop().call_after(std::chrono::milliseconds(ms), [exchange] { exchange->respond({.body = "{}"}); });
  });
}

void claim(base::grpc::CallPtr call) {
  service::ClaimRewardRequest request;
  if (!call->parse(request)) return;
  service::ClaimRewardResponse response;
  response.set_goal_id(request.goal_id());
  response.set_status(std::string(call->metadata("x-mock-user-id").value_or("")));
  if (request.challenge_id() == "fail") {
    call->fail(static_cast<base::ErrorKind>(number_in(request.goal_id())), "as asked: 100 % gültig");
  } else if (request.challenge_id() == "later") {
    call->loop().call_after(std::chrono::milliseconds(number_in(request.goal_id())), [call, response] { call->finish(response); });
  } else {
    call->finish(response);
  }
}

/// Ends the program when whoever started it closes our standard input.
struct StandardInput : base::IoHandler {
  explicit StandardInput(std::function<void()> its_closed) : closed(std::move(its_closed)) {}
  void on_io(std::uint32_t) override {
    std::array<char, 256> bytes{};
    if (read(STDIN_FILENO, bytes.data(), bytes.size()) <= 0) closed();
  }
  std::function<void()> closed;
};

}  // namespace

int main() {
  base::block_signals({SIGTERM, SIGINT});
  base::EventLoop loop;
  base::metrics::Registry registry;
  registry.add_process_metrics();
  base::http::Router router;
  add_routes(router);
  base::grpc::Server rpc({.metrics = &registry});
  rpc.unary("/service.Service/HealthCheck", [](base::grpc::CallPtr call) {
    service::HealthCheckResponse response;
    response.set_status("healthy");
    call->finish(response);
  });
  rpc.unary("/service.Service/ClaimGoalReward", claim);
  base::grpc::Health health;
  health.set("service.Service", base::grpc::Health::Status::serving);
  base::grpc::add_health(rpc, health);
  base::grpc::add_reflection(rpc);

  base::http::Listener listener(loop, {.address = "127.0.0.1"}, router, rpc.streams());
  base::admin::AdminServer admin({.address = "127.0.0.1"}, registry);
  if (const auto listening = listener.listen(); !listening) {
    std::fprintf(stderr, "%s\n", listening.error().message.c_str());
    return 1;
  }
  if (const auto started = admin.start(); !started) {
    std::fprintf(stderr, "%s\n", started.error().message.c_str());
    return 1;
  }
  std::printf("port %u admin %u\n", unsigned{listener.port()}, unsigned{admin.port()});
  std::fflush(stdout);

  bool leaving = false;
  const auto leave = [&] {
    if (std::exchange(leaving, true)) return;
    health.set_all(base::grpc::Health::Status::not_serving);
    listener.drain([&] { loop.stop(); });
  };
  StandardInput input([&] {
    loop.unwatch(STDIN_FILENO);
    leave();
  });
  loop.watch(STDIN_FILENO, EPOLLIN, &input);
  base::SignalWatch signals(loop, {SIGTERM, SIGINT}, [&](int) { leave(); });
  loop.run();
  return 0;
}
