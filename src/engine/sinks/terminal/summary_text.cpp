#include "engine/sinks/terminal/summary_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/results/number_text.hpp"
#include "engine/sinks/terminal/paint.hpp"

namespace gauntlet::engine::sinks {
namespace {

using metrics::MetricType;
using metrics::ValueKind;

constexpr std::string_view kPass = "✓";
constexpr std::string_view kFail = "✗";

// SGR codes.
constexpr std::string_view kDots = "2;37";
constexpr std::string_view kExtra = "2;36";

/// What a metric's line says, not yet aligned.
struct Line {
  std::string name;
  bool trend = false;
  std::vector<std::string> values;  // trend: by statistic; else the figure and its one or two companions
};

std::string count_of(std::uint64_t part, std::uint64_t whole) { return std::to_string(part) + " out of " + std::to_string(whole); }

std::vector<std::string> value_texts(const results::MetricResult& metric, const results::SummaryOptions& options) {
  const auto text = [&](std::string_view name) { return results::humanize(metric.value(name), metric.contains, options.time_unit); };
  switch (metric.type) {
    case MetricType::counter:
      if (metric.find("rate") == nullptr) return {text("count")};
      return {text("count"), text("rate") + "/s"};
    case MetricType::gauge: return {text("value"), "min=" + text("min"), "max=" + text("max")};
    case MetricType::rate: {
      const auto passes = static_cast<std::uint64_t>(metric.value("passes"));
      const auto fails = static_cast<std::uint64_t>(metric.value("fails"));
      return {results::percent(metric.value("rate")), count_of(passes, passes + fails)};
    }
    case MetricType::trend: break;
  }
  std::vector<std::string> texts;
  for (const auto& [name, value] : metric.values) {
    texts.push_back(results::humanize(value, name == "count" ? ValueKind::plain : metric.contains, options.time_unit));
  }
  return texts;
}

/// The columns of a block of metric lines.
struct Columns {
  std::size_t name = 0;
  std::array<std::size_t, 3> plain{};
  std::vector<std::size_t> trend;

  void fit(const Line& line) {
    name = std::max(name, width_of(line.name));
    if (line.trend) trend.resize(std::max(trend.size(), line.values.size()));
    for (std::size_t i = 0; i < line.values.size(); ++i) {
      std::size_t& column = line.trend ? trend[i] : plain[i];
      column = std::max(column, width_of(line.values[i]));
    }
  }
};

std::string render_line(const Line& line, const Columns& columns, const results::SummaryOptions& options, const Paint& paint) {
  const std::string dots(columns.name - width_of(line.name) + 3, '.');
  std::string text = line.name + paint.in(kDots, dots + ":") + " ";
  if (line.trend) {
    for (std::size_t i = 0; i < line.values.size(); ++i) {
      if (i != 0) text += ' ';
      text += options.trend_stats[i] + "=" + paint.cyan(line.values[i]) + fill(line.values[i], columns.trend[i]);
    }
    return text;
  }
  text += paint.cyan(line.values[0]) + fill(line.values[0], columns.plain[0]);
  const bool several = line.values.size() > 2;
  for (std::size_t i = 1; i < line.values.size(); ++i) {
    text += ' ' + paint.in(kExtra, line.values[i]);
    if (several) text += fill(line.values[i], columns.plain[i]);
  }
  return text;
}

std::string display_name(const results::MetricResult& metric) { return metric.submetric ? "  { " + metric.suffix + " }" : metric.name; }

std::string failures_text(const results::CheckResult& check) {
  const double passed = static_cast<double>(check.passes) / static_cast<double>(check.passes + check.fails);
  return "↳  " + std::to_string(static_cast<int>(std::floor(100 * passed))) + "% — " + std::string(kPass) + " " +
         std::to_string(check.passes) + " / " + std::string(kFail) + " " + std::to_string(check.fails);
}

// ---- compact and full ------------------------------------------------------------------------------------------

struct Category {
  std::string_view title;
  bool (*holds)(const results::MetricResult&);
};

bool starts(const results::MetricResult& metric, std::string_view prefix) { return !metric.custom && metric.name.starts_with(prefix); }

constexpr Category kCategories[] = {
    {"CUSTOM", [](const results::MetricResult& metric) { return metric.custom; }},
    {"HTTP", [](const results::MetricResult& metric) { return starts(metric, "http_"); }},
    {"EXECUTION",
     [](const results::MetricResult& metric) {
       return starts(metric, "vus") || starts(metric, "iteration") || starts(metric, "dropped_iterations");
     }},
    {"NETWORK", [](const results::MetricResult& metric) { return starts(metric, "data_"); }},
    {"GRPC", [](const results::MetricResult& metric) { return starts(metric, "grpc_"); }},
    {"WEBSOCKET", [](const results::MetricResult& metric) { return starts(metric, "ws_"); }},
};

bool hidden_in_compact(const results::MetricResult& metric) {
  for (const std::string_view phase : {"blocked", "connecting", "receiving", "sending", "tls_handshaking", "waiting"}) {
    if (starts(metric, "http_req_" + std::string(phase))) return true;
  }
  return false;
}

class Layout {
 public:
  Layout(const results::Summary& summary, SummaryMode mode, bool color)
      : summary_(summary), options_(summary.options), compact_(mode == SummaryMode::compact), paint_(color) {}

