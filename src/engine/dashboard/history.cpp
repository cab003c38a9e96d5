#include "engine/dashboard/history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "engine/output/json_writer.hpp"

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

double seconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

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
    const auto found = std::find_if(row.points.begin(), row.points.end(),
                                    [&](const SeriesPoint& point) { return point.metric == column.metric; });
    if (found == row.points.end()) {
      text += "null";
    } else {
      append_number(text, (*found).*column.figure);
    }
  }
  return text;
}

}  // namespace

void History::add(const metrics::Snapshot& snapshot, const metrics::Series& series, const Extra& extra,
                  const SystemSample* system) {
  const std::lock_guard lock(mutex_);
  SeriesRow window;
  for (const metrics::MetricState& metric : snapshot.metrics) {
    if (!metric.window.empty()) window.points.push_back(point_of(*metric.info, metric.window));
  }
  Row row;
  row.at_s = seconds(snapshot.elapsed - snapshot.window);
  row.length_s = seconds(snapshot.window);
  row.numbers = numbers_of(window);
  row.generator_cores = extra.generator_cores;
  row.generator_bytes = extra.generator_bytes;
  for (const auto& [outcome, count] : extra.failures) {
    std::uint64_t& before = failures_[outcome];
    if (count > before) row.failures[outcome] = count - before;
    before = count;
  }
  rows_.push_back(std::move(row));
  if (rows_.size() >= metrics::Series::kMaxRows) coarsen(series);
  if (system != nullptr) add_system(seconds(snapshot.elapsed), *system);
}

void History::coarsen(const metrics::Series& series) {
  std::vector<Row> coarse;
  auto old = rows_.begin();
  for (const SeriesRow& source : series.rows()) {
    Row row;
    row.at_s = seconds(source.at);
    row.length_s = seconds(source.length);
    row.numbers = numbers_of(source);
    for (; old != rows_.end() && old->at_s < row.at_s + row.length_s; ++old) {
      row.generator_cores += old->generator_cores * old->length_s / std::max(row.length_s, old->length_s);
      row.generator_bytes = old->generator_bytes;
      for (const auto& [outcome, count] : old->failures) row.failures[outcome] += count;
    }
    coarse.push_back(std::move(row));
  }
  rows_ = std::move(coarse);
  told_rows_ = rows_.size();  // pages keep the finer rows that they have
}

void History::add_system(double at_s, const SystemSample& sample) {
  SystemRow row;
  row.at_s = at_s;
  row.values.assign(names_.size(), std::nan(""));
  for (const auto& [name, value] : sample.figures) {
    const auto place = static_cast<std::size_t>(std::find(names_.begin(), names_.end(), name) - names_.begin());
    if (place == names_.size()) {
      names_.push_back(name);
      row.values.push_back(value);
    } else {
      row.values[place] = value;
    }
  }
  detail_ = sample.detail;
  system_rows_.push_back(std::move(row));
  if (system_rows_.size() < metrics::Series::kMaxRows) return;
  // Gauges and rates of single seconds: every other one still tells the course.
  std::size_t kept = 0;
  for (std::size_t i = 0; i < system_rows_.size(); i += 2) system_rows_[kept++] = std::move(system_rows_[i]);
  system_rows_.resize(kept);
  told_system_rows_ = kept;
}

void History::set_state(std::string json) {
  const std::lock_guard lock(mutex_);
  state_ = std::move(json);
}

void History::set_end(std::string json) {
  const std::lock_guard lock(mutex_);
  end_ = std::move(json);
}

std::string History::rows_json(std::size_t from) const {
  std::string text = "[";
  for (std::size_t i = from; i < rows_.size(); ++i) {
    const Row& row = rows_[i];
    fmt::format_to(std::back_inserter(text), "{}[{:.3f},{:.3f}{},", i == from ? "" : ",", row.at_s, row.length_s,
                   row.numbers);
    append_number(text, row.generator_cores);
    fmt::format_to(std::back_inserter(text), ",{},{{", row.generator_bytes);
    bool first = true;
    for (const auto& [outcome, count] : row.failures) {
      if (!first) text += ',';
      first = false;
      output::append_json_string(text, outcome);
      fmt::format_to(std::back_inserter(text), ":{}", count);
    }
    text += "}]";
  }
  return text + "]";
}

std::string History::system_json(std::size_t from) const {
  std::string text = "{\"names\":[";
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (i != 0) text += ',';
    output::append_json_string(text, names_[i]);
  }
  text += "],\"rows\":[";
  for (std::size_t i = from; i < system_rows_.size(); ++i) {
    fmt::format_to(std::back_inserter(text), "{}[{:.3f}", i == from ? "" : ",", system_rows_[i].at_s);
    for (const double value : system_rows_[i].values) {
      text += ',';
      append_number(text, value);
    }
    text += ']';
  }
  return text + "]}";
}

std::string History::document() const {
  const std::lock_guard lock(mutex_);
  std::string columns = "[\"at\",\"length\"";
  for (const Column& column : kColumns) columns += fmt::format(",\"{}\"", column.name);
  columns += ",\"generator_cores\",\"generator_bytes\",\"failures\"]";
  return fmt::format(R"({{"run":{},"columns":{},"rows":{},"system":{},"detail":{},"state":{},"end":{}}})", run_,
                     columns, rows_json(0), system_json(0), detail_, state_, end_);
}

std::string History::take_update() {
  const std::lock_guard lock(mutex_);
  std::string text = fmt::format(R"({{"rows":{},"system":{},"detail":{},"state":{}}})", rows_json(told_rows_),
                                 system_json(told_system_rows_), detail_, state_);
  told_rows_ = rows_.size();
  told_system_rows_ = system_rows_.size();
  return text;
}

}  // namespace gauntlet::engine::dashboard
