#include "service/entity_tag.hpp"

#include <gtest/gtest.h>

#include <set>

#include "unit/challenge/config_builder.hpp"

namespace gauntlet::service {
namespace {

using challenge::PlayerRow;
using challenge::Status;

TEST(EntityTag, changes_with_everything_that_the_answer_shows) {
  const auto config = [] {
    return challenge::make_config(
        {{challenge::make_goal("a"), challenge::make_goal("b"), challenge::make_goal("d", challenge::ProgressRule::daily)}});
  };
  const Catalog catalog(config(), 1), other(config(), 2);
  PlayerRow row{0, {}};
  row.row.progress = 3;
  std::set<std::string> tags;
  const auto take = [&](const Catalog& of, std::vector<PlayerRow> rows, std::string_view view = "all",
                        base::http::Coding coding = base::http::Coding::identity,
                        challenge::Instant now = challenge::kNow) { return tags.insert(entity_tag(of, rows, now, view, coding)).second; };
  EXPECT_TRUE(take(catalog, {}));
  EXPECT_FALSE(take(catalog, {})) << "the same again";
  EXPECT_TRUE(take(other, {})) << "another config";
  EXPECT_TRUE(take(catalog, {}, "active")) << "another view";
  EXPECT_TRUE(take(catalog, {}, "all", base::http::Coding::gzip)) << "other bytes";
  EXPECT_TRUE(take(catalog, {row}));
  EXPECT_TRUE(take(catalog, {{1, row.row}})) << "another goal";
  auto changed = row;
  changed.row.progress = 4;
  EXPECT_TRUE(take(catalog, {changed}));
  (changed = row).row.status = Status::completed;
  EXPECT_TRUE(take(catalog, {changed}));
  (changed = row).row.is_active = true;
  EXPECT_TRUE(take(catalog, {changed}));
  (changed = row).row.baseline_value = 0;
  EXPECT_TRUE(take(catalog, {changed}));
  (changed = row).row.completed_at = challenge::at("2026-11-23T14:22:34Z");
  EXPECT_TRUE(take(catalog, {changed}));
  (changed = row).row.claimed_at = challenge::at("2026-11-23T14:22:34Z");
  EXPECT_TRUE(take(catalog, {changed}));
  PlayerRow daily{2, row.row};
  daily.row.updated_at = challenge::kNow;
  const auto take_daily = [&](challenge::Instant now) { return take(catalog, {daily}, "all", base::http::Coding::identity, now); };
  EXPECT_TRUE(take_daily(challenge::kNow));
  EXPECT_FALSE(take_daily(challenge::at("2026-11-25T23:59:59Z"))) << "the same day";
  EXPECT_TRUE(take_daily(challenge::at("2026-11-26T00:00:00Z"))) << "a daily goal starts over at midnight";
}

TEST(EntityTag, is_found_in_if_none_match) {
  for (const char* header : {"\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "*"}) EXPECT_TRUE(names_tag(header, "\"abc\"")) << header;
  for (const char* header : {"", "abc", "\"abcd\"", "\"ab\""}) EXPECT_FALSE(names_tag(header, "\"abc\"")) << header;
}

}  // namespace
}  // namespace gauntlet::service
