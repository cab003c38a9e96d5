#pragma once
// Cookies as Go's net/http reads and writes them, and a jar by RFC 6265 without public suffix list.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/wire/url.hpp"

namespace gauntlet::engine::wire {

/// One Set-Cookie header, or a cookie that a script makes.
struct Cookie {
  std::string name;
  std::string value;
  bool is_quoted = false;  ///< the value stood in double quotes, and is sent so
  std::string domain;
  std::string path;
  std::optional<std::int64_t> expires_ms;  ///< Unix time
  int max_age = 0;                         ///< 0: not given; negative: delete now
  bool is_secure = false;
  bool is_http_only = false;
};

/// Nothing for what is no cookie (no '=', or a name that is no token).
std::optional<Cookie> parse_set_cookie(std::string_view header);

/// "name=value" for a Cookie header; values with blanks or commas are put in quotes, forbidden bytes left out.
void append_cookie(std::string& out, std::string_view name, std::string_view value, bool is_quoted);

/// Unix time in ms of an HTTP date: RFC 1123 ("Mon, 02 Jan 2006 15:04:05 GMT"), also with dashes in the date.
std::optional<std::int64_t> parse_http_date(std::string_view text);

/// The cookies of one virtual user. Time comes in, in Unix milliseconds.
class CookieJar {
 public:
  /// More than sites ever set; a server that sets endless cookies, or large ones, loses the oldest.
  static constexpr std::size_t kMaxCookies = 3000;
  static constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

  struct Sent {
    std::string_view name;
    std::string_view value;
    bool is_quoted;
  };

  /// The calendar time that the methods below take: milliseconds since 1970.
  static std::int64_t clock_ms();
  /// Keeps those of `cookies` that this URL may set.
  void set(const Url& url, const std::vector<Cookie>& cookies, std::int64_t now_ms);
  /// What goes to that URL: longer paths first, then older cookies first. Valid until the jar changes.
  std::vector<Sent> cookies_for(const Url& url, std::int64_t now_ms);
  /// Forgets those that would go to that URL (of that name only, when one is given).
  void remove(const Url& url, std::optional<std::string_view> name, std::int64_t now_ms);
  bool empty() const { return entries_.empty(); }

 private:
  struct Entry {
    Cookie cookie;
    std::string domain;
    std::string path;
    bool is_host_only;
    std::optional<std::int64_t> expires_ms;
    std::uint64_t created;

    bool goes_to(std::string_view host, std::string_view path, bool is_https) const;
    std::size_t bytes() const;
  };

  void keep_the_latest();

  std::vector<Entry> entries_;
  std::uint64_t next_created_ = 1;
};

}  // namespace gauntlet::engine::wire
