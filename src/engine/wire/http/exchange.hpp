#pragma once
// One HTTP round trip as the client's parts see it: the request, the answer, k6's timings.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.hpp"
#include "engine/wire/buffer.hpp"
#include "engine/wire/failure.hpp"
#include "engine/wire/http_head.hpp"
#include "engine/wire/tcp/dialer.hpp"
#include "engine/wire/tcp/stream.hpp"

namespace gauntlet::engine::wire {

/// k6's http_req_* times. duration() is what it calls http_req_duration.
struct HttpTimings {
  std::chrono::nanoseconds blocked{0};  ///< until there was a connection: DNS, connect, TLS
  std::chrono::nanoseconds connecting{0};
  std::chrono::nanoseconds tls_handshaking{0};
  std::chrono::nanoseconds sending{0};    ///< connection there -> last byte written
  std::chrono::nanoseconds waiting{0};    ///< written -> first byte of the response
  std::chrono::nanoseconds receiving{0};  ///< first byte -> last byte
  std::chrono::nanoseconds duration() const { return sending + waiting + receiving; }
};

/// Which protocol is spoken. `negotiated`: by ALPN over TLS, HTTP/1.1 without TLS.
enum class HttpVersion : std::uint8_t {
  negotiated,
  http1,  ///< HTTP/2 is not offered
  http2,  ///< only HTTP/2; without TLS by prior knowledge (h2c)
};

class HttpExchange;

struct HttpLimits {
  std::size_t max_head_bytes = 10 * 1024 * 1024;      ///< Go's
  std::size_t max_body_bytes = std::size_t{1} << 30;  ///< what a JavaScript string can hold
  std::size_t max_kept_bytes = std::size_t{1} << 30;  ///< of a body that is not discarded: what its script has room for
  std::size_t max_idle = 20;                          ///< idle connections kept, in all (option batch)
  std::size_t max_idle_per_origin = 6;                ///< and per scheme, host and port (option batchPerHost)
  HttpVersion version = HttpVersion::negotiated;      ///< option httpVersion

  std::size_t body_limit(const HttpExchange& exchange) const;
  /// Of a streamed body that wait for its reader; no more is read from an HTTP/1.1 connection then. With HTTP/2 it is the
  /// stream's window.
  static constexpr std::size_t kStreamedBytes = 256 * 1024;
};

class HttpClient;
class Http1Carrier;
class Http2Carrier;
struct HttpOrigin;

/// One round trip: the request, then the response. Owned by the caller, who keeps it at its place (and the request's
/// parts unchanged) until it is done or cancelled. Can be used again afterwards.
class HttpExchange {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    /// Once per send(), from the loop, never from inside send(). May send again, and may destroy the exchange.
    virtual void on_exchange_done(HttpExchange& exchange) = 0;
    // For an exchange that may be streamed, and from within its connection: nothing may be done to it here.
    /// The head is there, and a body follows. True: it is streamed, a part is in `body` until consume() is told that it is
    /// not, and there is no deadline any more but what HttpClient::set_deadline() sets.
    virtual bool on_exchange_head(HttpExchange&) { return false; }
    /// More of a streamed body has come.
    virtual void on_exchange_body(HttpExchange&) {}
  };
  using Clock = base::EventLoop::Clock;

  // The request.
  HttpOrigin* origin = nullptr;
  std::string request_head;  ///< request line and headers with the empty line
  std::string_view request_body;
  std::vector<std::string_view> more_body;  ///< what follows on request_body; none for most
  bool is_head = false;                     ///< method HEAD: the response has no body whatever it says
  bool is_replayable = true;                ///< may be sent again when a kept connection turns out dead: GET, HEAD, OPTIONS, TRACE
  bool wants_close = false;                 ///< the request says Connection: close
  bool discards_body = false;               ///< read the body, keep nothing
  bool may_stream = false;                  ///< asks the listener, once there is a head, whether its body is streamed
  Clock::time_point deadline = Clock::time_point::max();
  Listener* listener = nullptr;

  // The response.
  Failure failure;              ///< when set, what follows is what there was until then
  bool failed_in_body = false;  ///< the failure came after the head
  ResponseHead head;            ///< status 0 until a head has come; views into response_head
  std::string response_head;
  Buffer body;
  bool is_streamed = false;
  std::uint64_t body_bytes = 0;  ///< on the wire without framing, also when discarded
  HttpTimings timings;
  bool has_remote = false;
  Endpoint remote;
  std::shared_ptr<const TlsSession> tls;  ///< null without TLS

 private:
  friend class HttpClient;
  friend class Http1Carrier;
  friend class Http2Carrier;

  std::size_t index_ = 0;  // in HttpClient::in_flight_
  Http1Carrier* connection_ = nullptr;
  Http2Carrier* carrier_ = nullptr;
  void* carried_ = nullptr;  // Http2Carrier::Carried
  int refusals_ = 0;
  bool waits_ = false;  // for a connection that another exchange dials
  Dialer::DialId dial_ = 0;
  Clock::time_point started_{};
  Clock::time_point sending_since_{};
  Clock::time_point written_{};
  Clock::time_point first_byte_{};
};

inline std::size_t HttpLimits::body_limit(const HttpExchange& exchange) const {
  if (exchange.is_streamed) return std::numeric_limits<std::size_t>::max();
  return exchange.discards_body ? max_body_bytes : std::min(max_body_bytes, max_kept_bytes);
}

}  // namespace gauntlet::engine::wire
