#pragma once
// Prometheus metrics whose hot path touches only the calling thread's cache line; cells are merged when scraped.
//
//   metrics::Registry registry;
//   auto& seconds = registry.histogram("challenge_buffer_flush_duration_seconds", "...", {},
//   metrics::latency_buckets()).with({}); seconds.observe(0.0031); auto& rejects =
//   registry.counter("challenge_events_rejected_total", "...", {"reason"}); rejects.with({"malformed"}).increment(); //
//   with() locks: keep the reference where it is hot
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gauntlet::base::metrics {

/// Cells per metric. Threads take them in turn, so up to this many write without sharing a cache line.
inline constexpr std::size_t kCells = 8;
/// The calling thread's cell.
std::size_t this_thread_cell();

/// A total that only grows. Any thread; a relaxed add on the thread's own cell.
class Counter {
 public:
  void increment(std::uint64_t by = 1) { cells_[this_thread_cell()].value.fetch_add(by, std::memory_order_relaxed); }
  std::uint64_t value() const;

 private:
  struct alignas(64) Cell {
    std::atomic<std::uint64_t> value{0};
  };
  std::array<Cell, kCells> cells_;
};

/// A value that goes up and down; one atomic, for rates below thousands a second.
class Gauge {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  void add(double by) { value_.fetch_add(by, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

/// Counts by bucket, sum and number. Any thread.
class Histogram {
 public:
  /// `bounds`: ascending upper bounds, inclusive, without +Inf.
  explicit Histogram(std::vector<double> bounds);
  ~Histogram();
  void observe(double value);

  struct Snapshot {
    std::vector<std::uint64_t> cumulative;  // per bound, then +Inf
    double sum = 0;
  };
  Snapshot snapshot() const;
  const std::vector<double>& bounds() const { return bounds_; }

 private:
  struct Cell;
  std::vector<double> bounds_;
  std::vector<std::unique_ptr<Cell>> cells_;
};

/// 0.0005 to 10 s, about 2.5 buckets a factor of ten... finer below 100 ms, where answers live.
std::vector<double> latency_buckets();
/// 1, 2, 5, 10, ... up to `most`.
std::vector<double> count_buckets(double most);

/// One metric name with its label names; with() makes or finds the metric of some label values.
template <class Metric>
class Family {
 public:
  /// As many values as the family has label names. Locks; the reference stays valid as long as the registry.
  Metric& with(std::initializer_list<std::string_view> label_values);

 private:
  friend class Registry;
  struct State;
  std::unique_ptr<State> state_;
  explicit Family(std::unique_ptr<State> state);

 public:
  ~Family();
};

/// All metrics of a program. Any thread. Asking again for a name gives the same family, so that threads need no order.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  Family<Counter>& counter(std::string_view name, std::string_view help, std::vector<std::string> label_names = {});
  Family<Gauge>& gauge(std::string_view name, std::string_view help, std::vector<std::string> label_names = {});
  Family<Histogram>& histogram(std::string_view name, std::string_view help, std::vector<std::string> label_names,
                               std::vector<double> bounds);
  /// A gauge whose value is asked for at scrape time, on the scraping thread. `labels`: names and values.
  void gauge_function(std::string_view name, std::string_view help, std::function<double()> value,
                      std::vector<std::pair<std::string, std::string>> labels = {});
  /// process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes, process_open_fds,
  /// process_max_fds, process_start_time_seconds: read from /proc at scrape time.
  void add_process_metrics();

  /// The text exposition format (version 0.0.4).
  std::string text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gauntlet::base::metrics
