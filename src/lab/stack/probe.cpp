#include "lab/stack/probe.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "lab/process/launch.hpp"

namespace gauntlet::lab {
namespace {

/// PostgreSQL's start-up packet, protocol 3.0: length, version, "user\0postgres\0", end.
std::string postgres_startup() {
  std::string body("\0\3\0\0user\0postgres\0\0", 19);
  const auto size = htonl(static_cast<std::uint32_t>(body.size() + 4));
  std::string packet(sizeof size, '\0');
  std::memcpy(packet.data(), &size, sizeof size);
  return packet + body;
}

}  // namespace

Verdict judge(ProbeSpec::Kind kind, std::string_view received) {
  switch (kind) {
    case ProbeSpec::Kind::tcp: return Verdict::ready;
    case ProbeSpec::Kind::http: {
      static constexpr std::string_view kStatusAt = "HTTP/1.1 200";
      if (received.size() < kStatusAt.size()) return Verdict::undecided;
      return received.starts_with("HTTP/1.") && received.substr(8, 4) == " 200" ? Verdict::ready : Verdict::not_ready;
    }
    case ProbeSpec::Kind::postgres:
      // 'R' asks for authentication or grants it; 'E' is an error, such as "the database system is starting up".
      if (received.empty()) return Verdict::undecided;
      return received.front() == 'R' ? Verdict::ready : Verdict::not_ready;
    case ProbeSpec::Kind::redis:
      if (received.find("\r\n") == std::string_view::npos) return Verdict::undecided;
      return received.starts_with("+PONG") || received.starts_with("-NOAUTH") ? Verdict::ready : Verdict::not_ready;
  }
  return Verdict::not_ready;
}

std::string question_of(const ProbeSpec& probe) {
  switch (probe.kind) {
    case ProbeSpec::Kind::tcp: return "";
    case ProbeSpec::Kind::http:
      return fmt::format("GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n", probe.path, probe.port);
    case ProbeSpec::Kind::postgres: return postgres_startup();
    case ProbeSpec::Kind::redis: return "PING\r\n";
  }
  return "";
}

class Probe::Exchange : public base::IoHandler {
 public:
  Exchange(base::EventLoop& loop, const ProbeSpec& spec, std::chrono::milliseconds timeout, std::function<void(std::string)> done)
      : loop_(loop), spec_(spec), done_(std::move(done)), socket_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(spec.port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool going =
        socket_ && (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EINPROGRESS);
    if (!going) {
      timer_ = loop_.call_after({}, [this, why = reason(errno)] { timer_ = 0, finish(why); });
      return;
    }
    loop_.watch(socket_.get(), EPOLLOUT, this);
    watched_ = true;
    timer_ = loop_.call_after(timeout, [this, timeout] {
      timer_ = 0;
      finish(fmt::format("port {} does not answer within {} ms", spec_.port, timeout.count()));
    });
  }

  ~Exchange() override { release(); }

  void on_io(std::uint32_t) override {
    if (!sent_) {
      int failure = 0;
      socklen_t size = sizeof failure;
      ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &failure, &size);
      if (failure != 0) return finish(reason(failure));
      sent_ = true;
      const std::string question = question_of(spec_);
      if (question.empty()) return finish("");
      // A question fits any socket buffer whole.
      if (::send(socket_.get(), question.data(), question.size(), MSG_NOSIGNAL) < 0) return finish(reason(errno));
      loop_.rewatch(socket_.get(), EPOLLIN, this);
      return;
    }
    char chunk[512];
    const ssize_t size = ::recv(socket_.get(), chunk, sizeof chunk, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size < 0) return finish(reason(errno));
    if (size == 0) return finish(fmt::format("port {} closes the connection without an answer", spec_.port));
    received_.append(chunk, static_cast<std::size_t>(size));
    const Verdict verdict = judge(spec_.kind, received_);
    if (verdict == Verdict::ready) finish("");
    if (verdict == Verdict::not_ready) finish(fmt::format("port {} answers: {}", spec_.port, first_line()));
  }

 private:
  std::string reason(int error_number) const { return fmt::format("port {}: {}", spec_.port, std::strerror(error_number)); }

  std::string first_line() const {
    if (spec_.kind == ProbeSpec::Kind::postgres) return "the database system is not ready";
    return received_.substr(0, received_.find_first_of("\r\n"));
  }

  void release() {
    if (std::exchange(watched_, false)) loop_.unwatch(socket_.get());
    loop_.cancel(std::exchange(timer_, 0));
    socket_.close();
  }

  void finish(const std::string& why_not) {
    release();
    auto done = std::move(done_);
    done(why_not);  // may destroy this
  }

  base::EventLoop& loop_;
  const ProbeSpec spec_;
  std::function<void(std::string)> done_;
  Descriptor socket_;
  base::EventLoop::TimerId timer_ = 0;
  bool watched_ = false;
  bool sent_ = false;
  std::string received_;
};

Probe::Probe(base::EventLoop& loop, const ProbeSpec& spec, std::chrono::milliseconds timeout, std::function<void(std::string)> done)
    : exchange_(std::make_unique<Exchange>(loop, spec, timeout, std::move(done))) {}
Probe::~Probe() = default;

}  // namespace gauntlet::lab
