#pragma once
// Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), read from a stream's bytes as they come.
//
//   EventStream events(limit);
//   while (events.next(bytes)) use(events.event());   // bytes: what is left of them
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace gauntlet::engine::wire {

struct ServerSentEvent {
  std::string type;  ///< "message" where the server names none
  std::string data;
  std::string id;  ///< the last one that the server gave
  std::optional<std::chrono::milliseconds> retry;
};

class EventStream {
 public:
  /// An event of more than `max_bytes` is too large.
  explicit EventStream(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// Takes from the front of `bytes` what belongs to the next event; true when it is whole, false when more bytes are needed
  /// or the event is too large.
  bool next(std::string_view& bytes);
  /// The one that next() has found.
  ServerSentEvent& event() { return event_; }
  bool is_too_large() const { return line_.size() + data_.size() > max_bytes_; }

 private:
  /// True when the line, which is empty, ends an event.
  bool take_line(std::string_view line);

  const std::size_t max_bytes_;
  bool at_start_ = true;   // a byte order mark may follow
  bool after_cr_ = false;  // a line feed now belongs to the line that is over
  std::string line_;       // the beginning of one that is not whole
  std::string data_;
  std::string type_;
  ServerSentEvent event_;
};

}  // namespace gauntlet::engine::wire
