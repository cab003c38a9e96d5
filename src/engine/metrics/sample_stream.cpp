#include "engine/metrics/sample_stream.hpp"

#include <bit>
#include <cstring>
#include <string>

namespace gauntlet::engine::metrics {
namespace {

enum class RecordKind : std::uint16_t { sample, tags, forget };

/// Tag sets that a consumer keeps of one producer before it may forget them all.
constexpr std::uint32_t kMaxAnnounced = 65'536;

struct SampleRecord {
  RecordKind kind = RecordKind::sample;
  std::uint16_t metric = 0;
  std::uint32_t tags = 0;
  double value = 0;
  std::int64_t unix_ns = 0;
  std::uint32_t metadata_count = 0;  // pairs of texts that follow
  std::uint32_t unused = 0;
};

struct TagsRecord {
  RecordKind kind = RecordKind::tags;
  std::uint16_t user_count = 0;
  std::uint32_t id = 0;
  std::uint32_t present = 0;
  std::uint32_t unused = 0;
};

std::size_t text_size(std::string_view text) { return sizeof(std::uint32_t) + text.size(); }

std::byte* put_text(std::byte* at, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  std::memcpy(at, &size, sizeof size);
  std::memcpy(at + sizeof size, text.data(), text.size());
  return at + sizeof size + text.size();
}

const std::byte* get_text(const std::byte* at, std::string_view* text) {
  std::uint32_t size = 0;
  std::memcpy(&size, at, sizeof size);
  *text = {reinterpret_cast<const char*>(at) + sizeof size, size};
  return at + sizeof size + size;
}

}  // namespace

SampleRing::SampleRing(std::size_t bytes)
    : bytes_(std::make_unique<std::byte[]>(std::bit_ceil(std::max<std::size_t>(bytes, 4096)))),
      mask_(std::bit_ceil(std::max<std::size_t>(bytes, 4096)) - 1) {}

void SampleRing::read_header(const std::byte* record, std::uint32_t* size, std::uint32_t* kind) {
  std::memcpy(size, record, sizeof *size);
  std::memcpy(kind, record + sizeof *size, sizeof *kind);
}

void SampleRing::write_header(std::byte* record, std::uint32_t size, std::uint32_t kind) {
  std::memcpy(record, &size, sizeof size);
  std::memcpy(record + sizeof size, &kind, sizeof kind);
}

std::byte* SampleRing::reserve(std::size_t size) {
  const std::uint64_t capacity = mask_ + 1;
  const std::uint64_t needed = (kHeader + size + 7) & ~std::uint64_t{7};
  const std::uint64_t to_end = capacity - (next_ & mask_);
  // A record lies in one piece: what is left before the end is skipped when it does not fit there.
  const std::uint64_t skip = needed > to_end ? to_end : 0;
  if (next_ + skip + needed - read_seen_ > capacity) {
    read_seen_ = read_.load(std::memory_order_acquire);
    if (needed > capacity || next_ + skip + needed - read_seen_ > capacity) return nullptr;
  }
  if (skip != 0) {
    write_header(&bytes_[next_ & mask_], static_cast<std::uint32_t>(skip), kPadding);
    next_ += skip;
  }
  std::byte* record = &bytes_[next_ & mask_];
  write_header(record, static_cast<std::uint32_t>(needed), 0);
  next_ += needed;
  return record + kHeader;
}

bool SampleWriter::announce(TagSet* tags) {
  if (next_id_ == kMaxAnnounced) {
    std::byte* record = ring_.reserve(sizeof(TagsRecord));
    if (record == nullptr) return false;
    TagsRecord forget;
    forget.kind = RecordKind::forget;
    std::memcpy(record, &forget, sizeof forget);
    ring_.commit();
    ++epoch_;
    next_id_ = 0;
  }
  std::size_t size = sizeof(TagsRecord);
  for (std::size_t i = 0; i < kSystemTagCount; ++i) {
    if (tags->has(static_cast<SystemTag>(i))) size += text_size(tags->get(static_cast<SystemTag>(i)));
  }
  for (const auto& [name, value] : tags->user()) size += text_size(name) + text_size(value);

  std::byte* at = ring_.reserve(size);
  if (at == nullptr) return false;
  TagsRecord head;
  head.user_count = static_cast<std::uint16_t>(tags->user().size());
  head.id = next_id_;
  head.present = tags->present_;
  std::memcpy(at, &head, sizeof head);
  at += sizeof head;
  for (std::size_t i = 0; i < kSystemTagCount; ++i) {
    if (tags->has(static_cast<SystemTag>(i))) at = put_text(at, tags->get(static_cast<SystemTag>(i)));
  }
  for (const auto& [name, value] : tags->user()) at = put_text(put_text(at, name), value);
  ring_.commit();
  tags->stream_id_ = next_id_++;
  tags->stream_epoch_ = epoch_;
  return true;
}

void SampleWriter::write(MetricId metric, TagSet* tags, double value, std::int64_t unix_ns, const Metadata* metadata) {
  if (tags->stream_epoch_ != epoch_ && !announce(tags)) {
    ring_.count_dropped();
    return;
  }
  SampleRecord head;
  head.metric = static_cast<std::uint16_t>(metric);
  head.tags = tags->stream_id_;
  head.value = value;
  head.unix_ns = unix_ns;

  std::size_t size = sizeof head;
  std::string vu;
  std::string iter;
  if (metadata != nullptr) {
    if (enabled_.vu) vu = std::to_string(metadata->vu);
    if (enabled_.iter) iter = std::to_string(metadata->iter);
    if (enabled_.vu) size += text_size("vu") + text_size(vu);
    if (enabled_.iter) size += text_size("iter") + text_size(iter);
    for (const auto& [name, text] : metadata->user) size += text_size(name) + text_size(text);
    head.metadata_count = static_cast<std::uint32_t>(metadata->user.size()) + (enabled_.vu ? 1U : 0U) + (enabled_.iter ? 1U : 0U);
  }
  std::byte* at = ring_.reserve(size);
  if (at == nullptr) {
    ring_.count_dropped();
    return;
  }
  std::memcpy(at, &head, sizeof head);
  at += sizeof head;
  if (head.metadata_count != 0) {
    if (enabled_.iter) at = put_text(put_text(at, "iter"), iter);
    for (const auto& [name, text] : metadata->user) at = put_text(put_text(at, name), text);
    if (enabled_.vu) at = put_text(put_text(at, "vu"), vu);
  }
  ring_.commit();
}

SampleRing& SampleStream::add_ring() {
  const std::lock_guard lock(mutex_);
  rings_.push_back(std::make_unique<SampleRing>(bytes_per_ring_));
  return *rings_.back();
}

std::vector<SampleRing*> SampleStream::rings() const {
  const std::lock_guard lock(mutex_);
  std::vector<SampleRing*> all;
  for (const auto& ring : rings_) all.push_back(ring.get());
  return all;
}

std::uint64_t SampleStream::dropped() const {
  std::uint64_t total = 0;
  for (const SampleRing* ring : rings()) total += ring->dropped();
  return total;
}

std::size_t SampleStream::drain(const std::vector<SampleConsumer*>& consumers) {
  std::size_t bytes = 0;
  StreamedSample sample;
  StreamedTags tags;
  std::uint32_t producer = 0;
  for (SampleRing* ring : rings()) {
    bytes += ring->consume([&](const std::byte* record, std::size_t) {
      RecordKind kind{};
      std::memcpy(&kind, record, sizeof kind);
      if (kind == RecordKind::sample) {
        SampleRecord head;
        std::memcpy(&head, record, sizeof head);
        sample.metric = static_cast<MetricId>(head.metric);
        sample.producer = producer;
        sample.tags = head.tags;
        sample.value = head.value;
        sample.unix_ns = head.unix_ns;
        sample.metadata.resize(head.metadata_count);
        const std::byte* at = record + sizeof head;
        for (auto& [name, text] : sample.metadata) at = get_text(get_text(at, &name), &text);
        for (SampleConsumer* consumer : consumers) consumer->consume(sample);
        return;
      }
      TagsRecord head;
      std::memcpy(&head, record, sizeof head);
      if (kind == RecordKind::forget) {
        for (SampleConsumer* consumer : consumers) consumer->forget_tags(producer);
        return;
      }
      tags.present = head.present;
      tags.user.resize(head.user_count);
      const std::byte* at = record + sizeof head;
      for (std::size_t i = 0; i < kSystemTagCount; ++i) {
        tags.system[i] = {};
        if ((head.present >> i & 1U) != 0) at = get_text(at, &tags.system[i]);
      }
      for (auto& [name, value] : tags.user) at = get_text(get_text(at, &name), &value);
      for (SampleConsumer* consumer : consumers) consumer->define_tags(producer, head.id, tags);
    });
    ++producer;
  }
  return bytes;
}

}  // namespace gauntlet::engine::metrics
