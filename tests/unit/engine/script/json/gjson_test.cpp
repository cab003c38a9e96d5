#include "engine/script/json/gjson.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "engine/script/json/syntax_error.hpp"

namespace gauntlet::engine::json {
namespace {

// The document of gjson's SYNTAX page, with what it says each path gives.
constexpr std::string_view kPeople = R"({
  "name": {"first": "Tom", "last": "Anderson"},
  "age":37,
  "children": ["Sara","Alex","Jack"],
  "fav.movie": "Deer Hunter",
  "friends": [
    {"first": "Dale", "last": "Murphy", "age": 44, "nets": ["ig", "fb", "tw"]},
    {"first": "Roger", "last": "Craig", "age": 68, "nets": ["fb", "tw"]},
    {"first": "Jane", "last": "Murphy", "age": 47, "nets": ["ig", "tw"]}
  ]
})";

struct Case {
  const char* path;
  const char* result;  // nullptr: nothing
};

TEST(Gjson, selects_what_its_documentation_says) {
  const Case cases[] = {
      {"name.last", R"("Anderson")"},
      {"name.first", R"("Tom")"},
      {"age", "37"},
      {"children", R"(["Sara","Alex","Jack"])"},
      {"children.0", R"("Sara")"},
      {"children.1", R"("Alex")"},
      {"friends.1", R"({"first": "Roger", "last": "Craig", "age": 68, "nets": ["fb", "tw"]})"},
      {"friends.1.first", R"("Roger")"},
      {"child*.2", R"("Jack")"},
      {"c?ildren.0", R"("Sara")"},
      {R"(fav\.movie)", R"("Deer Hunter")"},
      {"friends.#", "3"},
      {"friends.#.age", "[44,68,47]"},
      {"friends.#.first", R"(["Dale","Roger","Jane"])"},
      {R"(friends.#(last=="Murphy").first)", R"("Dale")"},
      {R"(friends.#(last=="Murphy")#.first)", R"(["Dale","Jane"])"},
      {"friends.#(age>45)#.last", R"(["Craig","Murphy"])"},
      {R"(friends.#(first%"D*").last)", R"("Murphy")"},
      {R"(friends.#(first!%"D*").last)", R"("Craig")"},
      {R"(children.#(!%"*a*"))", R"("Alex")"},
      {R"(children.#(%"*a*")#)", R"(["Sara","Jack"])"},
      {R"(friends.#(nets.#(=="fb"))#.first)", R"(["Dale","Roger"])"},
      {"friends.0.first", R"("Dale")"},
      {"friends|0.first", R"("Dale")"},
      {"friends.0|first", R"("Dale")"},
      {"friends|0|first", R"("Dale")"},
      {"friends|#", "3"},
      {R"(friends.#(last="Murphy")#)",
       R"([{"first": "Dale", "last": "Murphy", "age": 44, "nets": ["ig", "fb", "tw"]},{"first": "Jane", "last": "Murphy", "age": 47, "nets": ["ig", "tw"]}])"},
      {R"(friends.#(last="Murphy")#.0)", "[]"},
      {R"(friends.#(last="Murphy")#|0.first)", R"("Dale")"},
      {R"(friends.#(last="Murphy")#|#)", "2"},
      {R"(friends.#(last="Murphy")#.#)", "[]"},
      {"children.@reverse", R"(["Jack","Alex","Sara"])"},
      {"children.@reverse.0", R"("Jack")"},
      {"name.@keys", R"(["first","last"])"},
      {"name.@values", R"(["Tom","Anderson"])"},
      {R"(@this.age)", "37"},
      {R"(children.@tostr)", R"("[\"Sara\",\"Alex\",\"Jack\"]")"},
      {R"(name.first.@fromstr)", "Tom"},
      {R"({name.first,age,"the_murphys":friends.#(last="Murphy")#.first})", R"({"first":"Tom","age":37,"the_murphys":["Dale","Jane"]})"},
      {"[name.first,age]", R"(["Tom",37])"},
      {R"({name.first,age,"company":!"Happysoft","employed":!true})", R"({"first":"Tom","age":37,"company":"Happysoft","employed":true})"},
      {R"(friends.#(age>=47).first)", R"("Roger")"},
      {R"(friends.#(age<45).first)", R"("Dale")"},
      {R"(friends.#(age!=44).first)", R"("Roger")"},
      {"nope", nullptr},
      {"name.nope", nullptr},
      {"children.3", nullptr},
      {"children.-1", nullptr},
      {"age.x", nullptr},
      {"", nullptr},
      {"name..first", nullptr},
      {"friends.#(nope)", nullptr},
      {"friends.#.nope", "[]"},
      {"@nope", nullptr},
      {"children.first", nullptr},
      {"*", R"({"first": "Tom", "last": "Anderson"})"},
      {"friends.#.first|0", R"("Dale")"},
      {"friends.#.first.@reverse", R"(["Jane","Roger","Dale"])"},
      {"friends.#(age>60)#|@reverse.0.first", R"("Roger")"},
      {"@dig:first", R"(["Tom","Dale","Roger","Jane"])"},
  };
  for (const Case& one : cases) {
    const auto found = find(kPeople, one.path);
    if (one.result == nullptr) EXPECT_EQ(found, std::nullopt) << one.path;
    else EXPECT_EQ(found, one.result) << one.path;
  }
}

TEST(Gjson, understands_modifiers_lines_and_truth) {
  EXPECT_EQ(find("[1,[2],[3,4],[5,[6,7]]]", "@flatten"), "[1,2,3,4,5,[6,7]]");
  EXPECT_EQ(find("[1,[2],[3,4],[5,[6,7]]]", R"(@flatten:{"deep":true})"), "[1,2,3,4,5,6,7]");
  EXPECT_EQ(find(R"([{"first":"Tom","age":37},{"age":41}])", "@join"), R"({"first":"Tom","age":41})");
  EXPECT_EQ(find(R"({"a":[1,2],"b":[3,4]})", "@group"), R"([{"a":1,"b":3},{"a":2,"b":4}])");
  EXPECT_EQ(find("{\"n\":1}\n{\"n\":2}\n{\"n\":3}", "..#"), "3");
  EXPECT_EQ(find("{\"n\":1}\n{\"n\":2}\n{\"n\":3}", "..1.n"), "2");
  EXPECT_EQ(find("{\"n\":1}\n{\"n\":2}\n{\"n\":3}", "..#.n"), "[1,2,3]");
  const char* vals = R"({"vals":[{"a":1,"b":true},{"a":2},{"a":3,"b":false},{"a":4,"b":"0"},{"a":5,"b":0},{"a":6,"b":"1"},{"a":7,"b":1}]})";
  EXPECT_EQ(find(vals, "vals.#(b==~true)#.a"), "[1,6,7]");
  EXPECT_EQ(find(vals, "vals.#(b==~false)#.a"), "[2,3,4,5]");
  EXPECT_EQ(find(R"({"a\"b":1,"A":2})", R"(a\"b)"), "1");
  EXPECT_EQ(find(R"({"t":[true,false,true]})", "t.#(=true)#|#"), "2");
}

