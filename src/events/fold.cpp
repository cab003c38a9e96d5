#include "events/fold.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "challenge/progress.hpp"

namespace gauntlet::events {
namespace {

/// The statistic's value before this event, as challenge::apply_event takes a relative goal's baseline.
std::int32_t value_before(const Event& event, std::int32_t progress) {
  const double before = std::trunc(event.value) - std::trunc(event.increment);
  if (std::isnan(before)) return progress;
  constexpr double kMin = std::numeric_limits<std::int32_t>::min();
  constexpr double kMax = std::numeric_limits<std::int32_t>::max();
  return static_cast<std::int32_t>(std::clamp(before, kMin, kMax));
}

}  // namespace

void Changes::clear() {
  user.clear();
  key.clear();
  count.clear();
  last.clear();
  lowest.clear();
  varied.clear();
  baseline.clear();
}

void Folder::fold(std::span<const Event> events, const std::vector<bool>& counts, Changes& changes) {
  changes.clear();
  order_.clear();
  for (std::uint32_t i = 0; i < events.size(); ++i)
    if (counts.empty() || counts[i]) order_.push_back(i);
  std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
    const int users = events[a].user_id.compare(events[b].user_id);
    if (users != 0) return users < 0;
    return std::tie(events[a].key, a) < std::tie(events[b].key, b);
  });
  for (const std::uint32_t index : order_) {
    const Event& event = events[index];
    const std::size_t open = changes.size() - 1;
    const bool same = changes.size() > 0 && changes.key[open] == event.key && changes.user[open] == event.user_id;
    if (!same) {
      changes.user.push_back(event.user_id);
      changes.key.push_back(event.key);
      changes.count.push_back(0);
      changes.last.push_back(std::nullopt);
      changes.lowest.push_back(0);
      changes.varied.push_back(false);
      changes.baseline.push_back(0);
    }
    const std::size_t at = changes.size() - 1;
    ++changes.count[at];
    if (event.key == kLoginKey) continue;
    const std::optional<std::int32_t> progress = challenge::progress_from_value(event.value);
    if (!progress) continue;
    if (!changes.last[at]) {
      changes.lowest[at] = *progress;
      changes.baseline[at] = value_before(event, *progress);
    } else {
      if (*progress != *changes.last[at]) changes.varied[at] = true;
      changes.lowest[at] = std::min(changes.lowest[at], *progress);
    }
    changes.last[at] = progress;
  }
}

}  // namespace gauntlet::events
