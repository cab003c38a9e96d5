// URLs and cookies that a script or a server names.
#include "engine/wire/http/cookie.hpp"
#include "engine/wire/url.hpp"
#include "fuzz/bytes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gauntlet;
  using namespace gauntlet::engine::wire;
  fuzz::Bytes bytes(data, size);
  const std::string_view text = bytes.line();
  const auto plain = scan_plain_url(text);
  const auto url = Url::parse(text);
  if (plain) fuzz::require(url.has_value() && url->host == plain->authority, "the quick way takes only what the other takes, too");
  if (!url) return 0;
  const auto again = Url::parse(url->text());
  if (again) fuzz::require(again->text() == url->text(), "a URL written once stays as it is");
  static_cast<void>(url->resolve(bytes.rest()));
  static_cast<void>(url->request_target());
  CookieJar jar;
  if (const auto cookie = parse_set_cookie(bytes.rest())) jar.set(*url, {*cookie}, 1'000);
  std::string line;
  for (const auto& sent : jar.cookies_for(*url, 2'000)) append_cookie(line, sent.name, sent.value, sent.is_quoted);
  fuzz::require(line.find_first_of("\r\n") == std::string::npos, "no cookie breaks a header line");
  return 0;
}