TEST(Gjson, reads_no_further_than_the_text) {
  const bool holds = rc::check("any text, any path", [] {
    const auto text = *rc::gen::container<std::string>(rc::gen::element('{', '}', '[', ']', '"', ':', ',', 'a', '1', '\\', ' ', 'u'));
    const auto path = *rc::gen::container<std::string>(
        rc::gen::element('a', '.', '#', '(', ')', '|', '@', '*', '?', '"', '\\', '=', '{', '}', '[', ']', ',', '!', '1', ':'));
    // Copies without anything behind them, so that a sanitizer sees a step too far.
    const std::vector<char> t(text.begin(), text.end());
    const std::vector<char> p(path.begin(), path.end());
    find({t.data(), t.size()}, {p.data(), p.size()});
  });
  EXPECT_TRUE(holds);
}

TEST(Gjson, does_not_fall_for_deep_nesting) {
  std::string deep(100'000, '[');
  EXPECT_NE(find(deep, "0.0.0"), "1");
  std::string path;
  for (int i = 0; i < 10'000; ++i) path += "#(";
  EXPECT_EQ(find("[[[[1]]]]", path), std::nullopt);
}

TEST(SyntaxError, is_told_as_k6_tells_it) {
  const std::pair<const char*, const char*> cases[] = {
      {"hello", "line 1, character 1 , error: invalid character 'h' looking for beginning of value"},
      {R"({"a":1,})", "line 1, character 8 , error: invalid character '}' looking for beginning of object key string"},
      {R"({"a" 1})", "line 1, character 6 , error: invalid character '1' after object key"},
      {"[1,2", "line 1, character 4 , error: unexpected end of JSON input"},
      {R"({"a":tru})", "line 1, character 9 , error: invalid character '}' in literal true (expecting 'e')"},
      {"\"abc", "line 1, character 4 , error: unexpected end of JSON input"},
      {"{\"a\":\"\n\"}", "line 2, character 1 , error: invalid character '\\n' in string literal"},
      {"nul", "line 1, character 3 , error: invalid character ' ' in literal null (expecting 'l')"},
      {"{} x", "line 1, character 4 , error: invalid character 'x' after top-level value"},
      {"{\n \"a\": [1,\n 2,}", "line 3, character 4 , error: invalid character '}' looking for beginning of value"},
      {R"({"a":1}{"b":2})", "line 1, character 8 , error: invalid character '{' after top-level value"},
      {"01", "line 1, character 2 , error: invalid character '1' after top-level value"},
      {"-", "line 1, character 1 , error: invalid character ' ' in numeric literal"},
      {"1.", "line 1, character 2 , error: invalid character ' ' after decimal point in numeric literal"},
      {R"("\x")", "line 1, character 3 , error: invalid character 'x' in string escape code"},
      {"", "line 1, character 0 , error: unexpected end of JSON input"},
      {"\xef\xbb\xbf{}", "line 1, character 1 , error: invalid character '\xc3\xaf' looking for beginning of value"},
  };
  for (const auto& [text, want] : cases)
    EXPECT_EQ(describe_syntax_error(text), std::string("cannot parse json due to an error at ") + want) << text;
}

TEST(SyntaxError, of_a_text_that_is_nested_without_end_is_told_in_a_little_stack) {
  const std::string opening(2'000'000, '[');
  EXPECT_EQ(syntax_problem(opening), "exceeded max depth");
  EXPECT_EQ(syntax_problem(opening + std::string(2'000'000, ']')), "exceeded max depth");
  EXPECT_EQ(syntax_problem(std::string(10'000, '[')), "unexpected end of JSON input");
  EXPECT_EQ(syntax_problem(std::string(10'000, '[') + std::string(10'000, ']')), "");
  std::string objects;
  for (int i = 0; i < 10'001; ++i) objects += R"({"a":)";
  EXPECT_EQ(syntax_problem(objects), "exceeded max depth");
  EXPECT_EQ(syntax_problem(R"([[{"a":[]},{}],[1,2],{"b":{"c":[3,[]]}}])"), "");
  EXPECT_EQ(syntax_problem("[[]}"), "invalid character '}' after array element");
  EXPECT_EQ(syntax_problem(R"({"a":{}])"), "invalid character ']' after object key:value pair");
  EXPECT_EQ(syntax_problem("[,"), "invalid character ',' looking for beginning of value");
  EXPECT_EQ(syntax_problem("[1,"), "unexpected end of JSON input");
  EXPECT_EQ(syntax_problem(R"({"a":1,)"), "unexpected end of JSON input");
  EXPECT_EQ(syntax_problem("{}"), "");
}

}  // namespace
}  // namespace gauntlet::engine::json
