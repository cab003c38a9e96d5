#include "base/http/connection.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <utility>

#include "base/give_back_memory.hpp"
#include "base/http/http1.hpp"
#include "base/http/http2.hpp"
#include "base/http/stream.hpp"

namespace gauntlet::base::http {
namespace {

// What one connection is read in a round of the loop; then others have their turn. These are some hundred requests, a
// few milliseconds of work.
constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::size_t kSpareOutputs = 64;
constexpr std::size_t kKeptOutputBytes = 64 * 1024;
// Steps in which the gauge of held bytes moves: it is shared by all threads.
constexpr double kPublishedStep = 64 * 1024;
// Memory is given back to the system once so much was held and three quarters of it are not any more.
constexpr std::size_t kGivenBackFrom = 16 * 1024 * 1024;
constexpr std::chrono::milliseconds kLinger{2'000};

}  // namespace

// ---- ListenerCore

ListenerCore::ListenerCore(EventLoop& its_loop, ListenerOptions its_options, const Router& its_router, StreamService* its_streams)
    : loop(its_loop),
      options(std::move(its_options)),
      router(its_router),
      streams(its_streams),
      wheel(its_loop),
      exchanges(std::make_shared<ExchangePool>(its_loop, options.observer)),
      read_buffer(kReadBytes) {
  if (options.metrics == nullptr) return;
  auto& closed = options.metrics->counter("http_connections_closed_total",
                                          "Connections closed for what their client did: memory (it held most while all "
                                          "together held too much), resets (it reset streams without end)",
                                          {"reason"});
  auto& reset = options.metrics->counter("http_streams_reset_total",
                                         "HTTP/2 streams reset for what their client did: memory (its connection held too "
                                         "much, and this stream moved nothing for longest), stalled (it took nothing of "
                                         "its answer in time)",
                                         {"reason"});
  refusals = {&closed.with({"memory"}), &closed.with({"resets"}), &reset.with({"memory"}), &reset.with({"stalled"})};
  held_gauge_ =
      &options.metrics->gauge("http_held_bytes", "Bytes of requests and of answers that clients have not taken, roughly").with({});
}

ListenerCore::~ListenerCore() {
  *alive_ = false;
  connections.clear();
  if (held_gauge_ != nullptr) held_gauge_->add(-published_bytes_);
}

void ListenerCore::hold(std::size_t before, std::size_t bytes) {
  counts.held_bytes += bytes - before;
  most_held_ = std::max(most_held_, counts.held_bytes);
  const double unpublished = static_cast<double>(counts.held_bytes) - published_bytes_;
  if (held_gauge_ != nullptr && (unpublished >= kPublishedStep || unpublished <= -kPublishedStep)) {
    held_gauge_->add(unpublished);
    published_bytes_ += unpublished;
  }
  if (bytes > before && counts.held_bytes > options.max_held_bytes) make_room();
  if (most_held_ >= kGivenBackFrom && counts.held_bytes < most_held_ / 4) {
    most_held_ = counts.held_bytes;
    loop.post(give_back_free_memory);
  }
}

void ListenerCore::make_room() {
  std::vector<Connection*> largest;
  for (const auto& connection : connections) {
    if (connection->held_ > 0) largest.push_back(connection.get());
  }
  std::sort(largest.begin(), largest.end(), [](const Connection* a, const Connection* b) { return a->held_ > b->held_; });
  for (Connection* connection : largest) {
    if (counts.held_bytes <= options.max_held_bytes / 4 * 3) break;
    count(refusals.connections_for_memory);
    connection->close_now();
  }
}

void ListenerCore::write_at_end_of_round(Connection& connection) {
  to_write_.push_back(&connection);
  if (scheduled_) return;
  scheduled_ = true;
  loop.at_end_of_round([this, alive = alive_] {
    if (*alive) write_all();
  });
}

void ListenerCore::write_all() {
  scheduled_ = false;
  // Writing runs handlers of pipelined requests and callbacks of dying connections, which may add connections here.
  for (std::size_t i = 0; i < to_write_.size(); ++i) {
    Connection* const connection = to_write_[i];
    if (connection == nullptr) continue;
    connection->write_pending_ = false;
    if (connection->state_ != Connection::State::dead && connection->write()) continue;
    // It may have been listed again meanwhile; and what its end sets off must not list it once more.
    std::replace(to_write_.begin(), to_write_.end(), connection, static_cast<Connection*>(nullptr));
    connection->write_pending_ = true;
    const std::size_t index = connection->index_;
    const std::unique_ptr<Connection> dead = std::move(connections[index]);
    if (index + 1 < connections.size()) {
      connections[index] = std::move(connections.back());
      connections[index]->index_ = index;
    }
    connections.pop_back();
    --counts.connections;
  }
  to_write_.clear();
  if (on_connection_closed) on_connection_closed();
}

std::unique_ptr<OutputQueue> ListenerCore::take_output() {
  if (spare_outputs_.empty()) return std::make_unique<OutputQueue>();
  auto output = std::move(spare_outputs_.back());
  spare_outputs_.pop_back();
  return output;
}

void ListenerCore::give_back_output(std::unique_ptr<OutputQueue> output) {
  if (spare_outputs_.size() >= kSpareOutputs || output->capacity() > kKeptOutputBytes) return;
  output->clear();
  spare_outputs_.push_back(std::move(output));
}

std::string_view ListenerCore::date() {
  if (loop.now() >= date_due_) {
    date_due_ = loop.now() + std::chrono::seconds(1);
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    gmtime_r(&now, &utc);
    std::array<char, 64> text{};
    date_.assign(text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc));
  }
  return date_;
}

// ---- Connection

Connection::Connection(ListenerCore& core, int fd, bool loopback)
    : core_(core), fd_(fd), loopback_(loopback), interest_(EPOLLIN), index_(core.connections.size()) {
  core_.loop.watch(fd_, interest_, this);
  // Before its first bytes a connection has as long as a request's head may take.
  check_by(core_.loop.now() + core_.options.header_timeout);
}

Connection::~Connection() {
  if (state_ != State::dead) core_.loop.unwatch(fd_);
  core_.hold(std::exchange(held_, 0), 0);
  if (protocol_) protocol_->on_gone();
  protocol_.reset();
  close(fd_);
}

OutputQueue& Connection::output() {
  if (!output_) output_ = core_.take_output();
  write_soon();
  return *output_;
}

void Connection::write_soon() {
  if (write_pending_) return;
  write_pending_ = true;
  core_.write_at_end_of_round(*this);
}

void Connection::close_after_output() {
  if (state_ != State::open) return;
  state_ = State::flushing;
  write_soon();
}

void Connection::close_now() {
  if (state_ == State::dead) return;
  state_ = State::dead;
  core_.loop.unwatch(fd_);
  core_.wheel.disarm(*this);
  write_soon();
  core_.hold(std::exchange(held_, 0), 0);
}

void Connection::account() {
  if (state_ == State::dead) return;
  const std::size_t held = pending_output() + first_bytes_.size() + (protocol_ ? protocol_->held_bytes() : 0);
  if (held != held_) core_.hold(std::exchange(held_, held), held);
}

void Connection::pause_input(std::chrono::milliseconds pause) {
  read_due_ = core_.loop.now() + pause;
  update_interest();
  check_by(read_due_);
}

void Connection::check_by(EventLoop::Clock::time_point due) {
  if (armed() && due >= check_due_) return;
  check_due_ = due;
  core_.wheel.arm(*this, due);
}

void Connection::drain() {
  if (state_ != State::open) return;
  if (protocol_) {
    protocol_->drain();
  } else if (first_bytes_.empty()) {
    close_now();
  }
}

void Connection::update_interest() {
  if (state_ == State::dead) return;
  std::uint32_t wanted = 0;
  const bool paused = read_due_ != EventLoop::Clock::time_point::max();
  const bool reads =
      state_ == State::open ? !paused && (!protocol_ || (protocol_->wants_input() && !output_is_full())) : state_ == State::lingering;
  if (reads && !end_of_input_) wanted |= EPOLLIN;
  if (write_due_ != EventLoop::Clock::time_point::max()) wanted |= EPOLLOUT;
  if (wanted == interest_) return;
  interest_ = wanted;
  core_.loop.rewatch(fd_, interest_, this);
}

void Connection::on_io(std::uint32_t events) {
  if ((events & EPOLLERR) != 0 || ((events & EPOLLHUP) != 0 && (interest_ & EPOLLIN) == 0)) {
    close_now();
    return;
  }
  if ((events & EPOLLOUT) != 0) {
    write_due_ = EventLoop::Clock::time_point::max();
    write_soon();
  }
  if ((events & (EPOLLIN | EPOLLHUP)) != 0) read();
}

void Connection::read() {
  const ssize_t got = recv(fd_, core_.read_buffer.data(), core_.read_buffer.size(), 0);
  if (got < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) close_now();
    return;
  }
  if (got == 0) {
    end_of_input_ = true;
    if (state_ == State::lingering || !protocol_) {
      close_now();
    } else if (state_ == State::open) {
      protocol_->on_end_of_input();
    }
    update_interest();
    return;
  }
  if (state_ != State::open) return;
  const std::string_view bytes(core_.read_buffer.data(), static_cast<std::size_t>(got));
  if (protocol_) {
    protocol_->on_bytes(bytes);
  } else {
    choose_protocol(bytes);
  }
  account();
}

