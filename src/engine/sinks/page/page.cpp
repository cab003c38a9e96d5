#include "engine/sinks/page/page.hpp"

#include <cassert>

#include "embedded/page.hpp"

namespace gauntlet::engine::dashboard {
namespace {

constexpr std::string_view kDataPlace = "<script id=\"data\" type=\"application/json\"></script>";

}  // namespace

std::string_view page_html() { return embedded::page(); }

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
