#include "engine/metrics/sample_stream.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>

namespace gauntlet::engine::metrics {
namespace {

/// Remembers what came, with the tags as text.
class Memory final : public SampleConsumer {
 public:
  void define_tags(std::uint32_t producer, std::uint32_t id, const StreamedTags& tags) override {
    tags_[{producer, id}] = std::string(tags.system[static_cast<std::size_t>(SystemTag::name)]);
  }
  void forget_tags(std::uint32_t producer) override {
    std::erase_if(tags_, [producer](const auto& entry) { return entry.first.first == producer; });
  }
  void consume(const StreamedSample& sample) override {
    ++count;
    sum += sample.value;
    wrong += tags_[{sample.producer, sample.tags}] != std::to_string(static_cast<std::int64_t>(sample.value)) ? 1 : 0;
  }

  std::uint64_t count = 0;
  double sum = 0;
  std::uint64_t wrong = 0;

 private:
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::string> tags_;
};

TEST(SampleStream, each_sample_arrives_once_with_its_own_tags_or_is_counted_as_lost) {
  SampleStream stream(1U << 14U);  // small, so that it wraps and overflows
  constexpr int kProducers = 2;
  constexpr int kSamples = 150'000;
  std::atomic<int> done{0};
  std::vector<std::thread> producers;
  for (int i = 0; i < kProducers; ++i) {
    producers.emplace_back([&done, &ring = stream.add_ring()] {
      TagTable table;
      SampleWriter writer(ring, table.enabled());
      for (int n = 0; n < kSamples; ++n) {
        // New names all the time: the table sweeps and the stream's numbering starts anew.
        const int value = n % 100'000;
        const std::string name = std::to_string(value);
        writer.write(MetricId::http_reqs, TagBuilder(table, table.empty()).set(SystemTag::name, name).intern(), value, n, nullptr);
      }
      ++done;
    });
  }
  Memory memory;
  while (done < kProducers) stream.drain({&memory});
  for (std::thread& producer : producers) producer.join();
  while (stream.drain({&memory}) != 0) {
  }
  EXPECT_EQ(memory.count + stream.dropped(), static_cast<std::uint64_t>(kProducers * kSamples));
  EXPECT_EQ(memory.wrong, 0U);
  EXPECT_GT(memory.count, 0U);
}

TEST(SampleStream, a_full_ring_loses_samples_and_says_how_many) {
  SampleStream stream(4096);
  TagTable table;
  SampleWriter writer(stream.add_ring(), table.enabled());
  TagSet* tags = TagBuilder(table, table.empty()).set(SystemTag::name, "7").intern();
  for (int i = 0; i < 1000; ++i) writer.write(MetricId::http_reqs, tags, 7, i, nullptr);
  EXPECT_GT(stream.dropped(), 0U);
  Memory memory;
  stream.drain({&memory});
  EXPECT_EQ(memory.count + stream.dropped(), 1000U);
  EXPECT_EQ(memory.wrong, 0U);
  writer.write(MetricId::http_reqs, tags, 7, 0, nullptr);
  EXPECT_GT(stream.drain({&memory}), 0U);
}

}  // namespace
}  // namespace gauntlet::engine::metrics
