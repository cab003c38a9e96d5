#include "support/event_producer.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <unordered_map>
#include <utility>

namespace gauntlet::support {
namespace {

constexpr std::uint32_t kManyStreams = 100'000;

nghttp2_nv header(std::string_view name, std::string_view value) {
  // nghttp2 copies both unless told otherwise; its type is not const.
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())), reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())),
          name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

class EventProducer::Impl final : public base::IoHandler {
 public:
  Impl(base::EventLoop& loop, std::uint16_t port) : loop_(loop) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int one = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 && errno != EINPROGRESS) {
      close(std::exchange(fd_, -1));
      return;
    }
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_client_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kManyStreams}};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, 1);
    loop_.watch(fd_, EPOLLIN | EPOLLOUT, this);
  }

  ~Impl() override {
    if (flush_ != 0) loop_.cancel(flush_);
    if (fd_ >= 0) {
      loop_.unwatch(fd_);
      close(fd_);
    }
    nghttp2_session_del(session_);
  }

  void send(const char* method, std::string_view message, Answer answer) {
    if (fd_ < 0) return answer(kNoAnswer, "not connected");
    auto call = std::make_unique<Call>();
    call->body.push_back('\0');
    const auto size = static_cast<std::uint32_t>(message.size());
    for (const int shift : {24, 16, 8, 0}) call->body.push_back(static_cast<char>(size >> shift & 0xff));
    call->body.append(message);
    call->answer = std::move(answer);
    const std::array headers{header(":method", "POST"),
                             header(":scheme", "http"),
                             header(":path", method),
                             header(":authority", "127.0.0.1"),
                             header("content-type", "application/grpc"),
                             header("te", "trailers")};
    nghttp2_data_provider body{};
    body.source.ptr = call.get();
    body.read_callback = read_body;
    const std::int32_t stream = nghttp2_submit_request(session_, nullptr, headers.data(), headers.size(), &body, nullptr);
    if (stream < 0) return call->answer(kNoAnswer, nghttp2_strerror(stream));
    calls_.emplace(stream, std::move(call));
    if (flush_ == 0)
      flush_ = loop_.call_after(std::chrono::nanoseconds(0), [this] {
        flush_ = 0;
        write();
      });
  }

  std::size_t in_flight() const { return calls_.size(); }
  bool is_connected() const { return fd_ >= 0; }

  void on_io(std::uint32_t events) override {
    if ((events & EPOLLIN) != 0) {
      std::array<std::uint8_t, 65536> buffer;
      const ssize_t got = read(fd_, buffer.data(), buffer.size());
      if (got == 0 || (got < 0 && errno != EAGAIN)) return lose("connection closed");
      if (got > 0 && nghttp2_session_mem_recv(session_, buffer.data(), static_cast<std::size_t>(got)) < 0) return lose("protocol error");
    } else if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
      return lose("connection refused");
    }
    write();
  }

 private:
  struct Call {
    std::string body;
    std::size_t sent = 0;
    int status = kNoAnswer;
    std::string message;
    Answer answer;
  };

  static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* out, std::size_t room, std::uint32_t* flags,
                           nghttp2_data_source* source, void*) {
    Call& call = *static_cast<Call*>(source->ptr);
    const std::size_t size = std::min(room, call.body.size() - call.sent);
    std::memcpy(out, call.body.data() + call.sent, size);
    call.sent += size;
    if (call.sent == call.body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
    auto& calls = static_cast<Impl*>(self)->calls_;
    const auto found = calls.find(frame->hd.stream_id);
    if (found == calls.end()) return 0;
    const std::string_view key(reinterpret_cast<const char*>(name), name_size);
    const std::string text(reinterpret_cast<const char*>(value), value_size);
    if (key == "grpc-status") found->second->status = std::atoi(text.c_str());
    if (key == "grpc-message") found->second->message = decoded(text);
    return 0;
  }

  static int on_stream_close(nghttp2_session*, std::int32_t stream, std::uint32_t, void* self) {
    auto& calls = static_cast<Impl*>(self)->calls_;
    const auto found = calls.find(stream);
    if (found == calls.end()) return 0;
    const std::unique_ptr<Call> call = std::move(found->second);
    calls.erase(found);
    call->answer(call->status, call->message);
    return 0;
  }

  static std::string decoded(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '%' && i + 2 < text.size()) {
        out.push_back(static_cast<char>(std::strtol(text.substr(i + 1, 2).c_str(), nullptr, 16)));
        i += 2;
      } else {
        out.push_back(text[i]);
      }
    }
    return out;
  }

  void write() {
    while (fd_ >= 0) {
      if (pending_.empty()) {
        const std::uint8_t* data = nullptr;
        // Gathered, so that many calls leave in one system call.
        while (pending_.size() < 65536) {
          const ssize_t size = nghttp2_session_mem_send(session_, &data);
          if (size < 0) return lose("protocol error");
          if (size == 0) break;
          pending_.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
        }
        if (pending_.empty()) return watch(EPOLLIN);
      }
      const ssize_t sent = ::send(fd_, pending_.data(), pending_.size(), MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno == EAGAIN || errno == ENOTCONN) return watch(EPOLLIN | EPOLLOUT);
        return lose("connection lost");
      }
      pending_.erase(0, static_cast<std::size_t>(sent));
    }
  }

  void watch(std::uint32_t events) {
    if (std::exchange(watched_, events) != events) loop_.rewatch(fd_, events, this);
  }

  void lose(const char* why) {
    loop_.unwatch(fd_);
    close(std::exchange(fd_, -1));
    for (auto& [stream, call] : std::exchange(calls_, {})) call->answer(kNoAnswer, why);
  }

  base::EventLoop& loop_;
  int fd_ = -1;
  std::uint32_t watched_ = EPOLLIN | EPOLLOUT;
  nghttp2_session* session_ = nullptr;
  std::string pending_;
  base::EventLoop::TimerId flush_ = 0;
  std::unordered_map<std::int32_t, std::unique_ptr<Call>> calls_;
};

EventProducer::EventProducer(base::EventLoop& loop, std::uint16_t port) : impl_(std::make_unique<Impl>(loop, port)) {}
EventProducer::~EventProducer() = default;
void EventProducer::send(const char* method, std::string_view message, Answer answer) { impl_->send(method, message, std::move(answer)); }
std::size_t EventProducer::in_flight() const { return impl_->in_flight(); }
bool EventProducer::is_connected() const { return impl_->is_connected(); }

}  // namespace gauntlet::support
