#include "lab/profile/profile.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace gauntlet::lab {
namespace {

std::vector<std::string> letters(const std::vector<std::uint64_t>& addresses) {
  std::vector<std::string> names;
  for (const auto address : addresses) names.push_back(std::string(1, static_cast<char>('a' + address / 16)));
  return names;
}

std::string words(const std::vector<std::uint64_t>& values) {
  std::string bytes(values.size() * 8, '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

TEST(Profile, a_gperftools_cpu_profile_gets_names_and_nanoseconds) {
  // Period 10 ms; 3 samples of a called from b (a return address one past b's last byte), 1 of c.
  const auto profile = read_profile(words({0, 3, 0, 10'000, 0, 3, 2, 0x05, 0x20, 1, 1, 0x21, 0, 1, 0}) + "the memory map", letters);
  ASSERT_TRUE(profile) << profile.error().message;
  ASSERT_EQ(profile->samples.size(), 2U);
  EXPECT_EQ(profile->samples[0].stack, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(profile->samples[0].values, (std::vector<std::int64_t>{3, 30'000'000}));
  EXPECT_EQ(profile->samples[1].stack, std::vector<std::string>{"c"});
}

TEST(Profile, one_that_is_cut_off_is_an_error) {
  EXPECT_FALSE(read_profile(words({0, 3, 0, 10'000, 0, 3, 2, 0x05}), letters));
  EXPECT_FALSE(read_profile("no profile at all", letters));
  EXPECT_FALSE(read_profile("\x1f\x8b but not gzip", letters));
}

TEST(Profile, a_heap_sample_is_scaled_to_what_it_stands_for) {
  // Objects of 1 MB, sampled every 512 kB: each stands for 1 / (1 - e^-2) of its kind.
  const auto profile = read_profile(
      "heap profile: 2: 2097152 [ 2: 2097152] @ heap_v2/524288\n  2: 2097152 [ 2: 2097152] @ 0x5 "
      "0x20\nMAPPED_LIBRARIES:\n",
      letters);
  ASSERT_TRUE(profile);
  ASSERT_EQ(profile->samples.size(), 1U);
  EXPECT_EQ(profile->value_types.back().first, "inuse_space");
  EXPECT_NEAR(static_cast<double>(profile->samples[0].values[1]), 2097152 / (1 - std::exp(-2.0)), 1);
}

TEST(Profile, go_text_goroutines_keep_their_names) {
  const auto profile = read_profile(
      "goroutine profile: total 3\n2 @ 0x1 0x2\n#\t0x1\tepoll_wait+0x12\n#\t0x2\tmain+0x5\n\n1 @ "
      "0x3\n#\t0x3\tother\n\n--- Memory map: ---\n",
      letters);
  ASSERT_TRUE(profile);
  ASSERT_EQ(profile->samples.size(), 2U);
  EXPECT_EQ(profile->samples[0].stack, (std::vector<std::string>{"epoll_wait", "main"}));
  EXPECT_EQ(profile->samples[0].values[0], 2);
}

TEST(Profile, survives_pprofs_own_format) {
  Profile profile;
  profile.value_types = {{"samples", "count"}, {"cpu", "nanoseconds"}};
  profile.samples = {{{"leaf", "main"}, {2, 20'000'000}}, {{"main"}, {1, 10'000'000}}};
  profile.duration_ns = 1'000'000'000;
  profile.period = 10'000'000;
  const auto again = read_profile(write_profile(profile), letters);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->value_types, profile.value_types);
  ASSERT_EQ(again->samples.size(), 2U);
  EXPECT_EQ(again->samples[0].stack, profile.samples[0].stack);
  EXPECT_EQ(again->samples[1].values, profile.samples[1].values);
  EXPECT_EQ(again->duration_ns, profile.duration_ns);
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
