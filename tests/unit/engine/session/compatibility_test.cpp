#include "engine/session/compatibility.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "engine/api/registry.hpp"
#include "support/source_directory.hpp"

namespace gauntlet::engine {
namespace {

TEST(Compatibility, table_names_exactly_the_modules_that_are_registered) {
  std::set<std::string> present, registered;
  for (const CompatibilityRow& row : compatibility_table())
    if (row.area == "Modules" && row.state != Compatibility::absent) present.emplace(row.item);
  for (const auto& module : api::kNatives.modules) registered.emplace(module.name);
  EXPECT_EQ(present, registered);
}

TEST(Compatibility, document_is_what_the_table_says) {
  std::ifstream file(support::source_directory() + "/docs/ENGINE_COMPATIBILITY.md");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(text, compatibility_markdown()) << "run: gauntlet compatibility > docs/ENGINE_COMPATIBILITY.md";
}

}  // namespace
}  // namespace gauntlet::engine
