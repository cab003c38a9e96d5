#include "engine/plan/options.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/plan/options_table.hpp"

namespace gauntlet::engine::plan {
namespace {

TEST(Options, what_a_flag_says_holds_over_what_the_script_says) {
  for (const OptionFlag& flag : option_flags()) {
    Options said;
    const bool taken = std::ranges::any_of(std::vector{"1", "0:1", "0,1", "ttl=1s", "ms"},
                                           [&](const char* text) { return set_option(said, flag.option, text).has_value(); });
    ASSERT_TRUE(taken) << flag.name;
    const Options merged = merge(Options(), said);
    EXPECT_EQ(merged.console_output.given, said.console_output.given);  // no archive says these two
    EXPECT_EQ(merged.local_ips.given, said.local_ips.given);
    if (said.console_output.given || said.local_ips.given) continue;
    EXPECT_NE(to_json(said), to_json(Options())) << flag.name;
    EXPECT_EQ(to_json(merged), to_json(said)) << flag.name;
  }
}

TEST(Options, parts_of_dns_come_from_different_places) {
  Options script, flags;
  ASSERT_TRUE(set_option(script, "dns", "ttl=1s,select=first"));
  ASSERT_TRUE(set_option(flags, "dns", "select=roundRobin"));
  const Options merged = merge(script, flags);
  EXPECT_EQ(merged.dns->ttl.value, "1s");
  EXPECT_EQ(merged.dns->select.value, "roundRobin");
}

TEST(Options, a_script_names_what_flags_and_variables_name) {
  const auto parsed = parse_options(R"({"vus": 7, "noSetup": true, "userAgent": "me", "localIPs": "127.0.0.1", "treshold": 1})");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->options.vus, 7);
  EXPECT_TRUE(parsed->options.no_setup);
  EXPECT_EQ(parsed->options.user_agent.value, "me");
  EXPECT_EQ(parsed->unknown_fields, (std::vector<std::string>{"localIPs", "treshold"}));
  const auto variables = options_from_environment([](const char* name) { return std::string_view(name) == "K6_VUS" ? "9" : nullptr; });
  ASSERT_TRUE(variables);
  EXPECT_EQ(merge(parsed->options, *variables).vus, 9);
}

TEST(Options, errors_name_the_option_what_it_is_and_what_it_should_be) {
  const auto error = [](const char* json) { return parse_options(json).error().message; };
  EXPECT_EQ(error(R"({"userAgent": 5})"), "the option userAgent is 5 and should be a text");
  EXPECT_EQ(error(R"({"batch": "x"})"), R"(the option batch is "x" and should be a whole number)");
  EXPECT_EQ(error(R"({"vus": 1.5})"), "the option vus is 1.5 and should be a whole number");
  EXPECT_EQ(error(R"({"noSetup": "yes"})"), R"(the option noSetup is "yes" and should be true or false)");
  EXPECT_EQ(error(R"({"setupTimeout": "abc"})"),
            R"(the option setupTimeout is "abc" and should be a duration, as '1m30s', or a number of milliseconds)");
  EXPECT_EQ(error(R"({"tags": {"a": 1}})"), "the option tags.a is 1 and should be a text");
  EXPECT_EQ(error(R"({"blockHostnames": ["a", 2]})"), "the option blockHostnames[1] is 2 and should be a text");
  EXPECT_EQ(error(R"({"dns": {"ttl": "x"}})"), R"(the option dns.ttl is "x" and should be a duration, as '5m', or 'inf', or '0' for none)");
  EXPECT_EQ(error(R"({"stages": [{"target": 1}, 5]})"),
            "the option stages[1] is 5 and should be a stage, as { duration: '10s', target: 5 }");
  EXPECT_EQ(error(R"({"scenarios": {"s": {"executor": "constant-vus", "vus": "many"}}})"),
            R"(the option scenarios.s.vus is "many" and should be a whole number)");
  EXPECT_EQ(error(R"({"scenarios": {"s": {"executor": "constant-vus", "rate": 5}}})"),
            R"(scenario 's' has "rate", which its executor constant-vus does not know)");
  EXPECT_EQ(error(R"({"scenarios": {"s": {"executor": "ramping-arrival-rate", "preAllocatedVU": 5}}})"),
            R"(scenario 's' has "preAllocatedVU", which its executor ramping-arrival-rate does not know; did you mean preAllocatedVUs?)");
  EXPECT_EQ(error(R"({"thresholds": {"checks": [7]}})"),
            "the option thresholds['checks'][0] is 7 and should be 'p(95)<200', or { threshold: 'p(95)<200', abortOnFail: true }");
  EXPECT_EQ(error("[]"), "the options are no object, as { vus: 10, duration: '30s' }");
}

/// A value that no option of the row's type takes.
template <class T>
const char* wrong_type(const OptionRow<T>&) {
  return std::is_same_v<T, StringMap> || std::is_same_v<T, DnsOptions> || std::is_same_v<T, TlsVersions> ||
                 std::is_same_v<T, std::vector<Scenario>> || std::is_same_v<T, std::map<std::string, std::vector<ThresholdOption>>>
             ? "[7]"
             : R"({"a": 7})";
}

template <class T>
bool takes_any_text(const OptionRow<T>&) {
  return std::is_same_v<T, std::string> || std::is_same_v<T, std::vector<std::string>>;
}

void expect_plain(const std::string& message, std::string_view name) {
  EXPECT_NE(message.find(name), std::string::npos) << name << ": " << message;
  for (const char* foreign : {"strconv", "cannot unmarshal", "json:", "map[", "<nil>", "sobek", "invalid character", "float64", "int64",
                              "bool value", "time: ", "parse error"})
    EXPECT_EQ(message.find(foreign), std::string::npos) << name << ": " << message;
}

TEST(Options, whatever_a_script_says_the_message_names_the_option_in_plain_words) {
  for_each_option([](const auto& row) {
    if (!row.ways.in_script) return;
    const auto parse = [&](const std::string& value) { return parse_options(fmt::format(R"({{"{}": {}}})", row.name, value)); };
    const auto wrong = parse(wrong_type(row));
    ASSERT_FALSE(wrong) << row.name;
    EXPECT_THAT(wrong.error().message, testing::HasSubstr("should be")) << row.name;
    for (const char* value :
         {wrong_type(row), "5", "1.5", "true", R"("")", R"("1h1")", R"("nope!")", "[]", R"([""])", "[5]", "{}", R"({"a": "b"})",
          R"({"a": ["b"]})", R"({"a": {"executor": "nope"}})", R"({"a": [{}]})", R"([{"duration": "x"}])", "1e300"}) {
      const auto parsed = parse(value);
      if (!parsed) expect_plain(parsed.error().message, std::string_view(row.name) == "scenarios" ? "scenario" : row.name);
    }
    std::string misspelt = row.name;
    std::swap(misspelt[0], misspelt[1]);
    const auto unknown = parse_options(fmt::format(R"({{"{}": 1}})", misspelt));
    ASSERT_TRUE(unknown) << misspelt;
    ASSERT_EQ(unknown->unknown_fields, std::vector<std::string>{misspelt});
    EXPECT_EQ(unknown_option(misspelt), fmt::format("there is no option \"{}\"; did you mean {}?", misspelt, row.name));
  });
  EXPECT_EQ(unknown_option("somethingElse"), R"(there is no option "somethingElse")");
}

TEST(Options, whatever_a_variable_says_the_message_names_it_in_plain_words) {
  for_each_option([](const auto& row) {
    if (row.ways.variable == nullptr) return;
    for (const char* text : {"nope!", "1h1", "5x", "-", "{}", "ttl=x", "1:2:3"}) {
      const auto read =
          options_from_environment([&](const char* name) { return std::string_view(name) == row.ways.variable ? text : nullptr; });
      if (!read) expect_plain(read.error().message, row.ways.variable);
      else EXPECT_TRUE(takes_any_text(row) || text != std::string_view("nope!")) << row.name;
    }
  });
}

}  // namespace
}  // namespace gauntlet::engine::plan
