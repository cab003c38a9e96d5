#pragma once
// What a connection speaks, apart from its socket: bytes in, bytes out through the connection's output queue.
#include <string_view>

#include "base/event_loop.hpp"

namespace gauntlet::base::http {

/// One per connection, owned by it; all calls come from its loop's thread.
class Protocol {
 public:
  virtual ~Protocol() = default;
  /// Bytes the peer sent. Everything is taken; what cannot be handled yet is kept inside.
  virtual void on_bytes(std::string_view bytes) = 0;
  /// The peer sends no more; answers may still be read by it.
  virtual void on_end_of_input() = 0;
  /// The connection is about to write: adds what is ready to the output queue, within its bound.
  virtual void produce() = 0;
  /// The connection is gone; requests in flight are abandoned. Nothing is called afterwards.
  virtual void on_gone() = 0;
  /// No new requests: finish what is in flight, then close.
  virtual void drain() = 0;
  /// When patience with the peer ends, in the present state; time_point::max() while it is our turn. When that
  /// lies earlier than it did at the last call, Connection::check_by() must be told.
  virtual EventLoop::Clock::time_point deadline() const = 0;
  /// deadline() has passed: says so to the peer where there is somebody to say it to, and closes.
  virtual void on_timeout() = 0;
  /// Bytes of requests and answers that it holds, apart from the output queue.
  virtual std::size_t held_bytes() const = 0;
  /// Whether more input is welcome now.
  virtual bool wants_input() const = 0;
};

}  // namespace gauntlet::base::http
