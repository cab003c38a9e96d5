#pragma once
// Where samples gather: one place per metric total, submetric, endpoint row, check, and part of the full summary. All
// threads share the numbering, so that merging their windows is adding up by number. Looked up once per metric and tag
// set and thread; memory is bounded by the limits on rows of each kind.
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "engine/metrics/metric.hpp"
#include "engine/metrics/snapshot.hpp"

namespace gauntlet::engine::metrics {

using PlaceId = std::uint32_t;

struct Place {
  enum class Kind : std::uint8_t { total, submetric, endpoint, check, part, part_check };
  Kind kind = Kind::total;
  MetricId metric{};
  std::uint32_t row = 0;  ///< of submetrics, endpoints, checks, or the check within its part
  std::uint32_t part = 0;
};

/// What tells one row of the endpoint table from another.
struct EndpointKey {
  EndpointState::Protocol protocol = EndpointState::Protocol::http;
  std::string method;
  std::string name;
  std::string status;
  std::string error_code;
  std::string error;
  bool failed = false;
  auto operator<=>(const EndpointKey&) const = default;
};

struct CheckKey {
  std::string group;
  std::string name;
  auto operator<=>(const CheckKey&) const = default;
};

struct PartKey {
  std::string scenario;
  std::string group;
  auto operator<=>(const PartKey&) const = default;
};

/// Any thread may call; each thread remembers what it was told.
class PlaceTable {
 public:
  struct Limits {
    std::size_t endpoints = 256;
    /// Addresses that one template stands for have rows of their own up to this, and are one row beyond.
    std::size_t addresses = 20;
    std::size_t checks = 4096;
    std::size_t parts = 512;
  };
  explicit PlaceTable(Limits limits) : limits_(limits) {}

  PlaceId total(MetricId metric);
  PlaceId submetric(MetricId metric, std::size_t index);
  /// Of the folded row once the limit is reached.
  PlaceId endpoint(const EndpointKey& key);
  PlaceId check(const CheckKey& key);
  /// A metric of a part; false once there are too many parts (then it is in the totals only).
  bool part(const PartKey& key, MetricId metric, PlaceId* place);
  bool part_check(const PartKey& key, const CheckKey& check, PlaceId* place);
  /// Notes that the script has this group, and the groups around it.
  void note_group(std::string_view path);

  // For the collector: everything from `begin` on, in order. Rows' keys are by row number.
  std::vector<Place> places_from(std::size_t begin) const;
  std::vector<EndpointKey> endpoints_from(std::size_t begin) const;
  std::vector<CheckKey> checks_from(std::size_t begin) const;
  std::vector<PartKey> parts_from(std::size_t begin) const;
  /// Checks of one part.
  std::vector<CheckKey> part_checks_from(std::size_t part, std::size_t begin) const;
  std::vector<std::string> groups_from(std::size_t begin) const;

 private:
  PlaceId new_place(Place place);
  /// Of a row that there is room for.
  PlaceId place_of(const EndpointKey& key);
  /// Whether an address comes after so many of its template that it has no row of its own.
  bool is_one_of_many(const std::string& name);
  bool part_number(const PartKey& key, std::uint32_t* number);

  const Limits limits_;
  mutable std::mutex mutex_;
  std::vector<Place> places_;
  std::map<std::pair<MetricId, std::size_t>, PlaceId> metrics_;  // (metric, 0: total, else submetric + 1)
  std::map<EndpointKey, PlaceId> endpoints_;
  std::map<std::string, std::set<std::string>> addresses_;  // by template
  std::vector<EndpointKey> endpoint_keys_;
  std::map<CheckKey, PlaceId> checks_;
  std::vector<CheckKey> check_keys_;
  std::map<PartKey, std::uint32_t> parts_;
  std::vector<PartKey> part_keys_;
  std::map<std::pair<std::uint32_t, MetricId>, PlaceId> part_metrics_;
  std::map<std::pair<std::uint32_t, CheckKey>, PlaceId> part_checks_;
  std::vector<std::vector<CheckKey>> part_check_keys_;
  std::set<std::string, std::less<>> known_groups_;
  std::vector<std::string> groups_;
};

}  // namespace gauntlet::engine::metrics
