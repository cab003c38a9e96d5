#include "engine/sinks/terminal/terminal.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "engine/results/number_text.hpp"
#include "engine/sinks/terminal/paint.hpp"

namespace gauntlet::engine::sinks {
namespace {

using Kind = results::ScenarioProgress::Kind;
using Status = results::ScenarioProgress::Status;

constexpr std::size_t kBarWidth = 38;
constexpr std::size_t kLeastBarWidth = 8;

std::size_t digits_of(std::int64_t number) { return std::to_string(std::max<std::int64_t>(number, 0)).size(); }

std::string padded(std::uint64_t number, std::size_t digits) {
  std::string text = std::to_string(number);
  return std::string(text.size() < digits ? digits - text.size() : 0, '0') + text;
}
std::string padded(std::int64_t number, std::size_t digits) {
  return padded(static_cast<std::uint64_t>(std::max<std::int64_t>(number, 0)), digits);
}

std::string rate_text(double rate, double max_rate) {
  std::string text = results::to_fixed(rate, 2);
  const std::size_t width = results::to_fixed(max_rate, 2).size();
  return std::string(text.size() < width ? width - text.size() : 0, '0') + text + " iters/s";
}

std::string time_text(const results::ScenarioProgress& scenario) {
  if (scenario.elapsed >= scenario.duration) return scenario.duration_text;
  // A ramp's total is written with the tenths of what has passed.
  const std::string total =
      scenario.kind == Kind::ramping_vus ? fixed_length_duration(scenario.duration, scenario.duration) : scenario.duration_text;
  return fixed_length_duration(scenario.elapsed, scenario.duration) + "/" + total;
}

/// What stands to the right of the bar.
std::vector<std::string> columns_of(const results::ScenarioProgress& scenario) {
  if (scenario.status == Status::waiting) {
    return {"waiting", fixed_length_duration(scenario.starts_in, scenario.start_time)};
  }
  const auto share = [](std::int64_t active, std::int64_t all, std::int64_t most) {
    const std::size_t digits = digits_of(most);
    return padded(active, digits) + "/" + padded(all, digits) + " VUs";
  };
  const std::size_t digits = std::to_string(scenario.iterations_total).size();
  const std::string iterations = padded(scenario.iterations_done, digits) + "/" + std::to_string(scenario.iterations_total);
  const std::string vus = std::to_string(scenario.vus) + " VUs";
  switch (scenario.kind) {
    case Kind::shared_iterations: return {vus, time_text(scenario), iterations + " shared iters"};
    case Kind::per_vu_iterations:
      return {vus, time_text(scenario), iterations + " iters, " + std::to_string(scenario.iterations_per_vu) + " per VU"};
    case Kind::constant_vus: return {vus, time_text(scenario)};
    case Kind::ramping_vus: return {share(scenario.vus_active, scenario.vus, scenario.vus), time_text(scenario)};
    case Kind::constant_arrival_rate:
    case Kind::ramping_arrival_rate:
      return {share(scenario.vus_active, scenario.vus, scenario.max_vus), time_text(scenario), rate_text(scenario.rate, scenario.max_rate)};
  }
  return {};
}

struct BarLine {
  std::string name;
  std::string mark;  // one character wide
  double fraction = 0;
  std::vector<std::string> columns;
};

BarLine line_of(const results::ScenarioProgress& scenario, bool running, const ProgressStyle& style) {
  const Paint paint(style.color);
  BarLine line{scenario.name, " ", scenario.fraction, {}};
  if (!running) return line;
  line.columns = columns_of(scenario);
  if (style.rates && scenario.status != Status::waiting) line.columns.push_back(results::to_fixed(scenario.done_rate, 1) + " done/s");
  switch (scenario.status) {
    case Status::waiting: line.mark = paint.color() ? "\x1b[2m•\x1b[22m" : "•"; break;
    case Status::running: break;
    case Status::stopping: line.mark = "↓"; break;
    case Status::done: line.mark = paint.green("✓"); break;
    case Status::interrupted: line.mark = paint.red("✗"); break;
  }
  return line;
}

std::string bar_text(double fraction, std::size_t width, const ProgressStyle& style) {
  fraction = std::clamp(fraction, 0.0, 1.0);
  if (!style.bars) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "[ %3d%% ]", static_cast<int>(std::floor(fraction * 100)));
    return text.data();
  }
  const auto filled = static_cast<std::size_t>(std::floor(fraction * static_cast<double>(width)));
  const std::string rest(width - filled, '-');
  std::string done(filled, '=');
  if (filled > 0 && filled < width) done.back() = '>';
  return "[" + done + (style.color ? "\x1b[2m" + rest + "\x1b[22m" : rest) + "]";
}

/// Columns line up by those lines that have another column after them, as k6 lines them up.
std::string right_text(const std::vector<std::string>& columns, const std::vector<std::size_t>& widths) {
  std::string text;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::size_t width = i < widths.size() ? widths[i] : 0;
    text += " " + columns[i] + (width == 0 ? "" : fill(columns[i], width + 1));
  }
  return text;
}

}  // namespace

