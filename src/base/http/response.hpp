#pragma once
// What a handler answers. Content-Length, Date and X-Request-Id are added by the listener.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/http/body.hpp"

namespace gauntlet::base::http {

struct Response {
  int status = 200;
  /// Static text; empty sends no Content-Type.
  std::string_view content_type = "application/json";
  Body body = {};
  /// Further headers, names in lower case (HTTP/2 demands it; HTTP/1.1 does not care). One that is_one_line() denies
  /// is left out: who chose its text could write headers, or a whole answer, of his own.
  std::vector<std::pair<std::string, std::string>> headers = {};
};

/// Whether a header's name or value has neither CR nor LF nor NUL.
bool is_one_line(std::string_view text);

/// The HTTP status of a gRPC code, as grpc-gateway maps it: not_found -> 404, unavailable -> 503, ...
int status_of(ErrorKind kind);

/// `{"code":5,"message":"...","details":[]}` with that status: the error shape of every route. 429 and 503 come with
/// Retry-After: 1.
Response error_response(const Error& error);
/// The same with another status than the code's own (404 with code 5 for an unknown path, 413, 431, ...).
Response error_response(int status, ErrorKind code, std::string_view message);

}  // namespace gauntlet::base::http
