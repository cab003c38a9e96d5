#include "service/proto_json.hpp"

#include <gmock/gmock.h>

#include "service.pb.h"

namespace gauntlet::service {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ProtoJson, sends_every_field_in_camel_case_also_zero_values_and_null_for_unset_messages) {
  ::service::GetRotationStatusResponse message;
  message.set_challenge_id("a\"b");
  EXPECT_EQ(to_json(message), R"({"challengeId":"a\"b","rotation":null})");
  message.mutable_rotation();
  EXPECT_EQ(to_json(message),
            R"({"challengeId":"a\"b","rotation":{"enabled":false,"type":"","schedule":"","currentPeriod":null,"nextPeriod":null}})");
  ::service::GoalSelectionResponse selection;
  selection.add_replaced_goals("x");
  EXPECT_EQ(to_json(selection), R"({"selectedGoals":[],"challengeId":"","totalActiveGoals":0,"replacedGoals":["x"]})");
}

TEST(ProtoJson, reads_both_spellings_and_ignores_unknown_fields) {
  for (const char* json :
       {R"({"goal_ids":["a","b"],"replace_existing":true})", R"({"goalIds":["a","b"],"replaceExisting":true,"more":{"x":[1]}})"}) {
    ::service::BatchSelectRequest request;
    ASSERT_TRUE(from_json(json, request)) << json;
    EXPECT_THAT(request.goal_ids(), ElementsAre("a", "b"));
    EXPECT_TRUE(request.replace_existing());
  }
}

TEST(ProtoJson, takes_empty_text_for_an_empty_object) {
  for (const char* json : {"", " \n", "{}", R"({"count":null})"}) {
    ::service::RandomSelectRequest request;
    EXPECT_TRUE(from_json(json, request)) << json;
    EXPECT_EQ(request.count(), 0);
  }
}

TEST(ProtoJson, takes_whole_numbers_however_written) {
  for (const char* json : {R"({"count":3})", R"({"count":3.0})", R"({"count":"3"})"}) {
    ::service::RandomSelectRequest request;
    ASSERT_TRUE(from_json(json, request)) << json;
    EXPECT_EQ(request.count(), 3);
  }
}

TEST(ProtoJson, says_what_does_not_fit) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"is_active":"yes"})", R"(invalid value for bool field isActive: "yes")"},
      {R"({"is_active":1})", "invalid value for bool field isActive: 1"},
      {R"({"goal_id":5})", "invalid value for string field goalId: 5"},
      {R"({"is_active":)", "the request body is not JSON"},
      {"[]", "the request body must be a JSON object"},
      {"\"\xff\"", "the request body is not JSON"},
  };
  for (const auto& [json, message] : cases) {
    ::service::SetGoalActiveRequest request;
    const auto read = from_json(json, request);
    ASSERT_FALSE(read) << json;
    EXPECT_EQ(read.error().kind, base::ErrorKind::invalid_argument);
    EXPECT_THAT(read.error().message, HasSubstr(message));
  }
  ::service::RandomSelectRequest random;
  for (const char* json : {R"({"count":1.5})", R"({"count":2147483648})", R"({"count":"x"})", R"({"count":true})", R"({"count":1e300})"}) {
    EXPECT_FALSE(from_json(json, random)) << json;
  }
  ::service::BatchSelectRequest batch;
  EXPECT_FALSE(from_json(R"({"goalIds":"a"})", batch));
  EXPECT_FALSE(from_json(R"({"goalIds":["a",2]})", batch));
}

TEST(ProtoJson, refuses_a_body_that_is_nested_without_end) {
  for (const std::size_t depth : {101U, 10'000U, 500'000U}) {
    const std::string nested = std::string(depth, '[') + std::string(depth, ']');
    for (const std::string& body : {nested, R"({"isActive":)" + nested + "}", R"({"goalIds":[)" + nested + "]}"}) {
      ::service::SetGoalActiveRequest request;
      ::service::BatchSelectRequest batch;
      EXPECT_FALSE(from_json(body, batch));
      const auto read = from_json(body, request);
      ASSERT_FALSE(read);
      EXPECT_EQ(read.error().kind, base::ErrorKind::invalid_argument);
      EXPECT_EQ(read.error().message, "the request body is nested deeper than 100 levels");
    }
  }
  ::service::SetGoalActiveRequest request;
  EXPECT_TRUE(from_json(R"({"isActive":true,"unknown":)" + std::string(99, '[') + std::string(99, ']') + "}", request));
}

}  // namespace
}  // namespace gauntlet::service