std::string fixed_length_duration(std::chrono::nanoseconds elapsed, std::chrono::nanoseconds max) {
  using std::chrono::duration_cast;
  const std::int64_t tenths = std::max<std::int64_t>(0, elapsed.count() / 100'000'000);
  const std::int64_t max_seconds = duration_cast<std::chrono::seconds>(std::max(elapsed, max)).count();
  const std::int64_t seconds = tenths / 10;
  const std::string fraction = "." + std::to_string(tenths % 10) + "s";
  const std::int64_t max_minutes = max_seconds / 60;
  const std::int64_t max_hours = max_minutes / 60;
  if (max_minutes == 0) return padded(seconds, digits_of(max_seconds)) + fraction;
  const std::string rest = padded(seconds % 60, 2) + fraction;
  if (max_hours == 0) return padded(seconds / 60, digits_of(max_minutes)) + "m" + rest;
  return padded(seconds / 3600, digits_of(max_hours)) + "h" + padded(seconds / 60 % 60, 2) + "m" + rest;
}

std::string render_banner(bool color) {
  constexpr std::string_view kArt =
      "   ┏━╸┏━┓╻ ╻┏┓╻╺┳╸╻  ┏━╸╺┳╸\n"
      "   ┃╺┓┣━┫┃ ┃┃┗┫ ┃ ┃  ┣╸  ┃ \n"
      "   ┗━┛╹ ╹┗━┛╹ ╹ ╹ ┗━╸┗━╸ ╹ ";
  return "\n" + Paint(color).cyan(kArt) + "\n\n";
}

std::string render_header(const RunHeader& header, bool color) {
  const Paint paint(color);
  std::string outputs;
  for (const std::string& output : header.outputs) outputs += (outputs.empty() ? "" : ", ") + output;
  std::string text = "\n     execution: " + paint.cyan(header.execution) + "\n        script: " + paint.cyan(header.script) +
                     (header.dashboard_url.empty() ? "" : "\n web dashboard: " + paint.cyan(header.dashboard_url)) +
                     "\n        output: " + paint.cyan(outputs.empty() ? "-" : outputs) + "\n\n";
  const std::size_t count = header.scenarios.size();
  text += "     scenarios: " +
          paint.cyan("(" + results::to_fixed(header.segment_share * 100, 2) + "%) " + std::to_string(count) + " scenario" +
                     (count == 1 ? "" : "s") + ", " + std::to_string(header.max_vus) + " max VUs, " + header.max_duration +
                     " max duration (incl. graceful stop):") +
          "\n";
  for (const auto& [name, description] : header.scenarios)
    text.append("              * ").append(name).append(": ").append(description).append("\n");
  return text + "\n";
}

std::string render_progress(const results::RunProgress& progress, const ProgressStyle& style) {
  const Paint paint(style.color);
  const bool running = progress.phase == results::RunProgress::Phase::running || progress.phase == results::RunProgress::Phase::teardown;
  std::vector<BarLine> lines;
  if (progress.phase == results::RunProgress::Phase::setup) lines.push_back({"Run", " ", 1, {"setup()"}});
  if (progress.phase == results::RunProgress::Phase::init) {
    const auto all = static_cast<double>(std::max<std::int64_t>(progress.vus_to_initialize, 1));
    lines.push_back({"Init",
                     " ",
                     static_cast<double>(progress.vus_initialized) / all,
                     {std::to_string(progress.vus_initialized) + "/" + std::to_string(progress.vus_to_initialize) + " VUs initialized"}});
  }
  for (const results::ScenarioProgress& scenario : progress.scenarios) lines.push_back(line_of(scenario, running, style));

  std::size_t name_width = std::string_view("Init").size();
  std::vector<std::size_t> widths;
  for (const BarLine& line : lines) {
    name_width = std::max(name_width, width_of(line.name));
    for (std::size_t i = 0; i + 1 < line.columns.size(); ++i) {
      if (widths.size() <= i) widths.resize(i + 1);
      widths[i] = std::max(widths[i], width_of(line.columns[i]));
    }
  }
  std::size_t widest = 0;
  for (const BarLine& line : lines) widest = std::max(widest, width_of(right_text(line.columns, widths)));
  // Bars give way to the words beside them; where not even short ones fit, percentages do.
  ProgressStyle bar_style = style;
  std::size_t bar_width = kBarWidth;
  if (style.columns != 0 && name_width + 5 + bar_width + widest > style.columns) {
    const std::size_t taken = name_width + 5 + widest;
    bar_width = style.columns > taken ? style.columns - taken : 0;
    if (bar_width < kLeastBarWidth) bar_style.bars = false;
  }

  std::string text = "\n";
  if (running) {
    const std::size_t digits = digits_of(progress.max_vus);
    text += "running (" + fixed_length_duration(progress.elapsed, progress.max_duration) + "), " + padded(progress.vus_active, digits) +
            "/" + padded(progress.vus_initialized, digits) + " VUs, " + std::to_string(progress.iterations_complete) + " complete and " +
            std::to_string(progress.iterations_interrupted) + " interrupted iterations\n";
  }
  for (const BarLine& line : lines) {
    text += line.name + fill(line.name, name_width) + " " + line.mark + " " + bar_text(line.fraction, bar_width, bar_style) +
            right_text(line.columns, widths) + "\n";
  }
  return text;
}

std::string over_progress(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out += "\x1b[0K";
    out += c;
  }
  return out;
}

std::string redrawn(const std::string& block) {
  std::string out;
  std::size_t lines = 0;
  for (const char c : block) {
    if (c == '\n') {
      out += "\x1b[K";
      ++lines;
    }
    out += c;
  }
  return out + "\r\x1b[J\x1b[" + std::to_string(lines) + "A";
}

std::string render_output_files(const std::vector<std::pair<std::string, std::string>>& kinds_and_paths, bool color) {
  const Paint paint(color);
  std::string text;
  for (const auto& [kind, path] : kinds_and_paths) text += "  " + kind + ": " + paint.cyan(path) + "\n";
  return text;
}

}  // namespace gauntlet::engine::sinks
