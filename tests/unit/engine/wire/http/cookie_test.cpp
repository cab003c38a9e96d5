#include "engine/wire/http/cookie.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace gauntlet::engine::wire {
namespace {

constexpr std::int64_t kNow = 1'800'000'000'000;

Url url(std::string_view text) { return *Url::parse(text); }

std::string sent(CookieJar& jar, std::string_view to, std::int64_t now = kNow) {
  std::string out;
  for (const CookieJar::Sent& cookie : jar.cookies_for(url(to), now)) {
    if (!out.empty()) out += "; ";
    append_cookie(out, cookie.name, cookie.value, cookie.is_quoted);
  }
  return out;
}

void receive(CookieJar& jar, std::string_view from, std::initializer_list<std::string_view> headers, std::int64_t now = kNow) {
  std::vector<Cookie> cookies;
  for (const std::string_view header : headers) {
    if (auto cookie = parse_set_cookie(header)) cookies.push_back(*cookie);
  }
  jar.set(url(from), cookies, now);
}

TEST(SetCookie, is_read_with_its_attributes) {
  const auto cookie = parse_set_cookie(
      "c=\"q v\"; Expires=Wed, 21 Oct 2037 07:28:00 GMT; HttpOnly; SameSite=Lax; path=/x; DOMAIN=example.com; Max-Age=100; Secure");
  ASSERT_TRUE(cookie);
  EXPECT_EQ(cookie->name, "c");
  EXPECT_EQ(cookie->value, "q v");
  EXPECT_TRUE(cookie->is_quoted);
  EXPECT_EQ(cookie->expires_ms, 2139722880000);
  EXPECT_EQ(cookie->path, "/x");
  EXPECT_EQ(cookie->domain, "example.com");
  EXPECT_EQ(cookie->max_age, 100);
  EXPECT_TRUE(cookie->is_secure);
  EXPECT_TRUE(cookie->is_http_only);
}

TEST(SetCookie, is_refused_when_it_is_none) {
  for (const char* header : {"", "bad", "=x", "a b=c", "a=\x01", "\xc3\xa9=x"}) EXPECT_FALSE(parse_set_cookie(header)) << header;
}

TEST(SetCookie, reads_ages_as_go_does) {
  EXPECT_EQ(parse_set_cookie("a=1; Max-Age=0")->max_age, -1);
  EXPECT_EQ(parse_set_cookie("a=1; Max-Age=-5")->max_age, -1);
  EXPECT_EQ(parse_set_cookie("a=1; Max-Age=05")->max_age, 0);
  EXPECT_EQ(parse_set_cookie("a=1; Max-Age=x")->max_age, 0);
  EXPECT_EQ(parse_set_cookie("a=1; Expires=tomorrow")->expires_ms, std::nullopt);
}

TEST(HttpDate, is_read_in_both_spellings) {
  EXPECT_EQ(parse_http_date("Thu, 01 Jan 1970 00:00:01 GMT"), 1000);
  EXPECT_EQ(parse_http_date("Mon, 02-Jan-2006 15:04:05 MST"), 1136214245000);
  for (const char* text : {"", "tomorrow", "Mon, 32 Jan 2006 15:04:05 GMT", "Mon, 02 Foo 2006 15:04:05 GMT",
                           "Mon, 02 Jan 2006 25:04:05 GMT", "Xxx, 02 Jan 2006 15:04:05 GMT"}) {
    EXPECT_EQ(parse_http_date(text), std::nullopt) << text;
  }
}

// The exchange recorded with k6 1.8.1: which cookies of that response go where.
TEST(CookieJar, sends_what_k6_sends) {
  CookieJar jar;
  receive(
      jar, "http://127.0.0.1:18901/cookies",
      {"a=1; Path=/; Max-Age=100", "b=2; Path=/echo; Secure", "c=\"q v\"; Expires=Wed, 21 Oct 2037 07:28:00 GMT; HttpOnly; SameSite=Lax",
       "d=4; Domain=example.com", "bad", "neg=1; Max-Age=-1", "a=1b; Path=/x"});
  EXPECT_EQ(sent(jar, "http://127.0.0.1:18901/"), "a=1; c=\"q v\"");
  EXPECT_EQ(sent(jar, "http://127.0.0.1:18901/echo"), "b=2; a=1; c=\"q v\"");
  EXPECT_EQ(sent(jar, "http://127.0.0.1:18901/x/y"), "a=1b; a=1; c=\"q v\"");
  EXPECT_EQ(sent(jar, "http://127.0.0.1:18901/xy"), "a=1; c=\"q v\"");
  EXPECT_EQ(sent(jar, "http://127.0.0.2/"), "");
}

struct DomainCase {
  const char* from;
  const char* header;
  const char* to;
  bool goes;
};
TEST(CookieJar, keeps_to_domains_paths_and_secrecy) {
  const DomainCase cases[] = {
      {"http://www.example.com/", "a=1", "http://www.example.com/", true},
      {"http://www.example.com/", "a=1", "http://example.com/", false},
      {"http://www.example.com/", "a=1", "http://x.www.example.com/", false},
      {"http://www.example.com/", "a=1; Domain=example.com", "http://other.example.com/", true},
      {"http://www.example.com/", "a=1; Domain=.example.com", "http://example.com/", true},
      {"http://www.example.com/", "a=1; Domain=EXAMPLE.com", "http://EXAMPLE.COM/", true},
      {"http://www.example.com/", "a=1; Domain=other.com", "http://www.example.com/", false},
      {"http://www.example.com/", "a=1; Domain=ww.example.com", "http://www.example.com/", false},
      {"http://www.example.com/", "a=1; Domain=example.com.", "http://example.com/", false},
      {"http://badexample.com/", "a=1; Domain=example.com", "http://example.com/", false},
      {"http://127.0.0.1/", "a=1; Domain=127.0.0.1", "http://127.0.0.1:99/", true},
      {"http://127.0.0.1/", "a=1; Domain=0.0.1", "http://127.0.0.1/", false},
      {"http://h/a/b", "a=1", "http://h/a/c", true},
      {"http://h/a/b", "a=1", "http://h/", false},
      {"http://h/a/b", "a=1; Path=/", "http://h/", true},
      {"http://h/a/b", "a=1; Path=no", "http://h/a/", true},
      {"http://h/", "a=1; Path=/foo/", "http://h/foo", false},
      {"https://h/", "a=1; Secure", "http://h/", false},
      {"https://h/", "a=1; Secure", "https://h/", true},
      {"http://x.test/", "a=1; Secure", "https://x.test/", true},
      {"http://localhost/", "a=1; Secure", "http://localhost/", true},
      {"ftp://h/", "a=1", "http://h/", false},
  };
  for (const DomainCase& one : cases) {
    CookieJar jar;
    receive(jar, one.from, {one.header});
    EXPECT_EQ(sent(jar, one.to) == "a=1", one.goes) << one.from << ' ' << one.header << " -> " << one.to;
  }
}

TEST(CookieJar, forgets_what_has_expired_and_what_is_deleted) {
  CookieJar jar;
  receive(jar, "http://h/", {"a=1; Max-Age=10", "b=2", "c=3"});
  EXPECT_EQ(sent(jar, "http://h/", kNow + 9'000), "a=1; b=2; c=3");
  EXPECT_EQ(sent(jar, "http://h/", kNow + 10'000), "b=2; c=3");
  receive(jar, "http://h/", {"b=; Max-Age=0"});
  EXPECT_EQ(sent(jar, "http://h/"), "c=3");
  jar.remove(url("http://h/"), "nope", kNow);
  EXPECT_EQ(sent(jar, "http://h/"), "c=3");
  jar.remove(url("http://h/"), std::nullopt, kNow);
  EXPECT_TRUE(jar.empty());
}

TEST(CookieJar, replaces_in_place) {
  CookieJar jar;
  receive(jar, "http://h/", {"a=1", "b=2"});
  receive(jar, "http://h/", {"a=3"});
  EXPECT_EQ(sent(jar, "http://h/"), "a=3; b=2");
}

TEST(CookieJar, does_not_grow_without_bound) {
  CookieJar jar;
  for (int i = 0; i < 5000; ++i) receive(jar, "http://h/", {"k" + std::to_string(i) + "=1"});
  EXPECT_EQ(jar.cookies_for(url("http://h/"), kNow).size(), CookieJar::kMaxCookies);
  const std::string large(CookieJar::kMaxBytes * 2 / 5, 'v');
  for (const char* name : {"a=", "b=", "c="}) receive(jar, "http://h/", {name + large});
  EXPECT_EQ(sent(jar, "http://h/"), "b=" + large + "; c=" + large);
}

TEST(SetCookie, any_bytes_are_read_or_refused) {
  EXPECT_TRUE(rc::check("no crash", [](const std::string& text) { parse_set_cookie(text); }));
}

}  // namespace
}  // namespace gauntlet::engine::wire
