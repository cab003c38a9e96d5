#include "lab/stack/control_server.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/system_error.hpp"

namespace gauntlet::lab {
namespace {

using base::ErrorKind;

constexpr std::size_t kMaxCallers = 64;         // more wait in the listen queue
constexpr std::size_t kMaxRequest = 64 * 1024;  // bytes; ours are a hundred
constexpr time_t kAnswerTimeoutSeconds = 30;    // longer than any blocking step of the supervisor

sockaddr_un address_of(const std::filesystem::path& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);  // StackDirectory keeps it short enough
  return address;
}

}  // namespace

/// One connection: reads a line, answers, closes.
class ControlServer::Caller final : public base::IoHandler {
 public:
  Caller(ControlServer& server, Descriptor socket) : server_(server), socket_(std::move(socket)) {
    server_.loop_.watch(socket_.get(), EPOLLIN, this);
  }
  ~Caller() override { server_.loop_.unwatch(socket_.get()); }

  void on_io(std::uint32_t) override {
    char chunk[4096];
    const ssize_t size = ::recv(socket_.get(), chunk, sizeof chunk, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) return hang_up();
    request_.append(chunk, static_cast<std::size_t>(size));
    const auto end = request_.find('\n');
    if (end == std::string::npos) {
      if (request_.size() > kMaxRequest) hang_up();
      return;
    }
    const std::string answer = server_.answer_(request_.substr(0, end)) + "\n";
    // An answer of some kilobytes fits the socket's buffer; a caller that is gone does not matter.
    [[maybe_unused]] const auto sent = ::send(socket_.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    hang_up();
  }

 private:
  void hang_up() {
    server_.callers_.remove_if([this](const auto& caller) { return caller.get() == this; });  // destroys this
  }

  ControlServer& server_;
  Descriptor socket_;
  std::string request_;
};

base::Expected<std::unique_ptr<ControlServer>> ControlServer::listen(base::EventLoop& loop, const std::filesystem::path& socket,
                                                                     Answer answer) {
  Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_of(socket);
  ::unlink(socket.c_str());  // of a supervisor that was killed; we hold its lock
  if (!listener || ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(socket.c_str(), 0600) != 0 || ::listen(listener.get(), 16) != 0)
    return tl::unexpected(base::system_error(errno, "cannot listen on " + socket.string()));
  return std::unique_ptr<ControlServer>(new ControlServer(loop, std::move(listener), std::move(answer)));
}

ControlServer::ControlServer(base::EventLoop& loop, Descriptor listener, Answer answer)
    : loop_(loop), listener_(std::move(listener)), answer_(std::move(answer)) {
  loop_.watch(listener_.get(), EPOLLIN, this);
}

ControlServer::~ControlServer() {
  callers_.clear();
  loop_.unwatch(listener_.get());
}

void ControlServer::on_io(std::uint32_t) {
  Descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket) return;
  if (callers_.size() >= kMaxCallers) callers_.pop_front();  // the one that has been silent longest
  callers_.push_back(std::make_unique<Caller>(*this, std::move(socket)));
}

base::Error stack_not_up() { return {ErrorKind::unavailable, "the stack is not up: gauntlet up (or make dev-up) starts it"}; }

base::Expected<std::string> ask_supervisor(const std::filesystem::path& socket, const std::string& request) {
  Descriptor connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_of(socket);
  if (!connection || ::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == EACCES) return tl::unexpected(base::system_error(errno, "the stack belongs to another user (" + socket.string() + ")"));
    return tl::unexpected(stack_not_up());
  }
  const timeval timeout{kAnswerTimeoutSeconds, 0};
  ::setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  const std::string line = request + "\n";
  std::string answer;
  if (::send(connection.get(), line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size())) {
    char chunk[4096];
    for (;;) {
      const ssize_t size = ::recv(connection.get(), chunk, sizeof chunk, 0);
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) break;
      answer.append(chunk, static_cast<std::size_t>(size));
    }
  }
  if (answer.empty() || answer.back() != '\n')
    return base::fail(ErrorKind::unavailable, fmt::format("the supervisor hung up before it answered ({})", socket.string()));
  answer.pop_back();
  return answer;
}

}  // namespace gauntlet::lab
