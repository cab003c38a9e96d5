#pragma once
// k6's REST API (https://grafana.com/docs/k6/latest/misc/k6-rest-api/) over HTTP, only where --address asks for it.
// Takes requests on a thread of its own and has them answered on the control loop, where the run's state is.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/error.hpp"
#include "base/event_loop.hpp"

namespace gauntlet::engine::run {

struct RestRequest {
  std::string method;  ///< "GET", "PATCH", "PUT", "POST"
  std::string path;    ///< "/v1/metrics/checks"
  std::string body;
};
struct RestReply {
  int status = 200;
  std::string text;
  bool is_json = true;
};

class RestServer {
 public:
  /// To be called once, on the control loop, at once or later; after the server is gone it does nothing.
  using Reply = std::function<void(RestReply)>;
  using Answer = std::function<void(const RestRequest&, Reply)>;

  /// `address` is HOST:PORT or :PORT (127.0.0.1). Fails, naming it, when it cannot listen there. `answer` runs on
  /// `control`, which outlives the server.
  static base::Expected<std::unique_ptr<RestServer>> start(const std::string& address, base::EventLoop& control, Answer answer);
  /// Requests that wait are cut off.
  ~RestServer();
  RestServer(const RestServer&) = delete;
  RestServer& operator=(const RestServer&) = delete;

 private:
  struct State;
  explicit RestServer(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;  // shared: what was posted to the control loop may come after the server
};

}  // namespace gauntlet::engine::run
