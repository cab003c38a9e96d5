#include "base/http/response.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/json_document.hpp"

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
  const std::string quoted = json_text(nlohmann::json(message));
  Response response;
  response.status = status;
  response.body = Body(fmt::format(R"({{"code":{},"message":{},"details":[]}})", static_cast<int>(code), quoted));
  if (status == 429 || status == 503) response.headers.emplace_back("retry-after", "1");
  return response;
}

}  // namespace gauntlet::base::http