  std::string render() {
    if (has_thresholds()) thresholds();
    title("TOTAL RESULTS");
    std::uint64_t passes = 0;
    std::uint64_t fails = 0;
    const results::MetricResult* checks = summary_.find("checks");
    if (checks != nullptr) {
      passes = static_cast<std::uint64_t>(checks->value("passes"));
      fails = static_cast<std::uint64_t>(checks->value("fails"));
    }
    const bool has_checks = checks != nullptr && (passes + fails != 0 || has_threshold(*checks));
    content(4, has_checks, passes, fails, summary_.checks, summary_.metrics);
    if (!compact_) {
      for (const results::PartResult& group : summary_.groups) part("GROUP: " + group.name, group);
      for (const results::PartResult& scenario : summary_.scenarios) part("SCENARIO: " + scenario.name, scenario);
    }
    return "\n\n" + text_ + "\n\n\n";
  }

 private:
  bool has_threshold(const results::MetricResult& metric) const {
    if (!metric.thresholds.empty()) return true;
    // A submetric's threshold brings its metric in.
    return std::any_of(summary_.metrics.begin(), summary_.metrics.end(), [&](const results::MetricResult& other) {
      return other.submetric && !other.thresholds.empty() && other.name.starts_with(metric.name + "{");
    });
  }
  bool has_thresholds() const {
    return std::any_of(summary_.metrics.begin(), summary_.metrics.end(),
                       [](const results::MetricResult& metric) { return !metric.thresholds.empty(); });
  }

  /// A block of lines; blocks have a blank line between them.
  void block(std::string_view lines) {
    if (!text_.empty()) text_ += '\n';
    text_ += lines;
  }

  void title(std::string_view text) {
    if (!text_.empty()) text_ += '\n';
    block("  █ " + paint_.bold(text) + " \n");
  }

  void thresholds() {
    title("THRESHOLDS");
    const results::MetricResult* parent = nullptr;
    for (const results::MetricResult& metric : summary_.metrics) {
      if (!metric.submetric) parent = metric.thresholds.empty() ? nullptr : &metric;
      if (metric.thresholds.empty()) continue;
      const bool nested = metric.submetric && parent != nullptr;
      const std::string indent(nested ? 6 : 4, ' ');
      std::string lines = indent + (nested ? "{" + metric.suffix + "}" : metric.name) + "\n";
      for (const results::ThresholdResult& threshold : metric.thresholds) {
        if (!threshold.has_samples && threshold.ok && options_.says_no_data) {
          lines += indent + paint_.yellow("–") + " " + paint_.white("'" + threshold.source + "'") + " " + paint_.yellow("no data") + "\n";
          continue;
        }
        lines += indent + (threshold.ok ? paint_.green(kPass) : paint_.red(kFail)) + " " + paint_.white("'" + threshold.source + "'") +
                 " " + paint_.white(threshold.aggregation) + "=" + paint_.cyan(threshold_value(metric, threshold)) + "\n";
      }
      block(lines);
    }
  }

  std::string threshold_value(const results::MetricResult& metric, const results::ThresholdResult& threshold) const {
    if (metric.type == MetricType::rate) return results::percent(threshold.value);
    const std::string text = results::humanize(threshold.value, metric.contains, options_.time_unit);
    return metric.type == MetricType::counter && threshold.aggregation == "rate" ? text + "/s" : text;
  }

  void content(std::size_t indent, bool has_checks, std::uint64_t passes, std::uint64_t fails,
               const std::vector<results::CheckResult>& checks, const std::vector<results::MetricResult>& metrics) {
    if (has_checks) check_blocks(indent, passes, fails, checks);
    metric_blocks(indent, metrics);
  }

