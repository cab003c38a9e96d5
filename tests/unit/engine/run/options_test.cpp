#include "engine/run/options.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <vector>

namespace gauntlet::engine::run {
namespace {

TEST(Options, what_a_flag_says_holds_over_what_the_script_says) {
  for (const OptionFlag& flag : option_flags()) {
    Options said;
    const bool taken = std::ranges::any_of(std::vector{"1", "0:1", "0,1", "ttl=1s"},
                                           [&](const char* text) { return set_option(said, flag.option, text).has_value(); });
    ASSERT_TRUE(taken) << flag.name;
    EXPECT_NE(to_json(said), to_json(Options())) << flag.name;
    EXPECT_EQ(to_json(merge(Options(), said)), to_json(said)) << flag.name;
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

}  // namespace
}  // namespace gauntlet::engine::run
