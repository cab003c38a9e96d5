#include "lab/report/comparison_html.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lab/markup.hpp"
#include "lab/report/html_page.hpp"

namespace gauntlet::lab {
namespace {

using engine::results::ComparedFigure;
using Change = ComparedFigure::Verdict;

constexpr double kHalf = 100;  // units of the drawing on either side of "no change"

/// The interval as a bar, the change as a dot, no change as the line in the middle; all figures on one scale. Text says
/// it beside, so that it is hidden from those who do not see it.
std::string drawn(const ComparedFigure& figure, double widest) {
  const auto at = [&](double change) { return kHalf + std::clamp(change / widest, -1.0, 1.0) * (kHalf - 4); };
  const char* colour = figure.verdict() == Change::worse ? "--bad" : figure.verdict() == Change::better ? "--good" : "--soft";
  const double from = at(figure.low), to = at(figure.high);
  return fmt::format(
      "<svg viewBox=\"0 0 200 14\" width=\"200\" height=\"14\" aria-hidden=\"true\"><path d=\"M100 0V14\" "
      "style=\"stroke:var(--line)\"/><rect x=\"{:.1f}\" y=\"5\" width=\"{:.1f}\" height=\"4\" rx=\"2\" "
      "style=\"fill:var({});opacity:.45\"/><circle cx=\"{:.1f}\" cy=\"7\" r=\"3.5\" style=\"fill:var({})\"/></svg>",
      from, std::max(1.0, to - from), colour, at(figure.change), colour);
}

}  // namespace

std::string comparison_html(const std::string& a, const std::string& b, const std::vector<ComparedFigure>& figures) {
  auto sorted = figures;
  const auto rank = [](const ComparedFigure& figure) {
    return figure.verdict() == Change::worse ? 0 : figure.verdict() == Change::better ? 1 : 2;
  };
  std::stable_sort(sorted.begin(), sorted.end(), [&](const auto& left, const auto& right) { return rank(left) < rank(right); });
  double widest = 1;
  std::size_t worse = 0, better = 0;
  for (const auto& figure : sorted) {
    for (const double change : {figure.change, figure.low, figure.high})
      if (std::isfinite(change)) widest = std::max(widest, std::abs(change));
    worse += figure.verdict() == Change::worse;
    better += figure.verdict() == Change::better;
  }
  std::string rows;
  for (const auto& figure : sorted) {
    const char* of_change = figure.unit == "%" ? " points" : " %";
    rows += fmt::format(
        "<tr><th scope=\"row\">{}</th><td>{:.2f} {}</td><td>{:.2f} {}</td><td>{:+.1f}{}</td><td>{:+.1f} to {:+.1f}{}</td>"
        "<td>{}</td><td>{}</td></tr>\n",
        escaped(figure.name), figure.a, escaped(figure.unit), figure.b, escaped(figure.unit), figure.change, of_change, figure.low,
        figure.high, of_change, drawn(figure, widest), to_text(figure.verdict()));
  }
  return html_page("Comparison of two runs",
                   fmt::format("A is <code>{}</code>, B is <code>{}</code>. Of {} figures {} are worse in B and {} better; of the "
                               "others no difference is shown.",
                               escaped(a), escaped(b), sorted.size(), worse, better),
                   fmt::format("<section><h2>Figures</h2><div class=\"table\" tabindex=\"0\"><table><thead><tr><th scope=\"col\">Figure"
                               "</th><th scope=\"col\">A</th><th scope=\"col\">B</th><th scope=\"col\">Change</th><th "
                               "scope=\"col\">95 % interval</th><th scope=\"col\">from {:+.0f} to {:+.0f}</th><th "
                               "scope=\"col\">Verdict</th></tr></thead><tbody>\n{}</tbody></table></div>\n<p>Intervals come from a "
                               "bootstrap over the runs' whole seconds. A difference is one whose interval leaves out zero.</p>"
                               "</section>\n",
                               -widest, widest, rows));
}

}  // namespace gauntlet::lab