  void check_blocks(std::size_t indent, std::uint64_t passes, std::uint64_t fails, const std::vector<results::CheckResult>& checks) {
    const std::uint64_t total = passes + fails;
    const auto share = [&](std::uint64_t part) { return total == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(total); };
    const double rate = summary_.duration_s > 0 ? static_cast<double>(total) / summary_.duration_s : 0;
    const std::array<Line, 3> lines = {
        Line{"checks_total", false, {std::to_string(total), results::humanize(rate, ValueKind::plain, {}) + "/s"}},
        Line{"checks_succeeded", false, {results::percent(share(passes)), count_of(passes, total)}},
        Line{"checks_failed", false, {results::percent(share(fails)), count_of(fails, total)}}};
    Columns columns;
    for (const Line& line : lines) columns.fit(line);
    std::string text;
    for (const Line& line : lines) text += std::string(indent, ' ') + render_line(line, columns, options_, paint_) + "\n";
    block(text);

    text.clear();
    for (const results::CheckResult& check : checks) {
      const bool passed = check.fails == 0;
      const std::string head = std::string(passed ? kPass : kFail) + " " + check.name;
      text += std::string(indent, ' ') + (passed ? paint_.green(head) : paint_.red(head)) + "\n";
      if (!passed) text += std::string(2 * indent - 2, ' ') + paint_.red(failures_text(check)) + "\n";
    }
    if (!text.empty()) block(text);
  }

  bool shown(const results::MetricResult& metric) const { return !metric.past_k6 && !(compact_ && hidden_in_compact(metric)); }

  void metric_blocks(std::size_t indent, const std::vector<results::MetricResult>& metrics) {
    std::array<std::vector<Line>, std::size(kCategories)> blocks;
    Columns columns;
    for (const results::MetricResult& metric : metrics) {
      if (!shown(metric)) continue;
      const auto category =
          std::find_if(std::begin(kCategories), std::end(kCategories), [&](const Category& candidate) { return candidate.holds(metric); });
      if (category == std::end(kCategories)) continue;
      Line line{display_name(metric), metric.type == MetricType::trend, value_texts(metric, options_)};
      columns.fit(line);
      blocks[static_cast<std::size_t>(category - std::begin(kCategories))].push_back(std::move(line));
    }
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (blocks[i].empty()) continue;
      std::string text = std::string(indent, ' ') + paint_.bold(kCategories[i].title) + "\n";
      for (const Line& line : blocks[i]) text += std::string(indent, ' ') + render_line(line, columns, options_, paint_) + "\n";
      block(text);
    }
  }

  void part(const std::string& heading, const results::PartResult& result) {
    title(heading);
    part_content(4, result);
  }

  void part_content(std::size_t indent, const results::PartResult& result) {
    content(indent, result.check_passes + result.check_fails != 0, result.check_passes, result.check_fails, result.checks, result.metrics);
    for (const results::PartResult& group : result.groups) {
      block(std::string(indent, ' ') + "↳ " + paint_.bold("GROUP: " + group.name) + " \n");
      part_content(indent + 2, group);
    }
  }

  const results::Summary& summary_;
  const results::SummaryOptions& options_;
  const bool compact_;
  const Paint paint_;
  std::string text_;
};

// ---- what only we know -----------------------------------------------------------------------------------------

/// Rows of cells whose columns line up; the first row is the heading.
class Table {
 public:
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.size() < 2; }

  /// `left` columns at the end are set flush left, the others flush right.
  std::string render(std::size_t indent, std::size_t left, const Paint& paint) const {
    std::vector<std::size_t> widths(rows_[0].size(), 0);
    for (const auto& row : rows_) {
      for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
    }
    std::string text;
    for (const auto& row : rows_) {
      std::string line(indent, ' ');
      for (std::size_t i = 0; i < row.size(); ++i) {
        const bool flush_left = i + left >= row.size();
        const bool last = i + 1 == row.size();
        line += flush_left ? row[i] + (last ? "" : fill(row[i], widths[i])) : fill(row[i], widths[i]) + row[i];
        if (!last) line += "  ";
      }
      text += (&row == &rows_[0] ? paint.dim(line) : line) + "\n";
    }
    return text;
  }

 private:
  std::vector<std::vector<std::string>> rows_;
};

constexpr std::size_t kEndpointRows = 15;
constexpr std::size_t kNameWidth = 60;

/// Leaves the middle out: addresses begin with the same host, and differ at the end.
std::string clipped(std::string_view text, std::size_t width) {
  const std::size_t has = width_of(text);
  if (has <= width) return std::string(text);
  const std::size_t head = (width - 1) / 3;
  const std::size_t tail = width - 1 - head;
  const auto offset_of = [&](std::size_t character) {
    std::size_t at = 0;
    for (std::size_t passed = 0; at < text.size(); ++at) {
      const bool begins = (static_cast<unsigned char>(text[at]) & 0xc0U) != 0x80U;
      if (begins && passed++ == character) break;
    }
    return at;
  };
  return std::string(text.substr(0, offset_of(head))) + "…" + std::string(text.substr(offset_of(has - tail)));
}

