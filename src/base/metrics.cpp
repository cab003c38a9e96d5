#include "base/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <mutex>
#include <sstream>

namespace gauntlet::base::metrics {
namespace {

std::atomic<std::size_t> next_cell{0};

}  // namespace

std::size_t this_thread_cell() {
  thread_local const std::size_t cell = next_cell.fetch_add(1, std::memory_order_relaxed) % kCells;
  return cell;
}

std::uint64_t Counter::value() const {
  std::uint64_t sum = 0;
  for (const Cell& cell : cells_) sum += cell.value.load(std::memory_order_relaxed);
  return sum;
}

struct alignas(64) Histogram::Cell {
  explicit Cell(std::size_t buckets) : counts(buckets) {}
  std::vector<std::atomic<std::uint64_t>> counts;  // one a bound, one beyond
  std::atomic<double> sum{0};
};

Histogram::Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)) {
  assert(std::is_sorted(bounds_.begin(), bounds_.end()));
  for (std::size_t i = 0; i < kCells; ++i) cells_.push_back(std::make_unique<Cell>(bounds_.size() + 1));
}

Histogram::~Histogram() = default;

void Histogram::observe(double value) {
  Cell& cell = *cells_[this_thread_cell()];
  const auto bucket = static_cast<std::size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin());
  cell.counts[bucket].fetch_add(1, std::memory_order_relaxed);
  cell.sum.fetch_add(value, std::memory_order_relaxed);
}

Histogram::Snapshot Histogram::snapshot() const {
  Snapshot merged;
  merged.cumulative.assign(bounds_.size() + 1, 0);
  for (const auto& cell : cells_) {
    for (std::size_t i = 0; i < merged.cumulative.size(); ++i) {
      merged.cumulative[i] += cell->counts[i].load(std::memory_order_relaxed);
    }
    merged.sum += cell->sum.load(std::memory_order_relaxed);
  }
  for (std::size_t i = 1; i < merged.cumulative.size(); ++i) merged.cumulative[i] += merged.cumulative[i - 1];
  return merged;
}

