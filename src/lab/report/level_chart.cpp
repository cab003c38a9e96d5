#include "lab/report/level_chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lab/markup.hpp"

namespace gauntlet::lab {
namespace {

constexpr double kWidth = 560, kHeight = 250;
constexpr double kLeft = 58, kRight = 14, kTop = 44, kBottom = 40;
constexpr std::size_t kColours = 8;

/// The smallest of 1, 2, 5 times a power of ten that divides `most` into five steps or fewer.
double tick_step(double most) {
  const double power = std::pow(10, std::floor(std::log10(most / 5)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (most <= 5 * factor * power) return factor * power;
  return 10 * power;
}

std::string text_at(double x, double y, const char* anchor, const std::string& text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>", x, y, anchor, escaped(text));
}

}  // namespace

std::string level_chart(const std::string& title, const std::string& unit, const std::vector<std::string>& levels,
                        const std::vector<ChartSeries>& series) {
  double most = 0;
  for (const auto& one : series)
    for (const auto& value : one.values) most = std::max(most, value.value_or(0));
  if (levels.empty() || most <= 0) return "";
  const double step = tick_step(most), top = std::ceil(most / step) * step;
  const auto x = [&](std::size_t level) {
    return kLeft + (kWidth - kLeft - kRight) * (static_cast<double>(level) + 0.5) / static_cast<double>(levels.size());
  };
  const auto y = [&](double value) { return kTop + (kHeight - kTop - kBottom) * (1 - value / top); };

  std::string out = fmt::format(
      "<svg class=\"chart\" viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\">"
      "<text class=\"name\" x=\"0\" y=\"14\">{} ({})</text>",
      kWidth, kHeight, escaped(title + " by level; the table below has the figures"), escaped(title), escaped(unit));
  for (double tick = 0; tick <= top + step / 2; tick += step)
    out += fmt::format("<line class=\"grid\" x1=\"{:.0f}\" x2=\"{:.0f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>{}", kLeft, kWidth - kRight, y(tick),
                       y(tick), text_at(kLeft - 6, y(tick) + 4, "end", fmt::format("{:g}", tick)));
  for (std::size_t i = 0; i < levels.size(); ++i) out += text_at(x(i), kHeight - kBottom + 18, "middle", levels[i]);
  double legend = 0;
  for (std::size_t i = 0; i < series.size(); ++i) {
    const std::string colour = fmt::format("var(--line-{})", i % kColours + 1);
    std::string line, points;
    bool drawn = false;
    for (std::size_t level = 0; level < std::min(levels.size(), series[i].values.size()); ++level) {
      const auto value = series[i].values[level];
      if (value) {
        line += fmt::format("{}{:.1f} {:.1f}", drawn ? " L" : " M", x(level), y(*value));
        points += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.2\"><title>{}, {}: {:.3g} {}</title></circle>", x(level),
                              y(*value), escaped(series[i].name), escaped(levels[level]), *value, escaped(unit));
      }
      drawn = value.has_value();
    }
    out += fmt::format("<g style=\"stroke:{0};fill:{0}\"><path fill=\"none\" d=\"{1}\"/>{2}", colour, line, points);
    out += fmt::format("<rect x=\"{:.0f}\" y=\"22\" width=\"10\" height=\"10\"/></g>{}", kLeft + legend,
                       text_at(kLeft + legend + 15, 31, "start", series[i].name));
    legend += 30 + 6.4 * static_cast<double>(series[i].name.size());
  }
  return out + "</svg>\n";
}

}  // namespace gauntlet::lab
