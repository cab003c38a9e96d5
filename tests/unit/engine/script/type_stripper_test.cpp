#include "engine/script/type_stripper.hpp"

#include <gtest/gtest.h>

namespace gauntlet::engine::script {
namespace {

TEST(TypeStripper, leaves_everything_where_it_was) {
  const std::string source =
      "import { a, type B } from './a.ts';\n"
      "export const f = <T,>(x: T, y?: number): Promise<T> => g(x as any, `t${y!} ${(y as string)} end`, y satisfies "
      "number);\n"
      "class C<T> extends D<T> { private n: number = 1; m(this: C<T>): asserts this is C<T> { throw new Error('here'); "
      "} }\n";
  const auto stripped = strip_types(source, "file:///t.ts");
  ASSERT_TRUE(stripped);
  for (const char* word : {"g(x", "`t${", " end`", "class C", "extends D", "throw new Error", "n         = 1"}) {
    EXPECT_NE(stripped->find(word), std::string::npos) << word << " in\n" << *stripped;
  }
  for (const char* word : {"f = ", "g(x", "throw", "new Error('here')"})
    EXPECT_EQ(stripped->find(word) - stripped->rfind('\n', stripped->find(word)), source.find(word) - source.rfind('\n', source.find(word)))
        << word;
}

TEST(TypeStripper, says_where_text_is_no_typescript) {
  const auto stripped = strip_types("const a = 1;\nconst b: number = ;\n", "file:///t.ts");
  ASSERT_FALSE(stripped);
  EXPECT_EQ(stripped.error().message, " Line 2:19 Unexpected token");
}

TEST(TypeStripper, refuses_namespaces_instead_of_dropping_their_code) {
  EXPECT_FALSE(strip_types("namespace N { export const a = 1; }", "file:///t.ts"));
  EXPECT_TRUE(strip_types("declare namespace N { const a: number; }", "file:///t.ts"));
}

}  // namespace
}  // namespace gauntlet::engine::script
