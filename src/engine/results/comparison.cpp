#include "engine/results/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <random>

#include "base/duration.hpp"

namespace gauntlet::engine::results {
namespace {

using metrics::SeriesBucket;
using metrics::SeriesPoint;
using metrics::SeriesRow;

constexpr std::size_t kFewestRows = 5;

/// One metric of a run, second by second.
struct Block {
  double seconds = 0;
  double sum = 0;
  std::uint64_t samples = 0;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> counts;  // by number of the bucket in `Blocks::buckets`
};
struct Blocks {
  std::vector<Block> all;
  std::vector<std::int32_t> buckets;  // ascending
};

/// Whole seconds only: the first and the last one may be cut off.
std::vector<const SeriesRow*> whole_rows(const std::vector<SeriesRow>& rows) {
  std::vector<const SeriesRow*> whole;
  std::chrono::nanoseconds longest{0};
  for (const SeriesRow& row : rows) longest = std::max(longest, row.length);
  for (const SeriesRow& row : rows) {
    if (row.length * 2 >= longest) whole.push_back(&row);
  }
  return whole;
}

Blocks blocks_of(const ComparedRun& run, std::string_view name) {
  Blocks blocks;
  const metrics::MetricInfo* info = run.registry.find(name);
  if (info == nullptr) return blocks;
  std::map<std::int32_t, std::uint32_t> numbers;
  const auto rows = whole_rows(run.rows);
  const auto point_in = [&](const SeriesRow& row) {
    const auto found =
        std::find_if(row.points.begin(), row.points.end(), [&](const SeriesPoint& point) { return point.metric == info->id; });
    return found == row.points.end() ? nullptr : &*found;
  };
  for (const SeriesRow* row : rows) {
    if (const SeriesPoint* point = point_in(*row)) {
      for (const SeriesBucket& bucket : point->buckets) numbers.emplace(bucket.index, 0);
    }
  }
  for (auto& [index, number] : numbers) {
    number = static_cast<std::uint32_t>(blocks.buckets.size());
    blocks.buckets.push_back(index);
  }
  bool any = false;
  for (const SeriesRow* row : rows) {
    Block block;
    block.seconds = base::seconds_of(row->length);
    if (const SeriesPoint* point = point_in(*row)) {
      any = true;
      block.sum = point->sum;
      block.samples = point->samples;
      for (const SeriesBucket& bucket : point->buckets) block.counts.emplace_back(numbers[bucket.index], bucket.count);
    }
    blocks.all.push_back(std::move(block));
  }
  if (!any) blocks.all.clear();
  return blocks;
}

using Draw = std::vector<std::uint32_t>;  // numbers of blocks

std::vector<double> percentiles(const Blocks& blocks, const Draw& draw, const std::vector<double>& fractions) {
  std::vector<std::uint64_t> counts(blocks.buckets.size());
  for (const std::uint32_t number : draw) {
    for (const auto& [bucket, count] : blocks.all[number].counts) counts[bucket] += count;
  }
  std::vector<SeriesBucket> merged;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] != 0) merged.push_back({blocks.buckets[i], counts[i]});
  }
  std::vector<double> values;
  values.reserve(fractions.size());
  for (const double fraction : fractions) values.push_back(metrics::percentile_of(merged, fraction));
  return values;
}

double per_second(const Blocks& blocks, const Draw& draw) {
  double sum = 0;
  double seconds = 0;
  for (const std::uint32_t number : draw) {
    sum += blocks.all[number].sum;
    seconds += blocks.all[number].seconds;
  }
  return seconds == 0 ? 0 : sum / seconds;
}

/// Percent of the samples that were not zero.
double share(const Blocks& blocks, const Draw& draw) {
  double passes = 0;
  std::uint64_t samples = 0;
  for (const std::uint32_t number : draw) {
    passes += blocks.all[number].sum;
    samples += blocks.all[number].samples;
  }
  return samples == 0 ? 0 : 100 * passes / static_cast<double>(samples);
}

/// One metric's figures by their statistic.
struct Question {
  std::string metric;
  std::vector<std::string> names;
  std::string unit;
  bool more_is_better = false;
  std::function<std::vector<double>(const Blocks&, const Draw&)> statistic;
};

std::vector<Question> questions() {
  std::vector<Question> all;
  for (const char* metric : {"http_req_duration", "grpc_req_duration", "iteration_duration", "iteration_duration_intended"}) {
    all.push_back({metric, {"p(50)", "p(95)", "p(99)"}, "ms", false, [](const Blocks& blocks, const Draw& draw) {
                     return percentiles(blocks, draw, {0.5, 0.95, 0.99});
                   }});
  }
  for (const char* metric : {"http_reqs", "grpc_reqs", "iterations"}) {
    all.push_back(
        {metric, {"per s"}, "/s", true, [](const Blocks& blocks, const Draw& draw) { return std::vector{per_second(blocks, draw)}; }});
  }
  all.push_back({"dropped_iterations", {"per s"}, "/s", false, [](const Blocks& blocks, const Draw& draw) {
                   return std::vector{per_second(blocks, draw)};
                 }});
  for (const char* metric : {"http_req_failed", "grpc_req_failed"}) {
    all.push_back({metric, {"share"}, "%", false, [](const Blocks& blocks, const Draw& draw) { return std::vector{share(blocks, draw)}; }});
  }
  return all;
}