std::vector<double> latency_buckets() {
  return {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
}

std::vector<double> count_buckets(double most) {
  std::vector<double> bounds;
  for (double decade = 1;; decade *= 10) {
    for (const double step : {1.0, 2.0, 5.0}) {
      if (step * decade > most) return bounds;
      bounds.push_back(step * decade);
    }
  }
}

// ---- families

namespace {

void fill(prometheus::ClientMetric& metric, const Counter& counter) { metric.counter.value = static_cast<double>(counter.value()); }

void fill(prometheus::ClientMetric& metric, const Gauge& gauge) { metric.gauge.value = gauge.value(); }

void fill(prometheus::ClientMetric& metric, const Histogram& histogram) {
  const auto snapshot = histogram.snapshot();
  metric.histogram.sample_count = snapshot.cumulative.back();
  metric.histogram.sample_sum = snapshot.sum;
  for (std::size_t i = 0; i < snapshot.cumulative.size(); ++i) {
    prometheus::ClientMetric::Bucket bucket;
    bucket.cumulative_count = snapshot.cumulative[i];
    bucket.upper_bound = i < histogram.bounds().size() ? histogram.bounds()[i] : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back(bucket);
  }
}

prometheus::MetricType type_of(const Counter*) { return prometheus::MetricType::Counter; }
prometheus::MetricType type_of(const Gauge*) { return prometheus::MetricType::Gauge; }
prometheus::MetricType type_of(const Histogram*) { return prometheus::MetricType::Histogram; }

}  // namespace

template <class Metric>
struct Family<Metric>::State {
  std::string help;
  std::vector<std::string> label_names;
  std::vector<double> bounds;  // of histograms
  mutable std::mutex mutex;
  std::map<std::vector<std::string>, std::unique_ptr<Metric>> metrics;

  std::unique_ptr<Metric> make() const {
    if constexpr (std::is_same_v<Metric, Histogram>) {
      return std::make_unique<Metric>(bounds);
    } else {
      return std::make_unique<Metric>();
    }
  }

  prometheus::MetricFamily collect(const std::string& name) const {
    prometheus::MetricFamily family;
    family.name = name;
    family.help = help;
    family.type = type_of(static_cast<const Metric*>(nullptr));
    const std::lock_guard lock(mutex);
    for (const auto& [values, metric] : metrics) {
      prometheus::ClientMetric collected;
      for (std::size_t i = 0; i < values.size(); ++i) collected.label.push_back({label_names[i], values[i]});
      fill(collected, *metric);
      family.metric.push_back(std::move(collected));
    }
    return family;
  }
};

template <class Metric>
Family<Metric>::Family(std::unique_ptr<State> state) : state_(std::move(state)) {}

template <class Metric>
Family<Metric>::~Family() = default;

template <class Metric>
Metric& Family<Metric>::with(std::initializer_list<std::string_view> label_values) {
  assert(label_values.size() == state_->label_names.size());
  const std::vector<std::string> key(label_values.begin(), label_values.end());
  const std::lock_guard lock(state_->mutex);
  auto& metric = state_->metrics[key];
  if (metric == nullptr) metric = state_->make();
  return *metric;
}

template class Family<Counter>;
template class Family<Gauge>;
template class Family<Histogram>;

// ---- Registry

struct Registry::State {
  template <class Metric>
  using Families = std::map<std::string, std::unique_ptr<Family<Metric>>, std::less<>>;

  mutable std::mutex mutex;
  Families<Counter> counters;
  Families<Gauge> gauges;
  Families<Histogram> histograms;
  struct Function {
    std::string help;
    std::function<double()> value;
    prometheus::MetricType type;
    std::vector<std::pair<std::string, std::string>> labels;
  };
  std::map<std::string, Function, std::less<>> functions;

  template <class Metric>
  Family<Metric>& family(Families<Metric>& families, std::string_view name, std::string_view help, std::vector<std::string> label_names,
                         std::vector<double> bounds) {
    const std::lock_guard lock(mutex);
    auto& found = families[std::string(name)];
    if (found == nullptr) {
      auto made = std::make_unique<typename Family<Metric>::State>();
      made->help = help;
      made->label_names = std::move(label_names);
      made->bounds = std::move(bounds);
      found.reset(new Family<Metric>(std::move(made)));
    }
    return *found;
  }
};

Registry::Registry() : state_(std::make_unique<State>()) {}
Registry::~Registry() = default;

Family<Counter>& Registry::counter(std::string_view name, std::string_view help, std::vector<std::string> label_names) {
  return state_->family(state_->counters, name, help, std::move(label_names), {});
}

Family<Gauge>& Registry::gauge(std::string_view name, std::string_view help, std::vector<std::string> label_names) {
  return state_->family(state_->gauges, name, help, std::move(label_names), {});
}

Family<Histogram>& Registry::histogram(std::string_view name, std::string_view help, std::vector<std::string> label_names,
                                       std::vector<double> bounds) {
  return state_->family(state_->histograms, name, help, std::move(label_names), std::move(bounds));
}

void Registry::gauge_function(std::string_view name, std::string_view help, std::function<double()> value,
                              std::vector<std::pair<std::string, std::string>> labels) {
  const std::lock_guard lock(state_->mutex);
  state_->functions[std::string(name)] = {std::string(help), std::move(value), prometheus::MetricType::Gauge, std::move(labels)};
}

std::string Registry::text() const {
  std::vector<prometheus::MetricFamily> families;
  {
    const std::lock_guard lock(state_->mutex);
    for (const auto& [name, family] : state_->counters) families.push_back(family->state_->collect(name));
    for (const auto& [name, family] : state_->gauges) families.push_back(family->state_->collect(name));
    for (const auto& [name, family] : state_->histograms) families.push_back(family->state_->collect(name));
    for (const auto& [name, function] : state_->functions) {
      prometheus::MetricFamily family;
      family.name = name;
      family.help = function.help;
      family.type = function.type;
      prometheus::ClientMetric metric;
      for (const auto& [label, of] : function.labels) metric.label.push_back({label, of});
      metric.gauge.value = metric.counter.value = function.value();
      family.metric.push_back(metric);
      families.push_back(std::move(family));
    }
  }
  std::erase_if(families, [](const prometheus::MetricFamily& family) { return family.metric.empty(); });
  std::sort(families.begin(), families.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return prometheus::TextSerializer().Serialize(families);
}

// ---- the process

namespace {

/// Field `index` (from 1, as proc(5) counts) of /proc/self/stat.
double stat_field(int index) {
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  // The second field is the program's name in parentheses and may hold blanks.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.substr(name_end + 1));
  std::string field;
  for (int i = 3; i <= index; ++i) fields >> field;
  return std::strtod(field.c_str(), nullptr);
}

double boot_time() {
  std::ifstream file("/proc/stat");
  std::string key;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) return std::strtod(line.c_str() + 6, nullptr);
  }
  return 0;
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double open_descriptors() {
  std::error_code error;
  double count = 0;
  for (auto entry = std::filesystem::directory_iterator("/proc/self/fd", error); !error && entry != std::filesystem::directory_iterator();
       entry.increment(error)) {
    ++count;
  }
  return std::max(0.0, count - 1);  // the walk's own
}

}  // namespace

void Registry::add_process_metrics() {
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const double started = boot_time() + stat_field(22) / ticks;
  gauge_function("process_resident_memory_bytes", "Resident memory size in bytes.", [page] { return stat_field(24) * page; });
  gauge_function("process_virtual_memory_bytes", "Virtual memory size in bytes.", [] { return stat_field(23); });
  gauge_function("process_open_fds", "Number of open file descriptors.", open_descriptors);
  gauge_function("process_max_fds", "Maximum number of open file descriptors.", [] {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    return static_cast<double>(limit.rlim_cur);
  });
  gauge_function("process_start_time_seconds", "Start time of the process since the Unix epoch in seconds.", [started] { return started; });
  gauge_function("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", cpu_seconds);
  const std::lock_guard lock(state_->mutex);
  state_->functions.find("process_cpu_seconds_total")->second.type = prometheus::MetricType::Counter;
}

}  // namespace gauntlet::base::metrics
