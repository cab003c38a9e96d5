#include "engine/run/rest_server.hpp"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "base/http/listener.hpp"
#include "base/http/same_site.hpp"
#include "base/loop_thread.hpp"
#include "engine/run/options.hpp"

namespace gauntlet::engine::run {

using base::http::ExchangePtr;

struct RestServer::State {
  State(base::EventLoop& its_control, Answer its_answer) : control(its_control), answer(std::move(its_answer)) {}

  /// From the control thread.
  void send(std::uint64_t number, RestReply reply) {
    thread.loop().post([this, number, reply = std::move(reply)] {
      const auto found = waiting.find(number);
      if (found == waiting.end()) return;
      found->second->respond({.status = reply.status,
                              .content_type = reply.is_json ? "application/json; charset=utf-8" : "text/plain; charset=utf-8",
                              .body = reply.text,
                              .headers = {}});
      waiting.erase(found);
    });
  }

  base::EventLoop& control;
  Answer answer;
  bool stopped = false;  // the control thread's
  base::http::Router router;
  base::LoopThread thread{"rest"};
  // Below: the thread's.
  std::unique_ptr<base::http::Listener> listener;
  std::map<std::uint64_t, ExchangePtr> waiting;
  std::uint64_t next = 0;
};

RestServer::RestServer(std::shared_ptr<State> state) : state_(std::move(state)) {}

base::Expected<std::unique_ptr<RestServer>> RestServer::start(const std::string& address, base::EventLoop& control, Answer answer) {
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon == std::string::npos ? 0 : colon);
  const auto port = parse_integer(colon == std::string::npos ? address : address.substr(colon + 1));
  if (!port || *port < 0 || *port > 65'535) {
    return base::fail(base::ErrorKind::invalid_argument,
                      fmt::format("\"{}\" is no address for the REST API; say --address 127.0.0.1:6565", address));
  }
  if (host.empty() || host == "localhost") host = "127.0.0.1";
  if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);

  auto state = std::make_shared<State>(control, std::move(answer));
  const auto handle = [weak = std::weak_ptr(state)](const ExchangePtr& exchange) {
    const auto server = weak.lock();
    if (!server) return;
    const base::http::Request& request = exchange->request();
    if (auto refusal = base::http::refuse_other_site(request)) return exchange->respond(std::move(*refusal));
    // Names of metrics have characters that an address does not.
    std::string path(request.path());
    if (const std::string_view route = exchange->route(); route.ends_with("/{id}")) {
      path = std::string(route.substr(0, route.size() - 4)) + std::string(request.parameter("id"));
    }
    const std::uint64_t number = server->next++;
    server->waiting[number] = exchange;
    server->control.post([weak, number, asked = RestRequest{std::string(request.method()), path, std::string(request.body())}] {
      const auto answering = weak.lock();
      if (!answering || answering->stopped) return;
      answering->answer(asked, [weak, number](RestReply reply) {
        const auto replying = weak.lock();
        if (replying && !replying->stopped) replying->send(number, std::move(reply));
      });
    });
  };
  for (const char* method : {"GET", "PATCH", "PUT", "POST", "DELETE"}) {
    for (const char* pattern : {"/v1/metrics/{id}", "/v1/groups/{id}", "/*"}) state->router.add(method, pattern, handle);
  }

  base::Expected<void> listening;
  state->thread.run_and_wait([&] {
    // Not SO_REUSEPORT: two tests at a time would share the port, and each command would reach either.
    state->listener = std::make_unique<base::http::Listener>(
        state->thread.loop(),
        base::http::ListenerOptions{.address = host, .port = static_cast<std::uint16_t>(*port), .reuse_port = false, .max_connections = 64},
        state->router);
    listening = state->listener->listen();
    if (!listening) state->listener.reset();
  });
  if (!listening) return tl::unexpected(std::move(listening.error()));
  return std::unique_ptr<RestServer>(new RestServer(std::move(state)));
}

RestServer::~RestServer() {
  state_->stopped = true;
  state_->thread.run_and_wait([] {});  // what was answered leaves first
  state_->thread.run_and_wait([this] {
    state_->waiting.clear();
    state_->listener.reset();
  });
}

}  // namespace gauntlet::engine::run
