#pragma once
// What k6/ws and k6/websockets share: a connection's parameters as scripts give them, its cookies, and its samples.
#include <quickjs.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/event_loop.hpp"
#include "engine/api/http/state.hpp"
#include "engine/metrics/metric.hpp"
#include "engine/metrics/tags.hpp"
#include "engine/users/vu_context.hpp"
#include "engine/wire/http/request_fields.hpp"
#include "engine/wire/websocket/websocket.hpp"

namespace gauntlet::engine::api {

struct WebSocketParams {
  wire::RequestFields fields;
  std::vector<std::pair<std::string, std::string>> tags;
  std::shared_ptr<wire::CookieJar> jar;  ///< the virtual user's own unless the script gives another
  bool offers_deflate = false;
};

/// `value` may be anything. `tag_errors` names what has the tags in errors about them ("ws.connect() metric tags"); `refuses_unknown`: a
/// property that there is not is an error. A getter that throws leaves its exception pending and gives an empty message.
base::Expected<WebSocketParams> parse_websocket_params(HttpState& state, JSContext* context, JSValueConst value,
                                                       std::string_view tag_errors, bool refuses_unknown);

/// One connection of a script: the client with its request, cookies and metrics.
class WebSocketSession {
 public:
  /// `names_url`: samples have a tag `name`, the URL unless the script's tags name another, which then is `url`, too.
  WebSocketSession(HttpState& state, wire::Dialer& dialer, wire::WebSocket::Listener& listener, std::string url,
                   const WebSocketParams& params, bool names_url);

  wire::WebSocket& socket() { return socket_; }
  const std::string& url() const { return url_; }
  void connect(const WebSocketParams& params);

  /// When the handshake is over, one way or the other: its samples and cookies.
  void record_handshake();
  void record(metrics::MetricId metric, double value);
  /// From the call of connect() until now.
  void record_duration();

 private:
  using Instant = base::EventLoop::Clock::time_point;

  users::VuContext& vu_;
  std::string url_;
  std::optional<wire::Url> cookie_url_;
  std::shared_ptr<wire::CookieJar> jar_;
  metrics::Tags tags_;
  Instant started_ = base::EventLoop::Clock::now();
  wire::WebSocket socket_;
};

}  // namespace gauntlet::engine::api