double change_of(double a, double b, const std::string& unit) {
  if (unit == "%") return b - a;
  if (a == 0) return b == 0 ? 0 : 100;
  return 100 * (b - a) / a;
}

std::vector<ComparedFigure> answer(const Question& question, const Blocks& a, const Blocks& b, const ComparisonOptions& options) {
  const auto all_of = [](const Blocks& blocks) {
    Draw draw(blocks.all.size());
    for (std::uint32_t i = 0; i < draw.size(); ++i) draw[i] = i;
    return draw;
  };
  const auto in_a = question.statistic(a, all_of(a));
  const auto in_b = question.statistic(b, all_of(b));
  std::vector<std::vector<double>> changes(in_a.size());
  std::mt19937_64 random(options.seed);
  const auto drawn = [&](const Blocks& blocks) {
    std::uniform_int_distribution<std::uint32_t> any(0, static_cast<std::uint32_t>(blocks.all.size() - 1));
    Draw draw(blocks.all.size());
    for (std::uint32_t& number : draw) number = any(random);
    return draw;
  };
  for (std::size_t i = 0; i < options.resamples; ++i) {
    const auto from_a = question.statistic(a, drawn(a));
    const auto from_b = question.statistic(b, drawn(b));
    for (std::size_t k = 0; k < changes.size(); ++k) changes[k].push_back(change_of(from_a[k], from_b[k], question.unit));
  }
  std::vector<ComparedFigure> figures;
  for (std::size_t k = 0; k < changes.size(); ++k) {
    auto& sorted = changes[k];
    std::sort(sorted.begin(), sorted.end());
    const auto at = [&](double fraction) { return sorted[static_cast<std::size_t>(fraction * static_cast<double>(sorted.size() - 1))]; };
    const Difference difference{.a = in_a[k],
                                .b = in_b[k],
                                .change = change_of(in_a[k], in_b[k], question.unit),
                                .low = at(0.025),
                                .high = at(0.975),
                                .more_is_better = question.more_is_better};
    figures.push_back({difference, question.metric + " " + question.names[k], question.unit});
  }
  return figures;
}

}  // namespace

Difference::Verdict Difference::verdict() const {
  if (low <= 0 && high >= 0) return Verdict::no_difference_shown;
  return (change > 0) == more_is_better ? Verdict::better : Verdict::worse;
}

const char* to_text(Difference::Verdict verdict) {
  switch (verdict) {
    case Difference::Verdict::better: return "better";
    case Difference::Verdict::worse: return "worse";
    case Difference::Verdict::no_difference_shown: break;
  }
  return "no difference shown";
}

base::Expected<std::vector<ComparedFigure>> compare(const ComparedRun& a, const ComparedRun& b, const ComparisonOptions& options) {
  for (const auto& [name, run] : {std::pair{"first", &a}, std::pair{"second", &b}}) {
    const std::size_t rows = whole_rows(run->rows).size();
    if (rows >= kFewestRows) continue;
    return base::fail(base::ErrorKind::invalid_argument,
                      fmt::format("the {} run took {} s, and fewer than {} say nothing about how much it varies: run it longer", name, rows,
                                  kFewestRows));
  }
  std::vector<ComparedFigure> figures;
  for (const Question& question : questions()) {
    const Blocks in_a = blocks_of(a, question.metric);
    const Blocks in_b = blocks_of(b, question.metric);
    if (in_a.all.empty() || in_b.all.empty()) continue;
    for (ComparedFigure& figure : answer(question, in_a, in_b, options)) figures.push_back(std::move(figure));
  }
  return figures;
}

std::string render_comparison(const std::vector<ComparedFigure>& figures, bool color) {
  using Verdict = Difference::Verdict;
  const auto paint = [&](const char* code, const std::string& text) { return color ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text; };
  std::string text = fmt::format("  {:<36} {:>12} {:>12} {:>10}   {:<22} {}\n", "", "A", "B", "change", "95 % interval", "");
  for (const ComparedFigure& figure : figures) {
    const char* of_change = figure.unit == "%" ? " points" : " %";
    const std::string interval = fmt::format("{:+.1f} to {:+.1f}{}", figure.low, figure.high, of_change);
    const Verdict verdict = figure.verdict();
    const std::string words = verdict == Verdict::worse    ? paint("31", std::string("✗ ") + to_text(verdict))
                              : verdict == Verdict::better ? paint("32", std::string("✓ ") + to_text(verdict))
                                                           : paint("2", to_text(verdict));
    text += fmt::format("  {:<36} {:>12} {:>12} {:>10}   {:<22} {}\n", figure.name, fmt::format("{:.2f}{}", figure.a, figure.unit),
                        fmt::format("{:.2f}{}", figure.b, figure.unit),
                        fmt::format("{:+.1f}{}", figure.change, figure.unit == "%" ? "" : " %"), interval, words);
  }
  return text;
}

}  // namespace gauntlet::engine::results
