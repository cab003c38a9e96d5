#include "engine/wire/failure.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "base/text.hpp"
#include "base/utf8.hpp"

namespace gauntlet::engine::wire {

Failure failure(int code, std::string message) {
  Failure result{code, std::move(message), {}};
  result.cause = result.message;
  return result;
}

Failure request_timeout() { return failure(error_code::kTimeout, "request timeout"); }

std::string errno_text(int error_number) {
  char buffer[128];
  std::string text = strerror_r(error_number, buffer, sizeof buffer);
  if (!text.empty()) text[0] = base::lower_case(text[0]);
  return text;
}

Failure socket_failure(std::string_view operation, int error_number, std::string_view local, std::string_view remote) {
  const std::string text = errno_text(error_number);
  const bool is_dial = operation == "dial";
  Failure result;
  result.cause = is_dial ? fmt::format("dial tcp {}: connect: {}", remote, text)
                         : fmt::format("{} tcp {}->{}: {}: {}", operation, local, remote, operation, text);
  result.message = fmt::format("{}: {}", operation, text);
  switch (error_number) {
    case ECONNREFUSED: result.code = is_dial ? error_code::kDialRefused : error_code::kUnknownTcp; break;
    case ETIMEDOUT:
      result.code = is_dial ? error_code::kDialTimeout : error_code::kUnknownTcp;
      if (is_dial) result.message = "dial: i/o timeout";
      break;
    case ECONNRESET: result.code = error_code::kReset; break;
    case EPIPE: result.code = error_code::kBrokenPipe; break;
    default: result.code = is_dial ? error_code::kUnknownDial : error_code::kUnknownTcp; break;
  }
  if (result.code == error_code::kUnknownDial || result.code == error_code::kUnknownTcp) {
    result.message = fmt::format("{}: unknown errno {} error with msg `{}`", operation, error_number, text);
  }
  return result;
}

std::string go_quote(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    switch (byte) {
      case '"': out += "\\\""; continue;
      case '\\': out += "\\\\"; continue;
      case '\n': out += "\\n"; continue;
      case '\r': out += "\\r"; continue;
      case '\t': out += "\\t"; continue;
      case '\a': out += "\\a"; continue;
      case '\b': out += "\\b"; continue;
      case '\f': out += "\\f"; continue;
      case '\v': out += "\\v"; continue;
      default: break;
    }
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else if (byte < 0x80) {
      out += static_cast<char>(byte);
    } else {
      // A whole, well-formed sequence is printed as it is; a stray byte as \xNN.
      if (const std::size_t length = base::utf8_length(text, i); length != 0) {
        out += text.substr(i, length);
        i += length - 1;
      } else {
        out += fmt::format("\\x{:02x}", byte);
      }
    }
  }
  return out += '"';
}

}  // namespace gauntlet::engine::wire
