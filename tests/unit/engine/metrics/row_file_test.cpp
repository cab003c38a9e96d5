#include "engine/metrics/row_file.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>
#include <utility>
#include <vector>

namespace gauntlet::engine::metrics {
namespace {

std::string row_number(std::size_t number) {
  return std::to_string(number) + std::string(number * 37 % 3000, static_cast<char>('a' + number % 26)) + '\0';
}

std::vector<std::string> all_of(const RowFile& file) {
  std::vector<std::string> rows;
  RowFile::Reader reader(file);
  for (std::string_view row; reader.next(row);) rows.emplace_back(row);
  return rows;
}

void fill(RowFile& file, std::vector<std::string>& expected, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    expected.push_back(row_number(expected.size()));
    file.append(expected.back());
  }
}

class InFolder {
 public:
  explicit InFolder(const char* folder) { setenv("TMPDIR", folder, 1); }
  ~InFolder() { unsetenv("TMPDIR"); }
};

TEST(RowFile, gives_back_what_is_in_memory_and_what_is_in_the_file) {
  RowFile file;
  std::vector<std::string> expected;
  EXPECT_EQ(all_of(file), expected);
  fill(file, expected, 3);
  EXPECT_EQ(file.file_bytes(), 0U);
  EXPECT_EQ(all_of(file), expected);
  fill(file, expected, 997);
  EXPECT_EQ(file.size(), 1000U);
  EXPECT_GT(file.file_bytes(), 1'000'000U);  // of 1.5 MB
  EXPECT_EQ(all_of(file), expected);
  EXPECT_EQ(all_of(file), expected) << "read a second time";
}

TEST(RowFile, takes_rows_that_are_longer_than_what_it_holds) {
  RowFile file;
  const std::string huge(5 * RowFile::kHeldBytes, 'h');
  file.append("first");
  file.append(huge);
  file.append("");
  file.append("last");
  EXPECT_EQ(all_of(file), (std::vector<std::string>{"first", huge, "", "last"}));
}

TEST(RowFile, moves_with_its_rows) {
  RowFile file;
  std::vector<std::string> expected;
  fill(file, expected, 100);
  RowFile other = std::exchange(file, {});
  EXPECT_EQ(all_of(file).size(), 0U);
  file.append("anew");
  EXPECT_EQ(all_of(file), std::vector<std::string>{"anew"});
  EXPECT_EQ(all_of(other), expected);
}

TEST(RowFile, keeps_everything_in_memory_where_no_file_can_be_made) {
  const InFolder folder("/nonexistent");
  RowFile file;
  std::vector<std::string> expected;
  fill(file, expected, 200);
  EXPECT_EQ(file.file_bytes(), 0U);
  EXPECT_EQ(all_of(file), expected);
}

}  // namespace
}  // namespace gauntlet::engine::metrics
