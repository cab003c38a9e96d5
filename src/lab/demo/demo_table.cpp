#include "lab/demo/demo_table.hpp"

#include <fmt/format.h>

#include <iterator>

namespace gauntlet::lab {
namespace {

std::string milliseconds(double value) { return value < 10 ? fmt::format("{:.2f}", value) : fmt::format("{:.1f}", value); }

void set(std::string (&cells)[3], const std::optional<Percentiles>& values) {
  if (!values) {
    for (auto& cell : cells) cell.assign(1, '-');
    return;
  }
  cells[0] = milliseconds(values->p50_ms);
  cells[1] = milliseconds(values->p95_ms);
  cells[2] = milliseconds(values->p99_ms);
}

std::string share(const std::optional<double>& value) { return value ? fmt::format("{:.2f} %", *value * 100) : "-"; }

}  // namespace

DemoTable::Row DemoTable::api_row(const std::string& name, const ScenarioResult& result, std::chrono::seconds duration) {
  Row row;
  row.name = name;
  row.target = fmt::format("{} RPS", result.level.requests_per_s);
  row.achieved = fmt::format("{:.0f}", result.requests_per_s(duration));
  row.errors = share(result.summary.failed_requests);
  set(row.service, result.summary.request_time);
  return row;
}

DemoTable::Row DemoTable::events_row(const std::string& name, const ScenarioResult& result, std::chrono::seconds duration) {
  Row row;
  row.name = name;
  row.target = fmt::format("{} EPS", result.level.events_per_s);
  row.achieved = fmt::format("{:.0f}", result.events_per_s(duration));
  row.errors = share(result.summary.failed_calls);
  set(row.service, result.summary.call_time);
  return row;
}

void DemoTable::add_shared(Row& row, const ScenarioResult& result) {
  set(row.intended, result.summary.from_intended_start);
  auto cores = [&](double cpu_s) { return fmt::format("{:.2f}", cpu_s / result.wall_s); };
  row.generator = cores(result.cpu.generator_s);
  row.services = cores(result.cpu.services_s);
  row.database = cores(result.cpu.database_s);
}

void DemoTable::add_api(const std::string& name, const ScenarioResult& result, std::chrono::seconds duration) {
  rows_.push_back(api_row(name, result, duration));
  add_shared(rows_.back(), result);
}

void DemoTable::add_events(const std::string& name, const ScenarioResult& result, std::chrono::seconds duration) {
  rows_.push_back(events_row(name, result, duration));
  add_shared(rows_.back(), result);
}

void DemoTable::add_combined(const std::string& name, const ScenarioResult& result, std::chrono::seconds duration) {
  rows_.push_back(api_row(name, result, duration));
  add_shared(rows_.back(), result);
  rows_.push_back(events_row("", result, duration));
}

std::string DemoTable::text() const {
  std::string out = fmt::format("{:<11} {:>9} {:>8}  {:^24}  {:^24} {:>8}  {:^28}\n", "", "", "", "service time, ms",
                                "from intended start, ms", "", "CPU, cores");
  out += fmt::format("{:<11} {:>9} {:>8}  {:>7} {:>7} {:>8}  {:>7} {:>7} {:>8} {:>8}  {:>9} {:>8} {:>9}\n", "scenario", "target",
                     "achieved", "p50", "p95", "p99", "p50", "p95", "p99", "errors", "generator", "services", "database");
  for (const auto& row : rows_)
    fmt::format_to(std::back_inserter(out), "{:<11} {:>9} {:>8}  {:>7} {:>7} {:>8}  {:>7} {:>7} {:>8} {:>8}  {:>9} {:>8} {:>9}\n", row.name,
                   row.target, row.achieved, row.service[0], row.service[1], row.service[2], row.intended[0], row.intended[1],
                   row.intended[2], row.errors, row.generator, row.services, row.database);
  return out;
}

}  // namespace gauntlet::lab
