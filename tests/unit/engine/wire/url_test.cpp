#include "engine/wire/url.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace gauntlet::engine::wire {
namespace {

struct Accepted {
  const char* given;
  const char* text;    // written again
  const char* target;  // of the request line
  const char* host;
};

// What real k6 1.8.1 made of these URLs.
TEST(Url, is_escaped_again_as_go_does) {
  const Accepted cases[] = {
      {"http://h:1/a b?c d#frag", "http://h:1/a%20b?c%20d#frag", "/a%20b?c%20d", "h:1"},
      {"http://h/echo?x=\xc3\xa9&y=%zz", "http://h/echo?x=\xc3\xa9&y=%zz", "/echo?x=\xc3\xa9&y=%zz", "h"},
      {"http://h/echo/../a/./b", "http://h/echo/../a/./b", "/echo/../a/./b", "h"},
      {"HTTP://H/echo", "http://H/echo", "/echo", "H"},
      {"http://h/echo?", "http://h/echo?", "/echo?", "h"},
      {"http://h?q=1", "http://h?q=1", "/?q=1", "h"},
      {"http://h", "http://h", "/", "h"},
      {"http://u:p%40@h/echo", "http://u:p%40@h/echo", "/echo", "h"},
      {"http://h/echo/\"<>^`{|}\xc3\xa9%20%2f", "http://h/echo/%22%3C%3E%5E%60%7B%7C%7D%C3%A9%20/",
       "/echo/%22%3C%3E%5E%60%7B%7C%7D%C3%A9%20/", "h"},
      {"http://h/a%2fb", "http://h/a%2fb", "/a%2fb", "h"},
      {"http://h/echo?\"<>^`{|}\\", "http://h/echo?\"<>^`{|}\\", "/echo?\"<>^`{|}\\", "h"},
      {"http://[::1]:1/", "http://[::1]:1/", "/", "[::1]:1"},
      {"http://", "http:", "/", ""},
      {"http:///x", "http:///x", "/x", ""},
      {"//x/y", "//x/y", "/y", "x"},
      {"/rel", "/rel", "/rel", ""},
      {"mapped", "mapped", "mapped", ""},
      {"", "", "/", ""},
  };
  for (const Accepted& want : cases) {
    const auto url = Url::parse(want.given);
    ASSERT_TRUE(url) << want.given << ": " << url.error().message;
    EXPECT_EQ(url->text(), want.text) << want.given;
    EXPECT_EQ(url->request_target(), want.target) << want.given;
    EXPECT_EQ(url->host, want.host) << want.given;
  }
}

TEST(Url, refuses_in_gos_words) {
  const std::pair<const char*, const char*> cases[] = {
      {"http://127.0.0.1:abc/", R"(parse "http://127.0.0.1:abc/": invalid port ":abc" after host)"},
      {"http://[::1/", R"(parse "http://[::1/": missing ']' in host)"},
      {"http://a b/", R"(parse "http://a b/": invalid character " " in host name)"},
      {"http://h/%zz", R"(parse "http://h/%zz": invalid URL escape "%zz")"},
      {"http://h/echo\n", R"(parse "http://h/echo\n": net/url: invalid control character in URL)"},
      {" http://h/echo", R"(parse " http://h/echo": first path segment in URL cannot contain colon)"},
      {"1http://x/", R"(parse "1http://x/": first path segment in URL cannot contain colon)"},
      {"::bad", R"(parse "::bad": missing protocol scheme)"},
  };
  for (const auto& [given, want] : cases) {
    const auto url = Url::parse(given);
    ASSERT_FALSE(url) << given;
    EXPECT_EQ(url.error().message, want);
  }
}

TEST(Url, resolves_references_as_rfc_3986_says) {
  const auto base = Url::parse("http://a/b/c/d;p?q");
  const std::pair<const char*, const char*> cases[] = {
      {"g", "http://a/b/c/g"},      {"./g", "http://a/b/c/g"},      {"g/", "http://a/b/c/g/"},   {"/g", "http://a/g"},
      {"//g", "http://g"},          {"?y", "http://a/b/c/d;p?y"},   {"g?y", "http://a/b/c/g?y"}, {"#s", "http://a/b/c/d;p?q#s"},
      {"g#s", "http://a/b/c/g#s"},  {";x", "http://a/b/c/;x"},      {"", "http://a/b/c/d;p?q"},  {".", "http://a/b/c/"},
      {"./", "http://a/b/c/"},      {"..", "http://a/b/"},          {"../g", "http://a/b/g"},    {"../..", "http://a/"},
      {"../../g", "http://a/g"},    {"../../../g", "http://a/g"},   {"/./g", "http://a/g"},      {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},    {"..g", "http://a/b/c/..g"},    {"./../g", "http://a/b/g"},  {"./g/.", "http://a/b/c/g/"},
      {"g/../h", "http://a/b/c/h"}, {"https://x/y", "https://x/y"},
  };
  for (const auto& [reference, want] : cases) {
    const auto url = base->resolve(reference);
    ASSERT_TRUE(url) << reference;
    EXPECT_EQ(url->text(), want) << reference;
  }
}

TEST(Url, quick_scan_agrees_with_the_whole_parser_or_leaves_it_to_it) {
  const bool holds = rc::check("scan_plain_url is a shortcut and nothing else", [] {
    const auto rest = *rc::gen::container<std::string>(rc::gen::element('a', 'B', '1', '.', '-', '_', ':', '/', '?', '#', '@', '%', '2',
                                                                        'F', ' ', '&', '=', '[', ']', '+', '~', '"', '*'));
    const std::string text = (*rc::gen::arbitrary<bool>() ? "http://" : "https://") + rest;
    const auto plain = scan_plain_url(text);
    if (!plain) return;
    const auto url = Url::parse(text);
    RC_ASSERT(url.has_value());
    RC_ASSERT(url->text() == text);
    RC_ASSERT(url->host == plain->authority);
    RC_ASSERT(url->hostname() == plain->host);
    RC_ASSERT(url->request_target() == (plain->target.empty() ? "/" : std::string(plain->target)));
    RC_ASSERT(plain->tls == (url->scheme == "https"));
  });
  EXPECT_TRUE(holds);
  EXPECT_TRUE(scan_plain_url("http://127.0.0.1:8000/challenge/v1/x?active_only=true"));
  EXPECT_FALSE(scan_plain_url("http://h:99999/"));
}

TEST(Url, form_encoding_keeps_only_what_is_safe) { EXPECT_EQ(query_escape("x y&=+%~-_./\xc3\xa9"), "x+y%26%3D%2B%25~-_.%2F%C3%A9"); }

TEST(Url, a_password_is_hidden_wherever_a_url_stands) {
  EXPECT_EQ(hide_password("http://u:s3cr3t@h/p?q=a:b@c"), "http://u:***@h/p?q=a:b@c");
  EXPECT_EQ(hide_password("parse \"http://u:a@b@c d/\": no URL, nor http://v:x@h"),
            "parse \"http://u:***@c d/\": no URL, nor http://v:***@h");
  for (const char* same : {"http://h:80/@", "http://u@h:80/", "u:p@h", ""}) EXPECT_EQ(hide_password(same), same);
}

TEST(Url, any_bytes_are_parsed_or_refused) {
  EXPECT_TRUE(rc::check("no crash", [](const std::string& text) {
    if (const auto url = Url::parse(text)) {
      (void)url->text();
      (void)url->resolve(text);
    }
  }));
}

}  // namespace

}  // namespace gauntlet::engine::wire