std::string outcomes_text(const results::EndpointResult& row) {
  constexpr std::size_t kShown = 4;
  std::string text;
  for (std::size_t i = 0; i < row.outcomes.size() && i < kShown; ++i) {
    if (i != 0) text += ", ";
    text += row.outcomes[i].first;
    if (row.outcomes.size() > 1) text += " ×" + std::to_string(row.outcomes[i].second);
  }
  if (row.outcomes.size() > kShown) text += ", …";
  return text;
}

std::string open_model_block(const results::OpenModelResult& model, const std::string& unit, const Paint& paint) {
  const auto time = [&](double milliseconds) { return results::humanize_duration(milliseconds, unit); };
  Table table;
  table.row({"iteration", "p(50)", "p(95)", "p(99)", "max"});
  table.row({"from its start", time(model.service.p50), time(model.service.p95), time(model.service.p99), time(model.service.max)});
  table.row(
      {"from when it was due", time(model.intended.p50), time(model.intended.p95), time(model.intended.p99), time(model.intended.max)});
  return "    " + paint.bold("OPEN MODEL") + "\n" + table.render(4, 0, paint);
}

std::string endpoints_block(const std::vector<results::EndpointResult>& endpoints, const std::string& unit, const Paint& paint) {
  const auto time = [&](double milliseconds) { return results::humanize_duration(milliseconds, unit); };
  Table table;
  table.row({"requests", "per s", "failed", "p(50)", "p(95)", "p(99)", "max", "endpoint", "outcome"});
  for (std::size_t i = 0; i < endpoints.size() && i < kEndpointRows; ++i) {
    const results::EndpointResult& row = endpoints[i];
    const double failed = static_cast<double>(row.failed) / static_cast<double>(row.count);
    table.row({std::to_string(row.count), results::to_fixed(row.per_second, 1), results::percent(failed), time(row.p50), time(row.p95),
               time(row.p99), time(row.max), clipped(row.method.empty() ? row.name : row.method + " " + row.name, kNameWidth),
               outcomes_text(row)});
  }
  std::string text = "    " + paint.bold("ENDPOINTS") + "\n" + table.render(4, 2, paint);
  if (endpoints.size() > kEndpointRows) {
    text += "    " + paint.dim("and " + std::to_string(endpoints.size() - kEndpointRows) + " more in the JSON results") + "\n";
  }
  const bool has_templates =
      std::any_of(endpoints.begin(), endpoints.end(), [](const auto& row) { return row.name.find("{}") != std::string::npos; });
  if (has_templates)
    text += "    " + paint.dim("{} stands for numbers and ids that differ: tag requests with a name to choose the rows") + "\n";
  return text;
}

std::string generator_block(const results::GeneratorHealth& health, const std::string& unit, const Paint& paint) {
  std::string text = "    " + paint.bold("GENERATOR") + "\n";
  const auto line = [&](std::string_view what, const std::string& value) {
    text += "    " + std::string(what) + fill(what, 22) + value + "\n";
  };
  if (health.scheduled != 0) {
    line("start after due",
         "p(99)=" + results::humanize_duration(health.slip_p99_ms, unit) + " max=" + results::humanize_duration(health.slip_max_ms, unit));
    line("late by over " + results::to_fixed(results::GeneratorHealth::kLateMs, 0) + "ms", count_of(health.late, health.scheduled));
  }
  if (health.dropped != 0) line("dropped iterations", count_of(health.dropped, health.dropped + health.scheduled));
  if (health.cpu_share) line("CPU of its cores", results::percent(*health.cpu_share));
  if (health.loop_lag_p99_ms) line("event loop lag", "p(99)=" + results::humanize_duration(*health.loop_lag_p99_ms, unit));
  if (health.samples_dropped != 0) {
    line("samples not written",
         paint.red(std::to_string(health.samples_dropped)) + " (an output could not keep up; the figures above have them all)");
  }
  if (health.tag_sweeps != 0) line("tag values", "too many to keep: tag requests with a `name` instead of changing URLs");
  const results::GeneratorVerdict verdict = health.verdict;
  text += "    " + (verdict.kept_up() ? paint.green("✓ the generator kept up") : paint.red("✗ " + verdict.words)) + "\n";
  return text;
}

