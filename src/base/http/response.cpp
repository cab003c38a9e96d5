#include "base/http/response.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace gauntlet::base::http {

bool is_one_line(std::string_view text) { return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos; }

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::cancelled: return 499;
    case ErrorKind::invalid_argument:
    case ErrorKind::out_of_range:
    case ErrorKind::failed_precondition: return 400;
    case ErrorKind::unauthenticated: return 401;
    case ErrorKind::permission_denied: return 403;
    case ErrorKind::not_found: return 404;
    case ErrorKind::already_exists:
    case ErrorKind::aborted: return 409;
    case ErrorKind::resource_exhausted: return 429;
    case ErrorKind::unimplemented: return 501;
    case ErrorKind::unavailable: return 503;
    case ErrorKind::deadline_exceeded: return 504;
    case ErrorKind::unknown:
    case ErrorKind::internal:
    case ErrorKind::data_loss: return 500;
  }
  return 500;
}

Response error_response(const Error& error) { return error_response(status_of(error.kind), error.kind, error.message); }

Response error_response(int status, ErrorKind code, std::string_view message) {
  // Messages may quote what a client sent, so bytes that are not UTF-8 are replaced rather than thrown at.
  const std::string quoted = nlohmann::json(message).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  Response response;
  response.status = status;
  response.body = Body(fmt::format(R"({{"code":{},"message":{},"details":[]}})", static_cast<int>(code), quoted));
  if (status == 429 || status == 503) response.headers.emplace_back("retry-after", "1");
  return response;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Status";
  }
}

}  // namespace gauntlet::base::http
