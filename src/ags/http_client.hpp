#pragma once
// HTTPS requests to the platform from an event loop: libcurl's multi interface on our epoll. Certificates are checked
// against the system's store, proxies taken from the environment.
//
// A GET uses kept connections, and HTTP/2 where the server offers it. Any other request goes out once, on a connection of
// its own: on a kept one that breaks without an answer libcurl would send it again by itself, although the server may have
// carried it out.
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/event_loop.hpp"

namespace gauntlet::ags {

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;  // "Content-Type: application/json"
  std::string body;
};

struct HttpReply {
  int status = 0;
  std::string body;
  bool retry_after = false;  // it has a Retry-After header: the server has turned the request away for now
};

struct HttpLimits {
  std::size_t max_connections_per_host = 32;
  std::size_t max_reply_bytes = 1024 * 1024;  // a longer reply fails the request
};

/// Belongs to its loop's thread. Redirects are not followed: the platform sends none, and a token must not travel.
class HttpClient {
 public:
  explicit HttpClient(base::EventLoop& loop, HttpLimits limits = {});
  /// Forgets requests under way without calling back.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Calls `done` once, never before send() returns, with the reply whatever its status. Without one: unavailable when
  /// nothing of the request was sent, so that nothing has happened there (no connection, or none by `deadline`, or that
  /// had passed already); unknown when the connection broke or the reply is too long; deadline_exceeded when there was
  /// none by `deadline`.
  void send(HttpRequest request, base::EventLoop::Clock::time_point deadline, std::function<void(base::Expected<HttpReply>)> done);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace gauntlet::ags
