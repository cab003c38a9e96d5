#pragma once
// The head of an HTTP/1 response: status line and headers, parsed in place by the rules of Go's client (whose leniency
// and error texts k6 scripts see). The bytes stay where they are; the result is views into them.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "engine/wire/failure.hpp"

namespace gauntlet::engine::wire {

struct ResponseHead {
  int status = 0;
  int major = 0;
  int minor = 0;
  std::string_view protocol;         ///< "HTTP/1.1"
  std::string_view status_text;      ///< "200 OK"
  std::string_view fields;           ///< the header lines, without the empty one
  std::int64_t content_length = -1;  ///< -1: not told
  bool is_chunked = false;
  bool keeps_alive = false;   ///< by version and Connection header
  bool has_cookies = false;   ///< there is a Set-Cookie
  bool has_encoding = false;  ///< there is a Content-Encoding

  /// Points the views into a copy of the bytes they were parsed from.
  void rebase(const char* from, const char* to) {
    for (std::string_view* view : {&protocol, &status_text, &fields}) *view = {to + (view->data() - from), view->size()};
  }
};

enum class HeadState { incomplete, complete, malformed, cut_off };

/// Parses the head at the start of `bytes`. `complete`: `length` is its size with the empty line. `incomplete` wants
/// more bytes; `ended` says that none will come: then it is `cut_off`. `malformed` and `cut_off` set `failure`.
/// Obsolete line folding is undone in `bytes` itself (which is why they are writable).
HeadState parse_response_head(char* bytes, std::size_t size, bool ended, ResponseHead& head, std::size_t& length, Failure& failure);

/// Calls `visit(name, value)` for each header line of ResponseHead::fields as received; values are trimmed.
template <class Visit>
void for_each_field(std::string_view fields, Visit&& visit) {
  while (!fields.empty()) {
    const auto end = fields.find('\n');
    std::string_view line = fields.substr(0, end);
    fields = end == std::string_view::npos ? std::string_view() : fields.substr(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    visit(line.substr(0, colon), base::trimmed(line.substr(colon + 1)));
  }
}

/// The value of the first field of that name (given in lower case); empty when there is none.
std::string_view field_value(std::string_view fields, std::string_view lower_name);

/// "content-type" -> "Content-Type"; names with bytes that no token has stay as they are.
std::string canonical_field_name(std::string_view name);
void canonicalise_field_name(char* name, std::size_t size);
/// Whether `name` may be sent as a header name, and `value` as a value.
bool is_token(std::string_view name);
bool is_field_value(std::string_view value);
/// A line of a head, "Name: value".
inline void append_field(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ").append(value).append("\r\n");
}
/// Whether a comma-separated list such as Connection's holds the token (in lower case).
bool list_has_token(std::string_view list, std::string_view lower);

}  // namespace gauntlet::engine::wire
