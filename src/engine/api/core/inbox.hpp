#pragma once
// What came over a connection and waits for the script to take it. A server may send faster than a script takes: once an
// inbox is full its connection is not read any further, and the server notices by the protocol's flow control.
#include <chrono>
#include <cstddef>
#include <deque>
#include <utility>

namespace gauntlet::engine::api {

/// How long the script is told of one connection's messages before what else it waits for has its turn: its timers come
/// however much the server sends.
inline constexpr std::chrono::milliseconds kTellingTurn{10};

/// In the order of arrival. Does not refuse anything: whoever fills it stops reading once it is full.
template <class Item>
class Inbox {
 public:
  /// Enough for the script to have something to do until more has been read; little enough for a thousand connections.
  static constexpr std::size_t kFullBytes = 256 * 1024;

  bool empty() const { return items_.empty(); }
  bool is_full() const { return bytes_ >= kFullBytes; }
  /// Half is free again: time to read on. Not sooner, or each message would cost a turn of its connection.
  bool has_room() const { return bytes_ < kFullBytes / 2; }

  /// `payload_bytes`: what the item holds beside itself.
  void push(Item item, std::size_t payload_bytes = 0) {
    const std::size_t bytes = sizeof(Entry) + payload_bytes;
    bytes_ += bytes;
    items_.push_back({std::move(item), bytes});
  }
  Item pop() {
    Entry entry = std::move(items_.front());
    items_.pop_front();
    bytes_ -= entry.bytes;
    return std::move(entry.item);
  }
  void clear() {
    items_.clear();
    bytes_ = 0;
  }

 private:
  struct Entry {
    Item item;
    std::size_t bytes;
  };
  std::deque<Entry> items_;
  std::size_t bytes_ = 0;
};

}  // namespace gauntlet::engine::api
