#pragma once
// URLs by the rules of Go's net/url, which k6 scripts see: what is accepted, how it is escaped again, and the error texts.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace gauntlet::engine::wire {

struct Url {
  std::string scheme;                   ///< lower case; empty for a relative reference
  std::string opaque;                   ///< what follows the scheme of "mailto:x"
  std::optional<std::string> user;      ///< decoded; present when there is an '@'
  std::optional<std::string> password;  ///< decoded
  std::string host;                     ///< with port and brackets, as given; percent-decoded
  std::string path;                     ///< decoded
  std::string raw_path;                 ///< as given when encoding `path` anew would differ
  bool force_query = false;             ///< a '?' with nothing behind it
  std::string raw_query;                ///< without '?', as given but for blanks, which are "%20"
  std::string fragment;                 ///< decoded
  std::string raw_fragment;

  /// Errors read as Go's: `parse "http://a b/": invalid character " " in host name`.
  static base::Expected<Url> parse(std::string_view text);

  /// The whole URL again.
  std::string text() const;
  /// Path and query for the request line: "/a%20b?c".
  std::string request_target() const;
  std::string escaped_path() const;
  /// Host without port and brackets; port as text, empty when none is given.
  std::string_view hostname() const;
  std::string_view port_text() const;
  /// The user info part as it stands in a URL, without '@'.
  std::string user_info() const;

  /// RFC 3986 section 5.2: `reference` as seen from this URL.
  base::Expected<Url> resolve(std::string_view reference) const;
};

/// The parts of an http or https URL that needs no decoding, as views into it: lower-case scheme, a plain host with or
/// without port, and a path and query of characters that stay as they are. Most URLs are; for the rest use Url.
struct PlainUrl {
  bool tls = false;
  std::string_view authority;  ///< "host:port" or "host"
  std::string_view host;
  std::uint16_t port = 0;
  std::string_view target;  ///< "/path?query"; empty means "/"
};
std::optional<PlainUrl> scan_plain_url(std::string_view text);

/// "http://user:secret@host/" -> "http://user:***@host/", for what is shown. `text` may be no URL, or have one inside.
std::string hide_password(std::string text);

/// application/x-www-form-urlencoded: spaces become '+'.
void append_query_escaped(std::string& out, std::string_view text);
std::string query_escape(std::string_view text);

}  // namespace gauntlet::engine::wire
