#include "engine/sinks/page/history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <string_view>

#include "base/duration.hpp"
#include "base/json_text.hpp"
#include "engine/results/json_writer.hpp"

namespace gauntlet::engine::dashboard {
namespace {

using metrics::MetricId;
using metrics::SeriesPoint;
using metrics::SeriesRow;

/// A number of a row: a metric, and which of its figures.
struct Column {
  const char* name;
  MetricId metric;
  double SeriesPoint::*figure;
};

constexpr auto kSum = &SeriesPoint::sum;
constexpr std::array kColumns{
    Column{"requests", MetricId::http_reqs, kSum},
    Column{"requests_failed", MetricId::http_req_failed, kSum},
    Column{"calls", MetricId::grpc_reqs, kSum},
    Column{"calls_failed", MetricId::grpc_req_failed, kSum},
    Column{"iterations", MetricId::iterations, kSum},
    Column{"dropped", MetricId::dropped_iterations, kSum},
    Column{"vus", MetricId::vus, kSum},
    Column{"vus_max", MetricId::vus_max, kSum},
    Column{"sent", MetricId::data_sent, kSum},
    Column{"received", MetricId::data_received, kSum},
    Column{"http_p50", MetricId::http_req_duration, &SeriesPoint::p50},
    Column{"http_p95", MetricId::http_req_duration, &SeriesPoint::p95},
    Column{"http_p99", MetricId::http_req_duration, &SeriesPoint::p99},
    Column{"grpc_p50", MetricId::grpc_req_duration, &SeriesPoint::p50},
    Column{"grpc_p95", MetricId::grpc_req_duration, &SeriesPoint::p95},
    Column{"grpc_p99", MetricId::grpc_req_duration, &SeriesPoint::p99},
    Column{"iteration_p50", MetricId::iteration_duration, &SeriesPoint::p50},
    Column{"iteration_p95", MetricId::iteration_duration, &SeriesPoint::p95},
    Column{"iteration_p99", MetricId::iteration_duration, &SeriesPoint::p99},
    Column{"intended_p50", MetricId::iteration_duration_intended, &SeriesPoint::p50},
    Column{"intended_p95", MetricId::iteration_duration_intended, &SeriesPoint::p95},
    Column{"intended_p99", MetricId::iteration_duration_intended, &SeriesPoint::p99},
    Column{"slip_p99", MetricId::schedule_slip, &SeriesPoint::p99},
};

/// Six digits are more than a chart shows, and a third of the bytes.
void append_number(std::string& out, double value) {
  if (std::isfinite(value)) {
    fmt::format_to(std::back_inserter(out), "{:.6g}", value);
  } else {
    out += "null";
  }
}

std::string numbers_of(const SeriesRow& row) {
  std::string text;
  for (const Column& column : kColumns) {
    text += ',';
    const auto found =
        std::find_if(row.points.begin(), row.points.end(), [&](const SeriesPoint& point) { return point.metric == column.metric; });
    if (found == row.points.end()) {
      text += "null";
    } else {
      append_number(text, (*found).*column.figure);
    }
  }
  return text;
}

void append_element(std::string& list, std::string_view element) {
  if (!list.empty()) list += ',';
  list += element;
}

std::string all_of(const metrics::RowFile& rows) {
  std::string list;
  metrics::RowFile::Reader reader(rows);
  for (std::string_view row; reader.next(row);) append_element(list, row);
  return list;
}

}  // namespace

std::string History::row_json(const Own& own, const SeriesRow& metrics) {
  std::string text = fmt::format("[{:.3f},{:.3f}{},", own.at_s, own.length_s, numbers_of(metrics));
  append_number(text, own.generator_cores);
  fmt::format_to(std::back_inserter(text), ",{},{{", own.generator_bytes);
  bool first = true;
  for (const auto& [outcome, count] : own.failures) {
    if (!first) text += ',';
    first = false;
    base::append_json_string(text, outcome);
    fmt::format_to(std::back_inserter(text), ":{}", count);
  }
  return text + "}]";
}

void History::add(const metrics::Snapshot& snapshot, const metrics::Series& series, const Extra& extra, const SystemSample* system) {
  const std::lock_guard lock(mutex_);
  SeriesRow window;
  for (const metrics::MetricState& metric : snapshot.metrics) {
    if (!metric.window.empty()) window.points.push_back(point_of(*metric.info, metric.window));
  }
  Own own;
  own.at_s = base::seconds_of(snapshot.elapsed - snapshot.window);
  own.length_s = base::seconds_of(snapshot.window);
  own.generator_cores = extra.generator_cores;
  own.generator_bytes = extra.generator_bytes;
  for (const auto& [outcome, count] : extra.failures) {
    std::uint64_t& before = failures_[outcome];
    if (count > before) own.failures.emplace_back(outcome, count - before);
    before = count;
  }
  const std::string row = row_json(own, window);
  rows_.append(row);
  append_element(new_rows_, row);
  own_.push_back(std::move(own));
  if (own_.size() >= metrics::Series::kMaxRows) coarsen(series);
  if (system != nullptr) add_system(base::seconds_of(snapshot.elapsed), *system);
}

void History::coarsen(const metrics::Series& series) {
  std::vector<Own> coarse;
  rows_ = {};
  auto old = own_.begin();
  for (const SeriesRow& source : series.rows()) {
    Own own;
    own.at_s = base::seconds_of(source.at);
    own.length_s = base::seconds_of(source.length);
    std::map<std::string, std::uint64_t> failures;
    for (; old != own_.end() && old->at_s < own.at_s + own.length_s; ++old) {
      own.generator_cores += old->generator_cores * old->length_s / std::max(own.length_s, old->length_s);
      own.generator_bytes = old->generator_bytes;
      for (const auto& [outcome, count] : old->failures) failures[outcome] += count;
    }
    own.failures.assign(failures.begin(), failures.end());
    rows_.append(row_json(own, source));
    coarse.push_back(std::move(own));
  }
  own_ = std::move(coarse);  // pages keep the finer rows that they have
}

void History::add_system(double at_s, const SystemSample& sample) {
  std::vector<double> values(names_.size(), std::nan(""));
  for (const auto& [name, value] : sample.figures) {
    const auto place = static_cast<std::size_t>(std::find(names_.begin(), names_.end(), name) - names_.begin());
    if (place == names_.size()) {
      names_.push_back(name);
      values.push_back(value);
    } else {
      values[place] = value;
    }
  }
  detail_ = sample.detail;
  std::string row = fmt::format("[{:.3f}", at_s);
  for (const double value : values) {
    row += ',';
    append_number(row, value);
  }
  row += ']';
  system_rows_.append(row);
  append_element(new_system_rows_, row);
  if (system_rows_.size() < metrics::Series::kMaxRows) return;
  // Gauges and rates of single seconds: every other one still tells the course.
  metrics::RowFile kept;
  metrics::RowFile::Reader reader(system_rows_);
  std::size_t number = 0;
  for (std::string_view each; reader.next(each); ++number) {
    if (number % 2 == 0) kept.append(each);
  }
  system_rows_ = std::move(kept);
}

void History::set_state(std::string json) {
  const std::lock_guard lock(mutex_);
  state_ = std::move(json);
}

void History::set_end(std::string json) {
  const std::lock_guard lock(mutex_);
  end_ = std::move(json);
}

std::string History::system_json(const std::string& rows) const {
  std::string text = "{\"names\":[";
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (i != 0) text += ',';
    base::append_json_string(text, names_[i]);
  }
  return text + "],\"rows\":[" + rows + "]}";
}

std::string History::document() const {
  const std::lock_guard lock(mutex_);
  std::string columns = "[\"at\",\"length\"";
  for (const Column& column : kColumns) columns += fmt::format(",\"{}\"", column.name);
  columns += ",\"generator_cores\",\"generator_bytes\",\"failures\"]";
  return fmt::format(R"({{"run":{},"columns":{},"rows":[{}],"system":{},"detail":{},"state":{},"end":{}}})", run_, columns, all_of(rows_),
                     system_json(all_of(system_rows_)), detail_, state_, end_);
}

std::string History::take_update() {
  const std::lock_guard lock(mutex_);
  std::string text =
      fmt::format(R"({{"rows":[{}],"system":{},"detail":{},"state":{}}})", new_rows_, system_json(new_system_rows_), detail_, state_);
  new_rows_.clear();
  new_system_rows_.clear();
  return text;
}

}  // namespace gauntlet::engine::dashboard
