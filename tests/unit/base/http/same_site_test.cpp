#include "base/http/same_site.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

namespace gauntlet::base::http {
namespace {

int status_of_request(std::string_view method, std::string_view host,
                      std::initializer_list<std::pair<std::string_view, std::string_view>> headers = {}, std::string body = {}) {
  Request request;
  request.set_method(method);
  request.set_target("/");
  request.set_authority(host);
  for (const auto& [name, value] : headers) request.add_header(name, value);
  request.mutable_body() = std::move(body);
  const auto refusal = refuse_other_site(request);
  return refusal ? refusal->status : 200;
}

TEST(SameSite, takes_this_machine_by_its_addresses_and_local_names) {
  for (const char* host :
       {"localhost", "localhost:5665", "LOCALHOST:1", "page.localhost:80", "127.0.0.1:6565", "[::1]:6565", "10.1.2.3:80", ""})
    EXPECT_EQ(status_of_request("GET", host), 200) << host;
}

TEST(SameSite, refuses_names_that_somebody_else_may_point_at_this_machine) {
  for (const char* host : {"evil.example", "evil.example:6565", "127.0.0.1.evil.example", "localhost.evil.example:80", "[evil]:1", "["})
    EXPECT_EQ(status_of_request("GET", host), 403) << host;
}

TEST(SameSite, refuses_what_a_browser_says_another_page_asks) {
  EXPECT_EQ(status_of_request("POST", "localhost:6565", {{"origin", "http://localhost:6565"}}), 200);
  for (const char* origin : {"http://evil.example", "null", "http://localhost", "http://localhost:5665", "https://localhost:6565"})
    EXPECT_EQ(status_of_request("POST", "localhost:6565", {{"origin", origin}}), 403) << origin;
}

TEST(SameSite, changes_nothing_by_a_body_that_a_form_could_send) {
  EXPECT_EQ(status_of_request("POST", "localhost"), 200);
  EXPECT_EQ(status_of_request("PATCH", "localhost", {{"content-type", "application/json; charset=utf-8"}}, "{}"), 200);
  for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=application/json", ""})
    EXPECT_EQ(status_of_request("POST", "localhost", {{"content-type", type}}, "{}"), 415) << type;
  EXPECT_EQ(status_of_request("PUT", "localhost", {}, "{}"), 415);
  EXPECT_EQ(status_of_request("GET", "localhost", {{"content-type", "text/plain"}}), 200);
}

}  // namespace
}  // namespace gauntlet::base::http
