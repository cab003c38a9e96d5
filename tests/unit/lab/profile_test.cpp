#include "lab/profile/profile.hpp"

#include <gtest/gtest.h>

#include "base/gzip.hpp"
#include "pprof/profile.pb.h"

namespace gauntlet::lab {
namespace {

/// 2 samples of "leaf" that is inlined into "middle", called by "main"; 1 of "main".
std::string pprof_bytes() {
  perftools::profiles::Profile profile;
  for (const char* text : {"", "samples", "count", "cpu", "nanoseconds", "leaf", "middle", "main"}) profile.add_string_table(text);
  for (const int at : {1, 3}) {
    profile.add_sample_type()->set_type(at);
    profile.mutable_sample_type()->rbegin()->set_unit(at + 1);
  }
  for (const std::uint64_t id : {5, 6, 7}) {
    auto* function = profile.add_function();
    function->set_id(id);
    function->set_name(static_cast<std::int64_t>(id));
  }
  auto* inner = profile.add_location();
  inner->set_id(1);
  inner->add_line()->set_function_id(5);
  inner->add_line()->set_function_id(6);
  auto* outer = profile.add_location();
  outer->set_id(2);
  outer->add_line()->set_function_id(7);
  for (const std::int64_t count : {2, 1}) {
    auto* sample = profile.add_sample();
    if (count == 2) sample->add_location_id(1);
    sample->add_location_id(2);
    sample->add_value(count);
    sample->add_value(count * 10'000'000);
  }
  profile.set_duration_nanos(1'000'000'000);
  return profile.SerializeAsString();
}

TEST(Profile, is_read_from_pprofs_format_gzipped_or_not) {
  const std::string plain = pprof_bytes();
  std::string packed;
  base::Deflater(base::ZlibFormat::gzip).append(packed, plain, Z_FINISH);
  for (const std::string& bytes : {plain, packed}) {
    const auto profile = read_profile(bytes);
    ASSERT_TRUE(profile) << profile.error().message;
    EXPECT_EQ(profile->value_types.back(), (std::pair<std::string, std::string>("cpu", "nanoseconds")));
    ASSERT_EQ(profile->samples.size(), 2U);
    EXPECT_EQ(profile->samples[0].stack, (std::vector<std::string>{"leaf", "middle", "main"}));
    EXPECT_EQ(profile->samples[0].values, (std::vector<std::int64_t>{2, 20'000'000}));
    EXPECT_EQ(profile->samples[1].stack, std::vector<std::string>{"main"});
    EXPECT_EQ(profile->duration_ns, 1'000'000'000);
  }
}

TEST(Profile, what_is_none_or_cut_off_is_an_error) {
  const std::string plain = pprof_bytes();
  EXPECT_FALSE(read_profile(""));
  EXPECT_FALSE(read_profile("no profile at all"));
  EXPECT_FALSE(read_profile(std::string_view(plain).substr(0, plain.size() - 1)));
  EXPECT_FALSE(read_profile("\x1f\x8b but not gzip"));
}

TEST(Profile, the_top_counts_recursion_once_and_adds_up) {
  Profile profile;
  profile.value_types = {{"cpu", "nanoseconds"}};
  profile.samples = {{{"f", "f", "main"}, {30'000'000}}, {{"main"}, {10'000'000}}};
  const auto top = hot_functions(profile);
  ASSERT_EQ(top.size(), 2U);
  EXPECT_EQ(top[0].name, "f");
  EXPECT_EQ(top[0].cumulative, 30'000'000);
  EXPECT_EQ(top[1].cumulative, 40'000'000);
  EXPECT_NE(top_text(profile).find("30ms  75.00%  75.00%        30ms  75.00%  f\n"), std::string::npos) << top_text(profile);
}

TEST(Profile, a_flame_graph_escapes_what_xml_would_misread) {
  Profile profile;
  profile.value_types = {{"cpu", "nanoseconds"}};
  profile.samples = {{{"std::vector<int>::push_back(int&&)"}, {5}}};
  const auto svg = flame_svg(profile, "a & b");
  EXPECT_NE(svg.find("std::vector&lt;int&gt;::push_back(int&amp;&amp;) ("), std::string::npos);
  EXPECT_NE(svg.find("a &amp; b"), std::string::npos);
}

}  // namespace
}  // namespace gauntlet::lab
