#include "engine/sinks/page/page_server.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/http/listener.hpp"
#include "base/http/same_site.hpp"
#include "base/loop_thread.hpp"
#include "engine/sinks/page/page.hpp"
#include "engine/wire/http/content_coding.hpp"

namespace gauntlet::engine::dashboard {
namespace {

using base::http::ExchangePtr;
using base::http::Response;

constexpr int kNiceness = 5;

/// The page runs its own script and style and talks to nobody but us.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

Response answer(std::string_view type, std::string text) {
  return {.content_type = type,
          .body = std::move(text),
          .headers = {{"cache-control", "no-store"}, {"x-content-type-options", "nosniff"}, {"content-security-policy", kPolicy}}};
}

bool takes_gzip(const base::http::Request& request) {
  return request.header_list("accept-encoding").value_or("").find("gzip") != std::string_view::npos;
}

std::string event_text(const char* event, const std::string& json) { return fmt::format("event: {}\ndata: {}\n\n", event, json); }

}  // namespace

struct PageServer::State {
  explicit State(const History& its_history) : history(its_history) {}

  void serve_page(const ExchangePtr& exchange) const {
    if (!takes_gzip(exchange->request())) return exchange->respond(answer("text/html; charset=utf-8", std::string(page_html())));
    Response response = answer("text/html; charset=utf-8", compressed_page);
    response.headers.emplace_back("content-encoding", "gzip");
    response.headers.emplace_back("vary", "accept-encoding");
    exchange->respond(std::move(response));
  }

  void serve_events(const ExchangePtr& exchange) {
    // A lost connection is tried again after a second.
    Response head = answer("text/event-stream", "retry: 1000\n" + event_text("document", history.document()));
    if (exchange->begin_stream(std::move(head))) visitors.push_back({exchange, exchange->pending_output()});
  }

  void serve_report(const ExchangePtr& exchange) const {
    Response response = answer("text/html; charset=utf-8", report_html(history.document()));
    response.headers.emplace_back("content-disposition", "attachment; filename=\"gauntlet-report.html\"");
    exchange->respond(std::move(response));
  }

  void send(const std::string& text) {
    std::erase_if(visitors, [&](Visitor& visitor) {
      if (!visitor.exchange->streaming()) return true;
      const std::size_t pending = visitor.exchange->pending_output();
      visitor.allowance = std::min(visitor.allowance, pending);
      if (pending > visitor.allowance + kMaxBehindBytes) return true;  // the pointer's end ends the answer
      visitor.exchange->stream(text);
      return false;
    });
  }

  struct Visitor {
    ExchangePtr exchange;
    std::size_t allowance = 0;  // what of the first document he has not read yet
  };

  const History& history;
  const std::string compressed_page = wire::encode_body(wire::ContentCoding::gzip, page_html());
  base::http::Router router;
  base::LoopThread thread{"dashboard"};
  // Below: the thread's.
  std::unique_ptr<base::http::Listener> listener;
  std::vector<Visitor> visitors;
  std::uint16_t port = 0;
};

PageServer::PageServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

base::Expected<std::unique_ptr<PageServer>> PageServer::start(const std::string& address, std::uint16_t port, const History& history) {
  auto state = std::make_unique<State>(history);
  State& server = *state;
  const auto serve = [&](const char* pattern, auto handler) {
    server.router.get(pattern, [handler](const ExchangePtr& exchange) {
      if (auto refusal = base::http::refuse_other_site(exchange->request())) return exchange->respond(std::move(*refusal));
      handler(exchange);
    });
  };
  serve("/", [&server](const ExchangePtr& exchange) { server.serve_page(exchange); });
  serve("/ui/*", [&server](const ExchangePtr& exchange) { server.serve_page(exchange); });  // k6's address of it
  serve("/events", [&server](const ExchangePtr& exchange) { server.serve_events(exchange); });
  serve("/report", [&server](const ExchangePtr& exchange) { server.serve_report(exchange); });
  serve("/data.json", [&history](const ExchangePtr& exchange) { exchange->respond(answer("application/json", history.document())); });
  base::Expected<void> listening;
  server.thread.run_and_wait([&] {
    setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kNiceness);
    // Not SO_REUSEPORT: two runs at a time would share the port, and each page would show either.
    server.listener = std::make_unique<base::http::Listener>(
        server.thread.loop(),
        base::http::ListenerOptions{.address = address, .port = port, .reuse_port = false, .max_connections = kMaxConnections},
        server.router);
    listening = server.listener->listen();
    if (listening) {
      server.port = server.listener->port();
    } else {
      server.listener.reset();
    }
  });
  if (!listening) return tl::unexpected(listening.error());
  return std::unique_ptr<PageServer>(new PageServer(std::move(state)));
}

PageServer::~PageServer() {
  // The round in which the last event was queued has written what the sockets take.
  state_->thread.run_and_wait([] {});
  state_->thread.run_and_wait([this] {
    state_->visitors.clear();
    state_->listener.reset();
  });
}

std::uint16_t PageServer::port() const { return state_->port; }

void PageServer::publish(const char* event, std::string json) {
  state_->thread.loop().post([state = state_.get(), text = event_text(event, json)] { state->send(text); });
}

}  // namespace gauntlet::engine::dashboard
