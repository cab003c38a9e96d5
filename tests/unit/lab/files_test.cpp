#include <gtest/gtest.h>
#include <sys/stat.h>

#include "lab/atomic_file.hpp"
#include "lab/stack/log_rotation.hpp"
#include "temporary_folder.hpp"

namespace gauntlet::lab {
namespace {

std::size_t entries_in(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

TEST(AtomicFile, replaces_the_file_and_leaves_nothing_beside_it) {
  const TemporaryFolder folder;
  folder.write("a", "old");
  ASSERT_TRUE(write_file_atomically(folder / "a", "new", 0640));
  EXPECT_EQ(folder.read("a"), "new");
  EXPECT_EQ(entries_in(folder.path()), 1U);
  struct stat status {};
  ASSERT_EQ(::stat((folder / "a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
}

TEST(AtomicFile, names_the_file_that_it_cannot_write) {
  const auto written = write_file_atomically("/nowhere/at/all", "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, base::ErrorKind::not_found);
  EXPECT_NE(written.error().message.find("/nowhere/at/all"), std::string::npos);
}

TEST(LogRotation, leaves_a_short_log_alone) {
  const TemporaryFolder folder;
  rotate_log(folder.write("log", "12345"), 5);
  EXPECT_EQ(folder.read("log"), "12345");
  EXPECT_EQ(entries_in(folder.path()), 1U);
}

TEST(LogRotation, a_writer_that_keeps_its_file_open_goes_on_at_the_start) {
  const TemporaryFolder folder;
  std::ofstream writer(folder / "log", std::ios::app);
  writer << "123456" << std::flush;
  rotate_log(folder / "log", 5);
  writer << "after" << std::flush;
  EXPECT_EQ(folder.read("log.1"), "123456");
  EXPECT_EQ(folder.read("log"), "after");
}

}  // namespace
}  // namespace gauntlet::lab
