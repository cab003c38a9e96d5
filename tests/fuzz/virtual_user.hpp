#pragma once
// A virtual user that runs scripts with all of the engine's modules, and servers for them to talk to, on one thread.
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/event_loop.hpp"
#include "base/grpc/health.hpp"
#include "base/grpc/reflection.hpp"
#include "base/grpc/server.hpp"
#include "base/http/listener.hpp"
#include "base/metrics.hpp"
#include "engine/api/registry.hpp"
#include "engine/metrics/collector.hpp"
#include "engine/metrics/recorder.hpp"
#include "engine/script/fiber/fiber.hpp"
#include "engine/script/program.hpp"
#include "engine/users/log.hpp"
#include "engine/users/test_state.hpp"
#include "engine/users/vu.hpp"
#include "fuzz/bytes.hpp"

namespace gauntlet::fuzz {

class VirtualUser {
 public:
  VirtualUser() : rpc_({.metrics = &registry_}), listener_(loop_, {.address = "127.0.0.1"}, routes(), rpc_.streams()) {
    health_.set("", base::grpc::Health::Status::serving);
    base::grpc::add_health(rpc_, health_);
    base::grpc::add_reflection(rpc_);
    require(listener_.listen().has_value(), "a port for the scripts' server");
    auto log = engine::users::Log::open({.output = "none"});
    require(log.has_value(), "a log that shows nothing");
    log_ = std::move(*log);
  }

  /// Runs the script's top level, then its function "default", until nothing of it is pending or it was cut short.
  /// `before` and `after` are called around the latter, with the runtime alive. False when the top level failed.
  bool run(
      std::string script, std::chrono::milliseconds patience, const std::function<void(engine::users::Vu&)>& before,
      const std::function<void()>& after = [] {}) {
    const auto program = engine::script::Program::from_text(std::move(script));
    engine::metrics::MetricRegistry metrics;
    engine::users::TestState test(*program, engine::api::kNatives, metrics, *log_);
    test.environment["SERVER"] = "127.0.0.1:" + std::to_string(listener_.port());
    test.heap_bytes_per_vu = std::size_t{64} << 20U;
    engine::metrics::Collector collector(metrics, {}, engine::metrics::Instant::clock::now());
    const auto recorder = collector.make_recorder(nullptr);
    engine::users::Vu vu(test, {loop_, stacks_, *recorder}, 1);
    bool is_over = false;
    bool is_ready = false;
    was_cut_ = false;
    const auto cut = loop_.call_after(patience, [&] {
      was_cut_ = true;
      vu.interrupt();
    });
    vu.post([&] {
      const auto failure = vu.initialize();
      is_ready = !failure;
      if (failure && std::getenv("GAUNTLET_FUZZ_TELLS") != nullptr) std::fprintf(stderr, "%s\n", failure->message.c_str());
      if (is_ready) {
        before(vu);
        static_cast<void>(vu.call("default", {}, ""));
        after();
      }
      is_over = true;
    });
    while (!is_over || !vu.idle()) loop_.run_once(std::chrono::milliseconds(100));
    loop_.cancel(cut);
    return is_ready;
  }

  /// The last run came to the end of its patience: its script took that long, or the machine was busy with others.
  bool was_cut() const { return was_cut_; }

 private:
  base::http::Router& routes() {
    using base::http::ExchangePtr;
    router_.get("/json", [](ExchangePtr exchange) { exchange->respond({.body = list_of(40)}); });
    router_.get("/page", [](ExchangePtr exchange) {
      exchange->respond(
          {.content_type = "text/html",
           .body = "<!doctype html><title>t</title><form id=f action=/echo method=post><input name=a value=1 data-x='{\"y\":[1]}'>"
                   "<select name=s multiple><option selected>1<option selected>2</select></form><a href=/json class='b c'>link</a>"});
    });
    router_.post("/echo", [](ExchangePtr exchange) {
      exchange->respond({.content_type = "text/plain", .body = std::string(exchange->request().body())});
    });
    return router_;
  }

  /// Long enough for its objects to be deferred.
  static std::string list_of(int count) {
    std::string list = R"({"items":[)";
    for (int i = 0; i < count; ++i) {
      list += (i > 0 ? "," : "") + (R"({"id":)" + std::to_string(i)) +
              R"(,"name":"näme","tags":["a","b",[1.5,null]],"inner":{"done":true,"at":{"x":1,"y":2,"z":[{},[]]}},"kind":"kind"})";
    }
    return list + "]}";
  }

  bool was_cut_ = false;
  base::EventLoop loop_;
  base::metrics::Registry registry_;
  base::http::Router router_;
  base::grpc::Server rpc_;
  base::grpc::Health health_;
  base::http::Listener listener_;
  engine::fiber::StackPool stacks_;
  std::unique_ptr<engine::users::Log> log_;
};

}  // namespace gauntlet::fuzz
