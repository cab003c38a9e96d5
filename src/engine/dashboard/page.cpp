#include "engine/dashboard/page.hpp"

#include <cassert>

// The bytes of the built page, from the assembler: a C++ array of 100 KB would cost the compiler a second.
asm(".section .rodata\n"
    ".global gauntlet_page_begin\n"
    ".global gauntlet_page_end\n"
    "gauntlet_page_begin:\n"
    ".incbin \"" GAUNTLET_PAGE_FILE
    "\"\n"
    "gauntlet_page_end:\n"
    ".byte 0\n"
    ".previous\n");
extern "C" {
extern const char gauntlet_page_begin[];  // NOLINT: an assembler's label
extern const char gauntlet_page_end[];    // NOLINT: as above
}

namespace gauntlet::engine::dashboard {
namespace {

constexpr std::string_view kDataPlace = "<script id=\"data\" type=\"application/json\"></script>";

}  // namespace

std::string_view page_html() { return {gauntlet_page_begin, static_cast<std::size_t>(gauntlet_page_end - gauntlet_page_begin)}; }

std::string report_html(std::string_view data) {
  const std::string_view page = page_html();
  const std::size_t place = page.find(kDataPlace);
  assert(place != std::string_view::npos);
  const std::size_t middle = place + kDataPlace.size() - std::string_view("</script>").size();
  std::string report(page.substr(0, middle));
  report.reserve(page.size() + data.size() + data.size() / 16);
  // "</script>" inside a string of the data would end the element: JSON may write "<" as an escape.
  for (const char c : data) {
    if (c == '<') {
      report += "\\u003c";
    } else {
      report += c;
    }
  }
  report += page.substr(middle);
  return report;
}

}  // namespace gauntlet::engine::dashboard
