#include "engine/metrics/places.hpp"

#include "engine/metrics/address_template.hpp"

namespace gauntlet::engine::metrics {
namespace {

constexpr std::size_t kMaxGroups = 4096;
constexpr char kOther[] = "(other)";

template <class T>
std::vector<T> tail(const std::vector<T>& all, std::size_t begin) {
  return begin < all.size() ? std::vector<T>(all.begin() + static_cast<std::ptrdiff_t>(begin), all.end()) : std::vector<T>();
}

}  // namespace

PlaceId PlaceTable::new_place(Place place) {
  places_.push_back(place);
  return static_cast<PlaceId>(places_.size() - 1);
}

PlaceId PlaceTable::total(MetricId metric) {
  const std::lock_guard lock(mutex_);
  const auto [found, is_new] = metrics_.try_emplace({metric, 0});
  if (is_new) found->second = new_place({.kind = Place::Kind::total, .metric = metric});
  return found->second;
}

PlaceId PlaceTable::submetric(MetricId metric, std::size_t index) {
  const std::lock_guard lock(mutex_);
  const auto [found, is_new] = metrics_.try_emplace({metric, index + 1});
  if (is_new) {
    found->second = new_place({.kind = Place::Kind::submetric, .metric = metric, .row = static_cast<std::uint32_t>(index)});
  }
  return found->second;
}

PlaceId PlaceTable::endpoint(const EndpointKey& key) {
  const std::lock_guard lock(mutex_);
  const EndpointKey* wanted = &key;
  EndpointKey of_template, folded;
  if (is_one_of_many(key.name)) {
    of_template = key;
    of_template.name = address_template(key.name);
    wanted = &of_template;
  }
  if (!endpoints_.contains(*wanted) && endpoints_.size() >= limits_.endpoints) {
    folded = {.protocol = key.protocol,
              .method = "",
              .name = kOther,
              .status = key.status,
              .error_code = key.error_code,
              .error = "",
              .failed = key.failed};
    wanted = &folded;
  }
  return place_of(*wanted);
}

bool PlaceTable::is_one_of_many(const std::string& name) {
  const std::string of_template = address_template(name);
  if (of_template == name || (!addresses_.contains(of_template) && addresses_.size() >= limits_.endpoints)) return false;
  std::set<std::string>& addresses = addresses_[of_template];
  if (addresses.contains(name)) return false;
  if (addresses.size() >= limits_.addresses) return true;
  addresses.insert(name);
  return false;
}

PlaceId PlaceTable::place_of(const EndpointKey& key) {
  const auto [found, is_new] = endpoints_.try_emplace(key);
  if (is_new) {
    const MetricId metric = key.protocol == EndpointState::Protocol::http ? MetricId::http_req_duration : MetricId::grpc_req_duration;
    found->second = new_place({.kind = Place::Kind::endpoint, .metric = metric, .row = static_cast<std::uint32_t>(endpoint_keys_.size())});
    endpoint_keys_.push_back(key);
  }
  return found->second;
}

PlaceId PlaceTable::check(const CheckKey& key) {
  const std::lock_guard lock(mutex_);
  const CheckKey* wanted = &key;
  const CheckKey folded{"", kOther};
  if (!checks_.contains(key) && checks_.size() >= limits_.checks) wanted = &folded;
  const auto [found, is_new] = checks_.try_emplace(*wanted);
  if (is_new) {
    found->second =
        new_place({.kind = Place::Kind::check, .metric = MetricId::checks, .row = static_cast<std::uint32_t>(check_keys_.size())});
    check_keys_.push_back(*wanted);
  }
  return found->second;
}

bool PlaceTable::part_number(const PartKey& key, std::uint32_t* number) {
  if (!parts_.contains(key) && parts_.size() >= limits_.parts) return false;
  const auto [found, is_new] = parts_.try_emplace(key, static_cast<std::uint32_t>(part_keys_.size()));
  if (is_new) {
    part_keys_.push_back(key);
    part_check_keys_.emplace_back();
  }
  *number = found->second;
  return true;
}

bool PlaceTable::part(const PartKey& key, MetricId metric, PlaceId* place) {
  const std::lock_guard lock(mutex_);
  std::uint32_t number = 0;
  if (!part_number(key, &number)) return false;
  const auto [found, is_new] = part_metrics_.try_emplace({number, metric});
  if (is_new) found->second = new_place({.kind = Place::Kind::part, .metric = metric, .part = number});
  *place = found->second;
  return true;
}

bool PlaceTable::part_check(const PartKey& key, const CheckKey& check, PlaceId* place) {
  const std::lock_guard lock(mutex_);
  std::uint32_t number = 0;
  if (!part_number(key, &number)) return false;
  std::vector<CheckKey>& keys = part_check_keys_[number];
  if (!part_checks_.contains({number, check}) && keys.size() >= limits_.checks) return false;
  const auto [found, is_new] = part_checks_.try_emplace({number, check});
  if (is_new) {
    found->second = new_place(
        {.kind = Place::Kind::part_check, .metric = MetricId::checks, .row = static_cast<std::uint32_t>(keys.size()), .part = number});
    keys.push_back(check);
  }
  *place = found->second;
  return true;
}

void PlaceTable::note_group(std::string_view path) {
  const std::lock_guard lock(mutex_);
  if (path.empty() || known_groups_.contains(path)) return;
  for (std::size_t end = path.find("::", 2);; end = path.find("::", end + 2)) {
    const std::string_view ancestor = path.substr(0, end);
    if (groups_.size() < kMaxGroups && !known_groups_.contains(ancestor)) {
      known_groups_.emplace(ancestor);
      groups_.emplace_back(ancestor);
    }
    if (end == std::string_view::npos) return;
  }
}

std::vector<Place> PlaceTable::places_from(std::size_t begin) const {
  const std::lock_guard lock(mutex_);
  return tail(places_, begin);
}
std::vector<EndpointKey> PlaceTable::endpoints_from(std::size_t begin) const {
  const std::lock_guard lock(mutex_);
  return tail(endpoint_keys_, begin);
}
std::vector<CheckKey> PlaceTable::checks_from(std::size_t begin) const {
  const std::lock_guard lock(mutex_);
  return tail(check_keys_, begin);
}
std::vector<PartKey> PlaceTable::parts_from(std::size_t begin) const {
  const std::lock_guard lock(mutex_);
  return tail(part_keys_, begin);
}
std::vector<CheckKey> PlaceTable::part_checks_from(std::size_t part, std::size_t begin) const {
  const std::lock_guard lock(mutex_);
  return tail(part_check_keys_[part], begin);
}
std::vector<std::string> PlaceTable::groups_from(std::size_t begin) const {
  const std::lock_guard lock(mutex_);
  return tail(groups_, begin);
}

}  // namespace gauntlet::engine::metrics
