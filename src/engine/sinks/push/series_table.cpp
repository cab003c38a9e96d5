#include "engine/sinks/push/series_table.hpp"

#include <fmt/format.h>

#include "engine/sinks/sample_text.hpp"

namespace gauntlet::engine::sinks {

void SeriesTable::define_tags(std::uint32_t producer, std::uint32_t id, const metrics::StreamedTags& tags) {
  const auto all = sorted_pairs(tags);
  TagPairs pairs(all.begin(), all.end());
  std::erase_if(pairs, [](const auto& pair) { return pair.second.empty(); });  // to these receivers, empty is absent
  std::string text;
  for (const auto& [name, value] : pairs) text.append(name).append(1, '\0').append(value).append(1, '\0');

  if (producer >= by_producer_.size()) by_producer_.resize(producer + 1);
  auto& known = by_producer_[producer];
  if (id >= known.size()) known.resize(id + 1);
  auto found = tag_sets_.find(text);
  if (found == tag_sets_.end()) {
    if (tag_sets_.size() >= kMostSeries) {
      known[id] = nullptr;
      return;
    }
    found = tag_sets_.emplace(std::move(text), std::make_unique<TagSet>()).first;
    found->second->pairs = std::move(pairs);
  }
  known[id] = found->second.get();
}

void SeriesTable::forget_tags(std::uint32_t producer) {
  if (producer < by_producer_.size()) by_producer_[producer].clear();
}

void SeriesTable::add(const metrics::StreamedSample& sample) {
  TagSet* tags = by_producer_[sample.producer][sample.tags];
  const std::size_t metric = metrics::index_of(sample.metric);
  if (tags == nullptr) {
    ++refused_;
    return;
  }
  if (metric >= tags->series.size()) tags->series.resize(metric + 1);
  std::uint32_t& number = tags->series[metric];
  if (number == 0) {
    if (series_.size() >= kMostSeries) {
      ++refused_;
      return;
    }
    TimeSeries fresh;
    fresh.info = &registry_.info(sample.metric);
    fresh.tags = &tags->pairs;
    fresh.sink.type = fresh.info->type;
    series_.push_back(std::move(fresh));
    number = static_cast<std::uint32_t>(series_.size());
  }
  TimeSeries& series = series_[number - 1];
  metrics::Sink& sink = series.sink;
  const double value = sample.value;
  switch (sink.type) {
    case metrics::MetricType::counter: sink.sum += value; break;
    case metrics::MetricType::gauge:
      // Threads' samples come one ring after the other: the newest counts.
      if (sample.unix_ns >= sink.last_at_ns) {
        sink.last = value;
        sink.last_at_ns = sample.unix_ns;
      }
      break;
    case metrics::MetricType::rate: sink.passes += value != 0 ? 1 : 0; break;
    case metrics::MetricType::trend: sink.values.add(value); break;
  }
  ++sink.samples;
  series.last_ns = std::max(series.last_ns, sample.unix_ns);
  series.changed = true;
}

void tell_of_refused(const SeriesTable& table, std::string_view output, const Tell& tell) {
  if (table.refused() == 0) return;
  tell(
      fmt::format("{}: {} samples were left out, as the test has more than {} combinations of metric and tags; give requests "
                  "a `name` tag where their URLs differ, or leave tags out with --system-tags",
                  output, table.refused(), SeriesTable::kMostSeries));
}

}  // namespace gauntlet::engine::sinks
