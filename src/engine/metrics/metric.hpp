#pragma once
// Which metrics a test has: k6's built-in ones, ours, and those that the script declares; and their submetrics, which
// thresholds such as 'http_req_duration{name:list}' ask for.
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace gauntlet::engine::metrics {

enum class MetricType : std::uint8_t { counter, gauge, rate, trend };
/// What the numbers are: plain numbers, times in milliseconds, or bytes.
enum class ValueKind : std::uint8_t { plain, time, data };

/// k6's words: "counter"..., and "default", "time", "data".
std::string_view name_of(MetricType type);
std::string_view name_of(ValueKind kind);

/// Names a metric in this process. The named ones are built in; the script's own follow from first_custom.
/// All trends here are times in milliseconds.
enum class MetricId : std::uint16_t {
  vus,
  vus_max,
  iterations,
  iteration_duration,
  dropped_iterations,
  checks,
  group_duration,
  http_reqs,
  http_req_duration,
  http_req_blocked,
  http_req_connecting,
  http_req_tls_handshaking,
  http_req_sending,
  http_req_waiting,
  http_req_receiving,
  http_req_failed,
  ws_sessions,
  ws_msgs_sent,
  ws_msgs_received,
  ws_ping,
  ws_session_duration,
  ws_connecting,
  grpc_req_duration,
  grpc_streams,
  grpc_streams_msgs_sent,
  grpc_streams_msgs_received,
  data_sent,
  data_received,
  // Past k6; a registry with strict_k6 does not have them (adding to them is ignored).
  grpc_reqs,                    ///< counter: RPCs finished, timed-out ones included
  grpc_req_failed,              ///< rate: 1 for an RPC whose status is not OK
  iteration_duration_intended,  ///< open model: from the moment the iteration was due to its end
  schedule_slip,                ///< open model: from the moment the iteration was due to its start
  loop_lag,                     ///< trend: how late a timer of an engine thread's loop was, ten times a second
  generator_ok,                 ///< rate: 1 for a second in which the generator was not the limit
  sse_events,                   ///< counter: server-sent events that a script has read
  sse_time_to_first_event,      ///< trend: from the request's last byte
  sse_time_between_events,      ///< trend
  first_custom,
};

constexpr std::size_t index_of(MetricId id) { return static_cast<std::size_t>(id); }

/// The samples of a metric that carry all of `tags`, gathered beside its total.
struct Submetric {
  std::string name;    ///< "http_req_duration{name:list}"
  std::string suffix;  ///< "name:list"
  std::vector<std::pair<std::string, std::string>> tags;
  /// False for those that every run has without being asked: http_req_duration{expected_response:true}.
  bool from_threshold = true;
};

/// A threshold as options give it.
struct ThresholdSpec {
  std::string expression;
  bool abort_on_fail = false;
  std::optional<std::chrono::nanoseconds> delay_abort_eval = std::nullopt;
};

struct MetricInfo {
  MetricId id{};
  std::string name;
  MetricType type = MetricType::counter;
  ValueKind contains = ValueKind::plain;
  bool past_k6 = false;                   ///< one that k6 does not have
  bool custom = false;                    ///< declared by the script
  std::vector<ThresholdSpec> thresholds;  ///< on the total
  std::vector<Submetric> submetrics;      ///< those of thresholds as they were added, then built-in ones
};

/// The words before and between the braces of a threshold's key, as "http_req_duration{name:list,method:GET}".
struct MetricKey {
  std::string name;
  std::string suffix;  ///< what stands between the braces; empty without
  std::vector<std::pair<std::string, std::string>> tags;
  bool has_tags = false;
};
/// k6's reading: the first colon of a tag divides, blanks and quotes around key and value go. Tags come out sorted.
/// The error is k6's text.
base::Expected<MetricKey> parse_metric_key(std::string_view text);

/// One per test. declare(), find() and info() may be called from any thread; submetrics and thresholds are added by
/// the main thread before the first sample is recorded, and are not changed afterwards.
class MetricRegistry {
 public:
  /// More than a script can mean; a script that makes names up in a loop is told so.
  static constexpr std::size_t kMaxMetrics = 2048;

  explicit MetricRegistry(bool strict_k6 = false);

  /// `new Trend(name, isTime)` in the script: the id of a new metric or of the same one declared before.
  /// Fails with k6's words on a bad name or when the name has another type or value kind.
  base::Expected<MetricId> declare(std::string_view name, MetricType type, ValueKind contains);

  /// nullptr when there is none of that name.
  const MetricInfo* find(std::string_view name) const;
  /// `id` must come from this registry.
  const MetricInfo& info(MetricId id) const { return *infos_[index_of(id)]; }
  std::size_t size() const { return size_.load(std::memory_order_acquire); }
  bool strict_k6() const { return strict_k6_; }
  /// False for the metrics past k6 in a strict registry.
  bool records(MetricId id) const { return !(strict_k6_ && infos_[index_of(id)]->past_k6); }

  /// Gathers the samples with these tags beside the metric's total; the same tags twice are one submetric, which has
  /// the first one's name. Adding one of a threshold moves the built-in ones, so indices are final after the last.
  void add_submetric(MetricId id, Submetric submetric);
  /// Notes a threshold on the total for the outputs that name a metric's thresholds.
  void add_threshold(MetricId id, ThresholdSpec threshold);

 private:
  MetricId insert(std::string_view name, MetricType type, ValueKind contains, bool past_k6, bool custom);

  const bool strict_k6_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, MetricId> by_name_;
  std::array<std::unique_ptr<MetricInfo>, kMaxMetrics> infos_;  // fixed places: readers need no lock
  std::atomic<std::size_t> size_{0};
};

}  // namespace gauntlet::engine::metrics
