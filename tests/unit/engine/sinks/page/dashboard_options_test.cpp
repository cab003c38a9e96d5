#include "engine/sinks/page/dashboard_options.hpp"

#include <gmock/gmock.h>

#include <map>
#include <string>

namespace gauntlet::engine::dashboard {
namespace {

using testing::HasSubstr;

base::Expected<DashboardOptions> from_variables(const std::map<std::string, std::string>& variables) {
  DashboardOptions options;
  auto ok = read_dashboard_variables(options, [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
  if (!ok) return tl::unexpected(ok.error());
  return options;
}

TEST(DashboardOptions, are_off_and_for_this_machine_alone_unless_told) {
  const auto options = from_variables({});
  ASSERT_TRUE(options);
  EXPECT_FALSE(options->enabled);
  EXPECT_EQ(options->host, "127.0.0.1");
  EXPECT_EQ(options->port, 5665);
}

TEST(DashboardOptions, come_from_k6s_variables) {
  const auto options = from_variables({{"K6_WEB_DASHBOARD", "true"},
                                       {"K6_WEB_DASHBOARD_HOST", "0.0.0.0"},
                                       {"K6_WEB_DASHBOARD_PORT", "-1"},
                                       {"K6_WEB_DASHBOARD_PERIOD", "10s"},
                                       {"K6_WEB_DASHBOARD_OPEN", "true"},
                                       {"K6_WEB_DASHBOARD_REPORT", "older.html"},
                                       {"K6_WEB_DASHBOARD_EXPORT", "report.html.gz"}});
  ASSERT_TRUE(options);
  EXPECT_TRUE(options->enabled);
  EXPECT_EQ(options->host, "0.0.0.0");
  EXPECT_EQ(options->port, -1);
  EXPECT_EQ(options->period, std::chrono::seconds(10));
  EXPECT_TRUE(options->open);
  EXPECT_EQ(options->export_path, "report.html.gz");
}

TEST(DashboardOptions, name_the_variable_that_makes_no_sense) {
  for (const char* port : {"70000", "x", "-2"}) {
    const auto options = from_variables({{"K6_WEB_DASHBOARD_PORT", port}});
    ASSERT_FALSE(options) << port;
    EXPECT_THAT(options.error().message, HasSubstr("K6_WEB_DASHBOARD_PORT"));
    EXPECT_THAT(options.error().message, HasSubstr(port));
  }
  EXPECT_FALSE(from_variables({{"K6_WEB_DASHBOARD", "maybe"}}));
  EXPECT_FALSE(from_variables({{"K6_WEB_DASHBOARD_PERIOD", "0s"}}));
}

TEST(DashboardOptions, tell_the_runs_place_in_a_longer_test) {
  const auto options = from_variables({{"GAUNTLET_PART", "2/17 scenario 1: 100 RPS"}});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->part.index, 2);
  EXPECT_EQ(options->part.count, 17);
  EXPECT_EQ(options->part.text, "scenario 1: 100 RPS");
  for (const char* wrong : {"2", "2/", "2/17", "0/3 x", "4/3 x", "x/3 y"})
    EXPECT_FALSE(from_variables({{"GAUNTLET_PART", wrong}})) << wrong;
}

TEST(DashboardOptions, come_from_the_outputs_arguments) {
  DashboardOptions options;
  ASSERT_TRUE(read_dashboard_arguments(options, "port=5666&period=2s,open&report=out.html"));
  EXPECT_TRUE(options.enabled);
  EXPECT_EQ(options.port, 5666);
  EXPECT_EQ(options.period, std::chrono::seconds(2));
  EXPECT_TRUE(options.open);
  EXPECT_EQ(options.export_path, "out.html");
  const auto wrong = read_dashboard_arguments(options, "colour=blue");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("there are host, port, period, open and export"));
}

}  // namespace
}  // namespace gauntlet::engine::dashboard
