#include "engine/sinks/terminal/summary_text.hpp"

#include "unit/engine/results/recording.hpp"

namespace gauntlet::engine::sinks {
namespace {

struct Case {
  const char* name;
  SummaryMode mode;
  bool groups_script = false;
  bool color = false;
};

std::string name_of_case(const testing::TestParamInfo<Case>& info) { return info.param.name; }

class SummaryText : public testing::TestWithParam<Case> {};

TEST_P(SummaryText, equals_what_k6_printed_for_the_same_samples) {
  const Case& test = GetParam();
  const results::Recording recording(test.name, test.groups_script ? results::groups_thresholds() : results::rich_thresholds());
  EXPECT_EQ(render_summary(recording.summary(), test.mode, test.color), results::golden_text(std::string(test.name) + ".txt"));
}

INSTANTIATE_TEST_SUITE_P(Recordings, SummaryText,
                         testing::Values(Case{"compact", SummaryMode::compact}, Case{"full", SummaryMode::full},
                                         Case{"seconds", SummaryMode::compact}, Case{"ms", SummaryMode::compact},
                                         Case{"g1full", SummaryMode::full, true}, Case{"ttycompact", SummaryMode::compact, false, true},
                                         Case{"ttyfull", SummaryMode::full, false, true}),
                         name_of_case);

TEST(SummaryText, a_terminal_obeys_no_name) {
  results::Summary summary;
  summary.options.explicit_scenarios = false;
  const std::string name = "a\x1b[2J\x1b]0;title\x07 b\xc2\x9b c";
  summary.checks.push_back({name, "::" + name, 1, 0});
  summary.root.checks = summary.checks;
  summary.endpoints.emplace_back().name = name;
  for (const bool color : {false, true}) {
    const std::string text = render_summary(summary, SummaryMode::compact, color) + render_beyond_k6(summary, color);
    EXPECT_NE(text.find("a?[2J?]0;title? b? c"), std::string::npos) << text;
    EXPECT_EQ(text.find("\x1b[2J"), std::string::npos) << text;
    EXPECT_EQ(text.find('\a'), std::string::npos) << text;
    EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace gauntlet::engine::sinks
