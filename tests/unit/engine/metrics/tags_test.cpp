#include "engine/metrics/tags.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace gauntlet::engine::metrics {
namespace {

TEST(TagBuilder, equal_tags_are_one_object_whatever_the_order) {
  TagTable table;
  Tags base(table);
  base.set(SystemTag::scenario, "s");
  TagSet* one = TagBuilder(base).set(SystemTag::method, "GET").set("kind", "a").set("b", "c").intern();
  TagSet* other = TagBuilder(base)
                      .set("b", "c")
                      .set("kind", "x")
                      .set(SystemTag::method, "POST")
                      .set(SystemTag::method, "GET")
                      .set("kind", "a")
                      .intern();
  EXPECT_EQ(one, other);
  EXPECT_EQ(one->get(SystemTag::scenario), "s");
  EXPECT_NE(one, TagBuilder(base).set(SystemTag::method, "GET").set("kind", "a").intern());
}

TEST(TagBuilder, behaves_as_a_map_of_names_to_values) {
  ASSERT_TRUE(rc::check([] {
    TagTable table;
    Tags tags(table);
    std::map<std::string, std::string> model;
    const auto names = rc::gen::element<std::string>("name", "url", "status", "ip", "team", "a", "", "zz");
    const int steps = *rc::gen::inRange(0, 30);
    for (int i = 0; i < steps; ++i) {
      const std::string name = *names;
      if (*rc::gen::inRange(0, 4) == 0) {
        model.erase(name);
        tags.erase(name);
      } else {
        const std::string value = *rc::gen::container<std::string>(*rc::gen::inRange(0, 12), rc::gen::character<char>());
        model[name] = value;
        tags.set(name, value);
      }
    }
    for (const char* name : {"name", "url", "status", "ip", "team", "a", "", "zz"}) {
      const std::string_view* value = tags.current().find(name);
      RC_ASSERT((value != nullptr) == model.contains(name));
      if (value != nullptr) RC_ASSERT(*value == model[name]);
    }
  }));
}

TEST(TagBuilder, a_hundred_thousand_tags_in_the_worst_order_are_all_there_and_sorted) {
  constexpr int kTags = 100'000;
  std::vector<std::string> names;
  for (int i = 0; i < kTags; ++i) names.push_back(std::to_string(kTags - i));  // each belongs before most of the others
  TagTable table;
  TagBuilder once(table, table.empty());
  for (const std::string& name : names) once.set(name, "1");
  TagSet* set = once.intern();
  ASSERT_EQ(set->user().size(), names.size());
  EXPECT_TRUE(std::is_sorted(set->user().begin(), set->user().end()));

  // What is set again, late, has the last value, and what is erased is gone: the set is that of a plain map.
  TagBuilder again(table, set);
  for (const std::string& name : names) again.set(name, "2").set(name, "1");
  EXPECT_EQ(again.intern(), set);
  again.erase(names[7]);
  again.set(names[9], "3");
  EXPECT_EQ(again.intern()->find(names[7]), nullptr);
  EXPECT_EQ(*again.intern()->find(names[9]), "3");
}

TEST(TagBuilder, system_tags_that_are_not_enabled_are_left_out) {
  TagTable table;
  TagSet* set = TagBuilder(table, table.empty()).set(SystemTag::ip, "1.2.3.4").set(SystemTag::group, "").intern();
  EXPECT_FALSE(set->has(SystemTag::ip));
  EXPECT_TRUE(set->has(SystemTag::group));
  EXPECT_EQ(set->find("ip"), nullptr);
}

TEST(Tags, go_back_to_what_was_saved) {
  TagTable table;
  Tags tags(table);
  tags.set("team", "red");
  Tags::Saved saved = tags.save();
  tags.set(SystemTag::group, "::a");
  tags.set("team", "blue");
  tags.restore(saved);
  EXPECT_EQ(*tags.current().find("team"), "red");
  EXPECT_FALSE(tags.current().has(SystemTag::group));
}

TEST(TagTable, memory_stays_bounded_when_every_request_has_a_tag_of_its_own) {
  TagTable table;
  Tags base(table);
  base.set(SystemTag::scenario, "random urls");
  for (std::size_t i = 0; i < 3 * TagTable::kMaxSets; ++i) {
    const std::string url = "http://example.com/item/" + std::to_string(i);
    TagSet* set = TagBuilder(base).set(SystemTag::name, url).set(SystemTag::url, url).set("id", url).intern();
    ASSERT_EQ(set->get(SystemTag::url), url);
    ASSERT_LE(table.size(), TagTable::kMaxSets);
    ASSERT_LE(table.bytes(), TagTable::kMaxBytes);
  }
  EXPECT_GE(table.sweeps(), 2U);
  EXPECT_EQ(base.current().get(SystemTag::scenario), "random urls");
}

TEST(SystemTags, come_from_their_names) {
  const auto set = SystemTagSet::from_names({"vu", "url", "ip"});
  ASSERT_TRUE(set);
  EXPECT_TRUE(set->vu);
  EXPECT_FALSE(set->iter);
  EXPECT_TRUE(set->has(SystemTag::url));
  EXPECT_FALSE(set->has(SystemTag::method));
  EXPECT_FALSE(SystemTagSet::from_names({"urls"}));
}

}  // namespace
}  // namespace gauntlet::engine::metrics
