#include "base/http/router.hpp"

#include <gtest/gtest.h>

namespace gauntlet::base::http {
namespace {

struct RouterTest : testing::Test {
  RouterTest() {
    const Handler none = [](const ExchangePtr&) {};
    router.get("/v1/challenges", none);
    router.get("/v1/challenges/{challenge_id}", none);
    router.post("/v1/challenges/initialize", none);
    router.post("/v1/challenges/{challenge_id}/goals/{goal_id}/claim", none);
    router.put("/v1/challenges/{challenge_id}/goals/{goal_id}/active", none);
    router.get("/apidocs/", none);
    router.get("/files/*", none);
  }
  std::string route(std::string_view method, std::string_view path) const {
    const auto match = router.match(method, path);
    return match.handler != nullptr ? std::string(match.route) : match.allow.empty() ? "404" : "405 " + match.allow;
  }
  Router router;
};

TEST_F(RouterTest, finds_the_route_of_a_method_and_path) {
  EXPECT_EQ(route("GET", "/v1/challenges"), "/v1/challenges");
  EXPECT_EQ(route("GET", "/v1/challenges/c1"), "/v1/challenges/{challenge_id}");
  EXPECT_EQ(route("POST", "/v1/challenges/initialize"), "/v1/challenges/initialize");
  EXPECT_EQ(route("POST", "/v1/challenges/c1/goals/g1/claim"), "/v1/challenges/{challenge_id}/goals/{goal_id}/claim");
  EXPECT_EQ(route("HEAD", "/v1/challenges"), "/v1/challenges");
  EXPECT_EQ(route("GET", "/files/a/b/c"), "/files/*");
  EXPECT_EQ(route("GET", "/files/"), "/files/*");
  EXPECT_EQ(route("GET", "/apidocs/"), "/apidocs/");
}

TEST_F(RouterTest, takes_paths_literally) {
  for (const char* path : {"", "x", "/", "/v1", "/v1/challenges/", "//v1/challenges", "/V1/challenges", "/apidocs",
                           "/v1/challenges/c1/goals//claim", "/v1/challenges/c1/goals/g1/claim/x", "/v1/%63hallenges"}) {
    EXPECT_EQ(route("GET", path), "404") << path;
  }
}

TEST_F(RouterTest, knows_which_methods_a_path_has) {
  EXPECT_EQ(route("DELETE", "/v1/challenges"), "405 GET, HEAD");
  EXPECT_EQ(route("GET", "/v1/challenges/c1/goals/g1/claim"), "405 POST");
  // Two patterns fit this path; it is of the more literal one.
  EXPECT_EQ(route("DELETE", "/v1/challenges/initialize"), "405 POST");
  EXPECT_EQ(route("GET", "/v1/challenges/initialize"), "405 POST");
  EXPECT_EQ(route("POST", "/v1/challenges/initialize"), "/v1/challenges/initialize");
}

TEST_F(RouterTest, hands_over_parameters_as_they_came) {
  const auto match = router.match("POST", "/v1/challenges/c%201/goals/g-1/claim");
  ASSERT_EQ(match.parameters.size(), 2u);
  EXPECT_EQ(match.parameters[0], (std::pair<std::string_view, std::string_view>("challenge_id", "c%201")));
  EXPECT_EQ(match.parameters[1], (std::pair<std::string_view, std::string_view>("goal_id", "g-1")));
}

TEST(Router, prefers_literals_whatever_the_order_of_adding) {
  Router router;
  const Handler none = [](const ExchangePtr&) {};
  router.get("/*", none);
  router.get("/{a}/{b}", none);
  router.get("/{a}/y", none);
  router.get("/x/{b}", none);
  router.get("/x/y", none);
  EXPECT_EQ(router.match("GET", "/x/y").route, "/x/y");
  EXPECT_EQ(router.match("GET", "/x/z").route, "/x/{b}");
  EXPECT_EQ(router.match("GET", "/w/y").route, "/{a}/y");
  EXPECT_EQ(router.match("GET", "/w/z").route, "/{a}/{b}");
  EXPECT_EQ(router.match("GET", "/w").route, "/*");
}

}  // namespace
}  // namespace gauntlet::base::http