void Connection::choose_protocol(std::string_view bytes) {
  first_bytes_.append(bytes);
  const std::size_t compared = std::min(first_bytes_.size(), Http2::kPreface.size());
  if (std::string_view(first_bytes_).substr(0, compared) == Http2::kPreface.substr(0, compared)) {
    if (compared < Http2::kPreface.size()) return;
    protocol_ = std::make_unique<Http2>(*this);
  } else {
    protocol_ = std::make_unique<Http1>(*this);
  }
  const std::string first = std::move(first_bytes_);
  first_bytes_ = {};
  protocol_->on_bytes(first);
}

bool Connection::write() {
  const bool alive = write_output();
  account();
  return alive && state_ != State::dead;
}

bool Connection::write_output() {
  for (;;) {
    if (protocol_ && (state_ == State::open || state_ == State::flushing)) protocol_->produce();
    if (state_ == State::dead) return false;
    if (!output_ || output_->empty()) break;
    if (write_due_ != EventLoop::Clock::time_point::max()) return true;  // EPOLLOUT will say when
    switch (output_->write_to(fd_)) {
      case OutputQueue::Written::failed: close_now(); return false;
      case OutputQueue::Written::some:
        write_due_ = core_.loop.now() + core_.options.write_timeout;
        check_by(write_due_);
        update_interest();
        return true;
      case OutputQueue::Written::all: core_.give_back_output(std::move(output_)); break;
    }
  }
  if (output_) core_.give_back_output(std::move(output_));
  if (state_ == State::flushing) start_lingering();
  update_interest();
  return state_ != State::dead;
}

void Connection::start_lingering() {
  // Closing with unread bytes would reset the connection and take our answer with it (RFC 9112, 9.6).
  if (end_of_input_) {
    close_now();
    return;
  }
  state_ = State::lingering;
  shutdown(fd_, SHUT_WR);
  linger_due_ = core_.loop.now() + kLinger;
  check_by(linger_due_);
}

void Connection::on_timeout() {
  const auto now = core_.loop.now();
  check_due_ = EventLoop::Clock::time_point::max();
  if (now >= write_due_ || now >= linger_due_ || (!protocol_ && state_ == State::open)) {
    close_now();
    return;
  }
  if (now >= read_due_) {
    read_due_ = EventLoop::Clock::time_point::max();
    update_interest();
  }
  auto due = std::min({write_due_, linger_due_, read_due_});
  if (protocol_ && state_ == State::open) {
    if (now >= protocol_->deadline()) protocol_->on_timeout();
    if (state_ == State::dead) return;
    due = std::min(due, protocol_->deadline());
  }
  // Nothing to wait for while it is our turn: look again later.
  check_by(std::clamp(due, now + TimerWheel::kTick, now + core_.options.idle_timeout));
}

}  // namespace gauntlet::base::http
