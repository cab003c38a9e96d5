#pragma once
// One accepted socket: reading, batched writing, timeouts, lingering close. Which protocol it speaks is found out from
// its first bytes.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.hpp"
#include "base/http/exchange_pool.hpp"
#include "base/http/listener.hpp"
#include "base/http/output_queue.hpp"
#include "base/http/protocol.hpp"
#include "base/http/router.hpp"
#include "base/metrics.hpp"
#include "base/timer_wheel.hpp"

namespace gauntlet::base::http {

class Connection;
class Stream;
class StreamService;

/// What all connections of one listener share; owned by the listener.
struct ListenerCore {
  ListenerCore(EventLoop& its_loop, ListenerOptions its_options, const Router& its_router, StreamService* its_streams);
  ~ListenerCore();

  EventLoop& loop;
  const ListenerOptions options;
  const Router& router;
  StreamService* const streams;
  TimerWheel wheel;
  std::shared_ptr<ExchangePool> exchanges;
  Listener::Counts counts;
  bool draining = false;
  std::vector<std::unique_ptr<Stream>> spare_streams;
  std::vector<char> read_buffer;  // one for all: a connection keeps nothing between rounds

  /// Writes `connection`'s output at the end of this round.
  void write_at_end_of_round(Connection& connection);
  std::unique_ptr<OutputQueue> take_output();
  void give_back_output(std::unique_ptr<OutputQueue> output);
  /// "Sun, 06 Nov 1994 08:49:37 GMT", refreshed each second.
  std::string_view date();

  std::vector<std::unique_ptr<Connection>> connections;
  std::function<void()> on_connection_closed;

  /// Null without ListenerOptions::metrics.
  struct Refusals {
    metrics::Counter* connections_for_memory = nullptr;
    metrics::Counter* connections_for_resets = nullptr;
    metrics::Counter* streams_for_memory = nullptr;
    metrics::Counter* streams_that_stall = nullptr;
  } refusals;
  static void count(metrics::Counter* counter) {
    if (counter != nullptr) counter->increment();
  }

 private:
  friend class Connection;
  void write_all();
  /// A connection holds `bytes` where it held `before`.
  void hold(std::size_t before, std::size_t bytes);
  /// Closes the connections that hold most.
  void make_room();
  std::size_t most_held_ = 0;   // since memory was last given back
  double published_bytes_ = 0;  // in held_gauge_
  metrics::Gauge* held_gauge_ = nullptr;
  std::vector<Connection*> to_write_;
  bool scheduled_ = false;
  std::vector<std::unique_ptr<OutputQueue>> spare_outputs_;
  std::string date_;
  EventLoop::Clock::time_point date_due_;
  // Shared with tasks at a round's end, which see by it that the listener has gone in between.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

class Connection final : IoHandler, TimerWheel::Timeout {
 public:
  Connection(ListenerCore& core, int fd, bool loopback);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  ListenerCore& core() { return core_; }
  bool from_loopback() const { return loopback_; }

  /// Bytes to send; leave at the end of the round.
  OutputQueue& output();
  std::size_t pending_output() const { return output_ ? output_->size() : 0; }
  bool output_is_full() const { return pending_output() >= core_.options.max_buffered_response_bytes; }
  /// produce() will be called at the end of the round.
  void write_soon();
  /// Stops reading, sends what is queued, and closes so that the peer can still read it.
  void close_after_output();
  /// Closes at the end of the round, whatever is queued.
  void close_now();
  bool closing() const { return state_ != State::open; }
  /// Reads no more for that long.
  void pause_input(std::chrono::milliseconds pause);

  /// Looks at the protocol's deadline() no later than `due`.
  void check_by(EventLoop::Clock::time_point due);

  void drain();
  /// The protocol's wants_input() may have changed.
  void update_interest();

 private:
  friend struct ListenerCore;
  enum class State {
    open,
    flushing,   // writing the rest, reading nothing
    lingering,  // written and half-closed; the peer's bytes are thrown away so that no reset overtakes our answer
    dead,
  };

  void on_io(std::uint32_t events) override;
  void on_timeout() override;
  void read();
  void choose_protocol(std::string_view bytes);
  /// False when the connection has died.
  bool write();
  bool write_output();
  void start_lingering();
  /// Tells the core what it holds now.
  void account();

  ListenerCore& core_;
  const int fd_;
  const bool loopback_;
  State state_ = State::open;
  bool write_pending_ = false;  // in the list of the round's end
  bool end_of_input_ = false;
  std::uint32_t interest_;
  std::size_t index_;     // in core_.connections
  std::size_t held_ = 0;  // bytes, as the core knows it
  std::unique_ptr<OutputQueue> output_;
  std::unique_ptr<Protocol> protocol_;
  std::string first_bytes_;  // until they tell the protocol
  EventLoop::Clock::time_point check_due_ = EventLoop::Clock::time_point::max();
  EventLoop::Clock::time_point write_due_ = EventLoop::Clock::time_point::max();  // while output is stuck
  EventLoop::Clock::time_point linger_due_ = EventLoop::Clock::time_point::max();
  EventLoop::Clock::time_point read_due_ = EventLoop::Clock::time_point::max();  // while input is paused
};

}  // namespace gauntlet::base::http
