#include "engine/script/program.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <unistd.h>

namespace gauntlet::engine::script {
namespace {

class RemoteModules : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/modules-" + std::to_string(::getpid());
    setenv("GAUNTLET_MODULES", folder_.c_str(), 1);
    std::filesystem::create_directories(folder_ + "/lib.example/utils/1.0");
    std::ofstream(folder_ + "/lib.example/utils/1.0/index.js") << "export { b } from './b.js';";
    program_ = Program::from_text("import 'https://lib.example/utils/1.0/index.js'");
  }
  void TearDown() override {
    unsetenv("GAUNTLET_MODULES");
    std::filesystem::remove_all(folder_);
  }
  std::string folder_;
  std::unique_ptr<Program> program_;
};

TEST_F(RemoteModules, come_from_the_module_folder) {
  const auto source = program_->load("https://lib.example/utils/1.0/index.js", "");
  ASSERT_TRUE(source);
  EXPECT_EQ((*source)->text, "export { b } from './b.js';");
}

TEST_F(RemoteModules, have_their_neighbours_on_their_host) {
  const std::string base = "https://lib.example/utils/1.0/index.js";
  EXPECT_EQ(program_->resolve("./b.js", base).value(), "https://lib.example/utils/1.0/b.js");
  EXPECT_EQ(program_->resolve("../c.js", base).value(), "https://lib.example/utils/c.js");
  EXPECT_EQ(program_->resolve("/d.js", base).value(), "https://lib.example/d.js");
  EXPECT_EQ(program_->resolve("../../../../../../etc/hosts", base).value(), "https://lib.example/etc/hosts");
}

TEST_F(RemoteModules, that_are_absent_are_named_with_the_place_to_put_them) {
  const auto source = program_->load("https://lib.example/other.js", "");
  ASSERT_FALSE(source);
  EXPECT_NE(source.error().message.find(folder_ + "/lib.example/other.js"), std::string::npos) << source.error().message;
}

TEST_F(RemoteModules, do_not_lead_out_of_the_folder) {
  const auto source = program_->load("https://lib.example/../../../etc/hostname", "");
  ASSERT_FALSE(source);
}

}  // namespace
}  // namespace gauntlet::engine::script
