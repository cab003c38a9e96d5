#pragma once
// Bytes of an HTTP/1.1 connection to requests, one at a time; pure, so that it can be fuzzed and tested by itself.
// http_parser does the head's grammar; this adds chunked bodies and the limits, and refuses what proxies and we might
// read differently (RFC 9112 sections 2.2, 3.2, 6.1, 6.3, 7.1, 11.2): that is how requests are smuggled.
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/http/request.hpp"

namespace gauntlet::base::http {

class Http1Reader {
 public:
  struct Limits {
    std::size_t max_header_bytes;
    std::size_t max_body_bytes;
  };
  enum class Outcome { incomplete, complete, failed };

  explicit Http1Reader(Limits limits);
  ~Http1Reader();

  /// Reads on into `request` (the same object, cleared, from a request's first byte to its last) and stops after a
  /// complete request. `consumed` is how many of the bytes belong to it. After `failed` the connection is beyond use.
  Outcome read(std::string_view bytes, Request& request, std::size_t& consumed);

  /// Some bytes of a request have come, but not all.
  bool in_request() const;
  /// The headers are complete, the client waits for "100 Continue" before it sends the body; true once a request.
  bool take_expects_continue();
  /// Of the complete request: whether the connection may serve another.
  bool keep_alive() const;
  /// Of the complete request: whether it came as HTTP/1.0.
  bool is_http10() const;

  /// Why it failed: the status to answer, and words.
  int failure_status() const;
  std::string_view failure() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gauntlet::base::http
