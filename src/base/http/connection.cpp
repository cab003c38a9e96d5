#include "base/http/connection.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include "base/http/http1.hpp"
#include "base/http/http2.hpp"
#include "base/http/stream.hpp"

namespace gauntlet::base::http {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr int kReadsPerRound = 8;  // then others have their turn
constexpr std::size_t kSpareOutputs = 64;
constexpr std::size_t kKeptOutputBytes = 256 * 1024;
constexpr std::chrono::milliseconds kLinger{2'000};

}  // namespace

// ---- ListenerCore

ListenerCore::ListenerCore(EventLoop& its_loop, ListenerOptions its_options, const Router& its_router,
                           StreamService* its_streams)
    : loop(its_loop),
      options(std::move(its_options)),
      router(its_router),
      streams(its_streams),
      wheel(its_loop),
      exchanges(std::make_shared<ExchangePool>(its_loop, options.observer)),
      read_buffer(kReadBytes) {}

ListenerCore::~ListenerCore() {
  *alive_ = false;
  connections.clear();
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
  const bool reads = state_ == State::open ? !protocol_ || (protocol_->wants_input() && !output_is_full())
                                           : state_ == State::lingering;
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
  for (int i = 0; i < kReadsPerRound; ++i) {
    const ssize_t got = recv(fd_, core_.read_buffer.data(), core_.read_buffer.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) close_now();
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
    if (state_ != State::open && state_ != State::lingering) return;
    const std::string_view bytes(core_.read_buffer.data(), static_cast<std::size_t>(got));
    if (state_ == State::open) {
      if (protocol_) {
        protocol_->on_bytes(bytes);
      } else {
        choose_protocol(bytes);
      }
    }
    // A short read has emptied the socket: asking again would only cost a system call.
    if (bytes.size() < core_.read_buffer.size() || (interest_ & EPOLLIN) == 0 || state_ == State::dead) return;
  }
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
  for (;;) {
    if (protocol_ && (state_ == State::open || state_ == State::flushing)) protocol_->produce();
    if (state_ == State::dead) return false;
    if (!output_ || output_->empty()) break;
    if (write_due_ != EventLoop::Clock::time_point::max()) return true;  // EPOLLOUT will say when
    switch (output_->write_to(fd_)) {
      case OutputQueue::Written::failed:
        close_now();
        return false;
      case OutputQueue::Written::some:
        write_due_ = core_.loop.now() + core_.options.write_timeout;
        check_by(write_due_);
        update_interest();
        return true;
      case OutputQueue::Written::all:
        core_.give_back_output(std::move(output_));
        break;
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
  auto due = std::min(write_due_, linger_due_);
  if (protocol_ && state_ == State::open) {
    if (now >= protocol_->deadline()) protocol_->on_timeout();
    if (state_ == State::dead) return;
    due = std::min(due, protocol_->deadline());
  }
  // Nothing to wait for while it is our turn: look again later.
  check_by(std::clamp(due, now + TimerWheel::kTick, now + core_.options.idle_timeout));
}

}  // namespace gauntlet::base::http