std::string scenarios_block(const std::vector<results::ScenarioProgress>& scenarios, const Paint& paint) {
  Table table;
  table.row({"iterations", "per s", "dropped", "most VUs", "scenario"});
  for (const results::ScenarioProgress& row : scenarios) {
    table.row({std::to_string(row.iterations_done), results::to_fixed(row.done_rate, 1), std::to_string(row.iterations_dropped),
               std::to_string(row.vus_most), row.name});
  }
  return "    " + paint.bold("SCENARIOS") + "\n" + table.render(4, 1, paint);
}

std::string agents_block(const std::vector<results::AgentResult>& agents, const std::string& unit, const Paint& paint) {
  std::string text = "    " + paint.bold("AGENTS") + "\n";
  for (const results::AgentResult& agent : agents) {
    text += "    " + agent.name + "  " + fill(agent.name, 20) + results::percent(agent.share) + " of the load, " +
            std::to_string(agent.iterations) + " iterations, CPU " + results::percent(agent.cpu_share) +
            ", start after due p(99)=" + results::humanize_duration(agent.slip_p99_ms, unit) + ", began within " +
            results::humanize_duration(agent.start_error_ms, unit) + "\n";
    if (!agent.lost.empty()) {
      text +=
          "    " + fill("", 22) + paint.red("✗ lost " + results::to_fixed(agent.lost_at_s, 1) + "s into the test: " + agent.lost) + "\n";
    }
  }
  return text;
}

/// Names may come from a server's answer or from an agent: what a terminal would obey in them is shown as "?". Our own colours stay.
std::string printable(std::string_view text, bool color) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto c = static_cast<unsigned char>(text[0]);
    std::size_t size = 1;
    bool is_shown = (c >= ' ' && c != 0x7f) || c == '\n' || c == '\t';
    if (color && text.starts_with("\x1b[")) {
      const std::size_t end = text.find_first_not_of("0123456789;", 2);
      is_shown = end != std::string_view::npos && text[end] == 'm';
      if (is_shown) size = end + 1;
    } else if (c == 0xc2 && text.size() > 1 && static_cast<unsigned char>(text[1]) < 0xa0) {  // U+0080 to U+009F
      is_shown = false;
      size = 2;
    }
    out += is_shown ? text.substr(0, size) : "?";
    text.remove_prefix(size);
  }
  return out;
}

}  // namespace

std::string render_beyond_k6(const results::Summary& summary, bool color) {
  const Paint paint(color);
  const std::string& unit = summary.options.time_unit;
  std::vector<std::string> blocks;
  if (summary.open_model) blocks.push_back(open_model_block(*summary.open_model, unit, paint));

  std::vector<Line> grpc;
  Columns columns;
  for (const results::MetricResult& metric : summary.metrics) {
    if (!metric.past_k6 || !metric.name.starts_with("grpc_")) continue;
    grpc.push_back({display_name(metric), metric.type == MetricType::trend, value_texts(metric, summary.options)});
    columns.fit(grpc.back());
  }
  if (!grpc.empty()) {
    std::string text = "    " + paint.bold("GRPC") + "\n";
    for (const Line& line : grpc) text += "    " + render_line(line, columns, summary.options, paint) + "\n";
    blocks.push_back(std::move(text));
  }
  if (summary.load.size() > 1) blocks.push_back(scenarios_block(summary.load, paint));
  if (!summary.endpoints.empty()) blocks.push_back(endpoints_block(summary.endpoints, unit, paint));
  if (summary.generator.scheduled + summary.generator.dropped != 0 || !summary.generator.verdict.kept_up() ||
      summary.generator.samples_dropped + summary.generator.tag_sweeps != 0) {
    blocks.push_back(generator_block(summary.generator, unit, paint));
  }
  if (!summary.agents.empty()) blocks.push_back(agents_block(summary.agents, unit, paint));
  if (blocks.empty()) return {};
  std::string text = "  █ " + paint.bold("BEYOND K6") + " \n";
  for (const std::string& block : blocks) text += "\n" + block;
  return printable(text, color) + "\n\n";
}

base::Expected<SummaryMode> parse_summary_mode(std::string_view name) {
  if (name == "compact") return SummaryMode::compact;
  if (name == "full") return SummaryMode::full;
  if (name == "disabled") return SummaryMode::disabled;
  if (name == "legacy") {
    return base::fail(base::ErrorKind::invalid_argument, "the summary mode legacy is gone, as in k6 2: use --summary-mode=compact or full");
  }
  return base::fail(base::ErrorKind::invalid_argument, "invalid summary mode");
}

std::string render_summary(const results::Summary& summary, SummaryMode mode, bool color) {
  return mode == SummaryMode::disabled ? "" : printable(Layout(summary, mode, color).render(), color);
}

}  // namespace gauntlet::engine::sinks
