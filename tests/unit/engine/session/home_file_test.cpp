#include "engine/session/home_file.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/whole_file.hpp"
#include "unit/lab/temporary_folder.hpp"

namespace gauntlet::engine::session {
namespace {

fleet::words::SamplePart part(std::uint64_t total, std::uint64_t offset, std::string bytes) {
  fleet::words::SamplePart part;
  part.set_total(total);
  part.set_offset(offset);
  part.set_bytes(std::move(bytes));
  return part;
}

TEST(HomeFile, has_the_agents_name_and_no_other_place) {
  EXPECT_EQ(path_of_agent("out.csv", "lg1"), "out.lg1.csv");
  EXPECT_EQ(path_of_agent("a/out.csv.gz", "lg1"), "a/out.lg1.csv.gz");
  EXPECT_EQ(path_of_agent("/a.b/out", "lg1"), "/a.b/out.lg1");
  EXPECT_EQ(path_of_agent("a/out.csv", "../../etc/x y"), "a/out..._.._etc_x_y.csv");
  EXPECT_EQ(path_of_agent("out.csv", std::string(1000, 'x')), "out." + std::string(60, 'x') + ".csv");
}

TEST(HomeFile, is_there_when_it_is_whole) {
  const lab::TemporaryFolder folder;
  const std::string path = folder.path() / "deeper" / "out.csv";
  auto file = HomeFile::prepare(path);
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_TRUE(file->take(part(6, 0, "abc")));
  EXPECT_FALSE(file->is_whole());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path() / "deeper"));
  ASSERT_TRUE(file->take(part(6, 3, "def")));
  EXPECT_TRUE(file->is_whole());
  EXPECT_EQ(*base::read_file(path), "abcdef");
  EXPECT_FALSE(file->take(part(6, 6, "g")));
}

TEST(HomeFile, replaces_what_was_there_and_may_be_empty) {
  const lab::TemporaryFolder folder;
  const std::string path = folder.write("out.csv", "of an earlier run");
  auto file = HomeFile::prepare(path);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(*base::read_file(path), "of an earlier run");
  ASSERT_TRUE(file->take(part(0, 0, "")));
  EXPECT_TRUE(file->is_whole());
  EXPECT_EQ(*base::read_file(path), "");
}

TEST(HomeFile, takes_no_more_than_was_said_and_nothing_out_of_turn) {
  const lab::TemporaryFolder folder;
  const std::uint64_t petabyte = std::uint64_t{1} << 50;
  for (const auto& [first, second] : {std::pair(part(3, 0, "abcd"), part(3, 0, "abcd")), std::pair(part(6, 0, "abc"), part(6, 0, "abc")),
                                      std::pair(part(6, 0, "abc"), part(7, 3, "d")), std::pair(part(6, 0, "abc"), part(6, 3, "")),
                                      std::pair(part(petabyte, 0, "a"), part(petabyte, 1, "a"))}) {
    auto file = HomeFile::prepare(folder.path() / "out.csv");
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_FALSE(file->take(first) && file->take(second));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(HomeFile, leaves_some_of_the_disk_whatever_is_announced) {
  const lab::TemporaryFolder folder;
  auto file = HomeFile::prepare(folder.path() / "out.csv");
  ASSERT_TRUE(file) << file.error().message;
  const auto available = std::filesystem::space(folder.path()).available;
  const auto taken = file->take(part(available - available / 20, 0, "a"));
  ASSERT_FALSE(taken);
  EXPECT_NE(taken.error().message.find("the disk has room for"), std::string::npos) << taken.error().message;
}

}  // namespace
}  // namespace gauntlet::engine::session
