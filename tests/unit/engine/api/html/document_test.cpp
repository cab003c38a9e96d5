#include "engine/api/html/document.hpp"

#include <gtest/gtest.h>

#include "engine/api/html/selector.hpp"

namespace gauntlet::engine::html {
namespace {

std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

// Each level of a recursive walk would take stack that a virtual user does not have.
TEST(Document, of_five_thousand_nested_elements_is_walked) {
  const auto document = Document::parse(repeated("<div>", 5000) + "deep");
  EXPECT_EQ(to_text(document->root()), "deep");
  EXPECT_EQ(to_html(document->root(), false).size(), 5000 * (5 + 6) + 4 + std::string("<html><head></head><body></body></html>").size());
  EXPECT_EQ(Selector::parse("div")->find_all(document->root()).size(), 5000U);
}

// A second of CPU time, not the minutes that the parser would take.
TEST(Document, that_nests_without_end_is_refused) { EXPECT_EQ(Document::parse(repeated("<span><div></span>", 100'000)), nullptr); }

TEST(Document, of_many_elements_side_by_side_is_parsed_however_they_end) {
  EXPECT_NE(Document::parse(repeated("<p>", 20'000)), nullptr);  // each ends the one before it
  EXPECT_NE(Document::parse("<svg>" + repeated("<path d='M0 0'/>", 20'000) + "</svg>"), nullptr);
  EXPECT_NE(Document::parse("<!--" + repeated("<div>", 20'000) + "-->"), nullptr);
  EXPECT_NE(Document::parse(repeated("<div>a</div><br>", 20'000)), nullptr);
}

TEST(Document, is_written_as_it_was_read) {
  const std::string page =
      "<!DOCTYPE html><html><head></head><body><p class=\"a\">1 &lt; 2<br/></p><script>a < b && "
      "c</script><!--x--></body></html>";
  EXPECT_EQ(to_html(Document::parse(page)->root(), false), page);
}

TEST(Selector, that_is_none_is_refused) {
  for (const char* text : {"", "li[", "li:hover", "a::before", ":not(", "li >", "> li", "[a=]", ":nth-child(x)", ":matches([)", "a,,b"}) {
    EXPECT_FALSE(Selector::parse(text)) << text;
  }
  EXPECT_FALSE(Selector::parse(repeated(":not(", 5000) + "a" + repeated(")", 5000)));
  EXPECT_FALSE(Selector::parse("a" + repeated(" a", 5000)));
}

TEST(Selector, takes_the_right_ancestor_when_the_nearest_leads_nowhere) {
  const auto document = Document::parse("<div class=a><p><div class=b><div class=b><i>x</i></div></div></p></div>");
  EXPECT_EQ(Selector::parse(".a > .b i")->find_all(document->root()).size(), 1U);
}

}  // namespace
}  // namespace gauntlet::engine::html
