#include "events/fold.hpp"

#include <algorithm>
#include <tuple>

#include "challenge/progress.hpp"

namespace gauntlet::events {

void Changes::clear() {
  user.clear();
  key.clear();
  count.clear();
  last.clear();
  highest.clear();
  varied.clear();
  baseline.clear();
  first_at.clear();
  last_at.clear();
  first_step.clear();
  steps.at.clear();
  steps.highest.clear();
  steps.varied.clear();
  steps.baseline.clear();
  steps.last_step.clear();
}

void Folder::start(std::span<const Event> events, const std::vector<bool>& counts) {
  events_ = events;
  later_.clear();
  for (std::uint32_t i = 0; i < events.size(); ++i)
    if (counts.empty() || counts[i]) later_.push_back(i);
  std::sort(later_.begin(), later_.end(), [&](std::uint32_t a, std::uint32_t b) {
    const int users = events[a].user_id.compare(events[b].user_id);
    if (users != 0) return users < 0;
    return std::tie(events[a].key, a) < std::tie(events[b].key, b);
  });
}

bool Folder::next(Changes& changes) {
  changes.clear();
  std::swap(order_, later_);
  later_.clear();
  bool rest_is_later = false;  // of the change being folded
  for (const std::uint32_t index : order_) {
    const Event& event = events_[index];
    const bool same = changes.size() > 0 && changes.key.back() == event.key && changes.user.back() == event.user_id;
    if (!same) {
      add_steps(changes);
      rest_is_later = false;
      changes.user.push_back(event.user_id);
      changes.key.push_back(event.key);
      changes.count.push_back(0);
      changes.last.push_back(std::nullopt);
      changes.highest.push_back(0);
      changes.varied.push_back(false);
      changes.baseline.push_back(0);
      changes.first_at.push_back(std::nullopt);
      changes.last_at.push_back(std::nullopt);
      changes.first_step.push_back(0);
    }
    const std::size_t at = changes.size() - 1;
    const std::optional<std::int32_t> progress = event.key == kLoginKey ? std::nullopt : challenge::progress_from_value(event.value);
    if (progress && changes.last[at] && event.at.has_value() != changes.first_at[at].has_value()) rest_is_later = true;
    if (rest_is_later) {
      later_.push_back(index);
      continue;
    }
    ++changes.count[at];
    if (!progress || (event.at && changes.last_at[at] && *event.at < *changes.last_at[at])) continue;
    const std::int32_t before = challenge::progress_before(event.value, event.increment, *progress);
    if (!changes.last[at]) {
      changes.highest[at] = *progress;
      changes.baseline[at] = before;
      changes.first_at[at] = event.at;
    } else {
      if (*progress != *changes.last[at]) changes.varied[at] = true;
      changes.highest[at] = std::max(changes.highest[at], *progress);
    }
    changes.last[at] = progress;
    changes.last_at[at] = event.at;
    if (event.at) values_.push_back({*event.at, *progress, before});
  }
  add_steps(changes);
  return changes.size() > 0;
}

/// Of the change folded last, from its values: each step is what remains of the change from there on.
void Folder::add_steps(Changes& changes) {
  if (values_.size() > 1 && values_.front().at < values_.back().at) {
    auto& steps = changes.steps;
    const std::size_t begin = steps.at.size();
    const auto last = static_cast<std::int32_t>(begin + values_.size());
    changes.first_step.back() = static_cast<std::int32_t>(begin) + 1;
    for (const Value& value : values_) {
      steps.at.push_back(value.at);
      steps.highest.push_back(value.progress);
      steps.varied.push_back(false);
      steps.baseline.push_back(value.baseline);
      steps.last_step.push_back(last);
    }
    for (std::size_t i = steps.at.size() - 1; i-- > begin;) {
      steps.varied[i] = steps.varied[i + 1] || values_[i - begin].progress != values_[i - begin + 1].progress;
      steps.highest[i] = std::max(steps.highest[i], steps.highest[i + 1]);
    }
  }
  values_.clear();
}

}  // namespace gauntlet::events
