#include "base/whole_file.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace gauntlet::base {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class WholeFile : public testing::Test {
 protected:
  WholeFile() { folder_ = ::mkdtemp(name_); }
  ~WholeFile() override { std::filesystem::remove_all(folder_); }

  char name_[24] = "/tmp/whole-file.XXXXXX";
  std::filesystem::path folder_;
};

TEST_F(WholeFile, is_read_to_its_last_byte) {
  std::string bytes(200'000, 'x');
  bytes[70'000] = '\0';
  std::ofstream(folder_ / "large", std::ios::binary) << bytes;
  std::ofstream(folder_ / "empty", std::ios::binary).flush();
  EXPECT_EQ(read_file(folder_ / "large"), bytes);
  EXPECT_EQ(read_file(folder_ / "empty"), "");
  EXPECT_THAT(read_file("/proc/self/status").value_or(""), HasSubstr("VmRSS")) << "whose size is said to be 0";
}

TEST_F(WholeFile, that_cannot_be_read_is_named_with_the_reason) {
  const auto missing = read_file(folder_ / "missing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
  EXPECT_THAT(missing.error().message, AllOf(HasSubstr("cannot read"), HasSubstr("missing: No such file")));
  const auto directory = read_file(folder_);
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().kind, ErrorKind::invalid_argument);
  EXPECT_THAT(directory.error().message, HasSubstr("Is a directory"));
  EXPECT_EQ(read_whole_file(folder_ / "missing").error(), std::errc::no_such_file_or_directory);
  if (::geteuid() == 0) return;  // who may read everything
  std::ofstream(folder_ / "closed") << "x";
  ::chmod((folder_ / "closed").c_str(), 0);
  EXPECT_EQ(read_file(folder_ / "closed").error().kind, ErrorKind::permission_denied);
}

}  // namespace
}  // namespace gauntlet::base
