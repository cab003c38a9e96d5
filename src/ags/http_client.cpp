#include "ags/http_client.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <cassert>
#include <unordered_map>

#include "base/curl.hpp"

namespace gauntlet::ags {

using base::ErrorKind;
using base::Expected;
using base::fail;
using std::chrono::milliseconds;

namespace {

/// Whether the server may have seen some of the request: libcurl had a connection and was asked to write to it.
bool may_have_been_sent(CURL* handle) {
  long bytes_sent = 0;
  curl_off_t sending_began_us = 0;
  curl_easy_getinfo(handle, CURLINFO_REQUEST_SIZE, &bytes_sent);
  curl_easy_getinfo(handle, CURLINFO_PRETRANSFER_TIME_T, &sending_began_us);
  return bytes_sent != 0 || sending_began_us != 0;
}

ErrorKind kind_of(CURL* handle, CURLcode code) {
  if (!may_have_been_sent(handle)) return ErrorKind::unavailable;
  return code == CURLE_OPERATION_TIMEDOUT ? ErrorKind::deadline_exceeded : ErrorKind::unknown;
}

}  // namespace

struct HttpClient::State {
  /// One request under way.
  struct Transfer {
    State* state = nullptr;
    base::CurlHandle curl;
    HttpRequest request;
    HttpReply reply;
    std::function<void(Expected<HttpReply>)> done;
    bool too_long = false;
  };

  /// A socket that libcurl wants watched.
  struct Socket final : base::IoHandler {
    State* state = nullptr;
    int fd = -1;
    void on_io(std::uint32_t events) override {
      int what = 0;
      if ((events & (EPOLLIN | EPOLLHUP)) != 0) what |= CURL_CSELECT_IN;
      if ((events & EPOLLOUT) != 0) what |= CURL_CSELECT_OUT;
      if ((events & EPOLLERR) != 0) what |= CURL_CSELECT_ERR;
      state->act(fd, what);  // may remove this socket
    }
  };

  State(base::EventLoop& the_loop, HttpLimits the_limits) : loop(the_loop), limits(the_limits) {
    multi = curl_multi_init();
    sessions = curl_share_init();
    assert(multi != nullptr && sessions != nullptr);
    curl_share_setopt(sessions, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &State::watch_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &State::set_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(limits.max_connections_per_host));
  }

  ~State() {
    loop.cancel(timer);
    for (const auto& [handle, transfer] : transfers) curl_multi_remove_handle(multi, handle);
    transfers.clear();
    curl_multi_cleanup(multi);  // closes kept connections, through watch_socket
    curl_share_cleanup(sessions);
    for (const auto& [fd, socket] : sockets) loop.unwatch(fd);
  }

  static int watch_socket(CURL*, curl_socket_t fd, int what, void* self, void*) {
    State& state = *static_cast<State*>(self);
    const auto found = state.sockets.find(fd);
    if (what == CURL_POLL_REMOVE) {
      if (found != state.sockets.end()) {
        state.loop.unwatch(fd);
        // The handler may be the one that is running.
        state.removed_sockets.push_back(std::move(found->second));
        state.sockets.erase(found);
      }
      return 0;
    }
    const std::uint32_t events = ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0u) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0u);
    if (found != state.sockets.end()) {
      state.loop.rewatch(fd, events, found->second.get());
      return 0;
    }
    auto socket = std::make_unique<Socket>();
    socket->state = &state;
    socket->fd = fd;
    state.loop.watch(fd, events, socket.get());
    state.sockets.emplace(fd, std::move(socket));
    return 0;
  }

  static int set_timer(CURLM*, long timeout_ms, void* self) {
    State& state = *static_cast<State*>(self);
    state.loop.cancel(state.timer);
    state.timer = 0;
    if (timeout_ms >= 0) {
      state.timer = state.loop.call_after(milliseconds(timeout_ms), [&state] { state.act(CURL_SOCKET_TIMEOUT, 0); });
    }
    return 0;
  }

  static std::size_t take_body(char* data, std::size_t size, std::size_t count, void* self) {
    Transfer& transfer = *static_cast<Transfer*>(self);
    if (transfer.reply.body.size() + size * count > transfer.state->limits.max_reply_bytes) {
      transfer.too_long = true;
      return 0;  // anything but the whole ends the transfer
    }
    transfer.reply.body.append(data, size * count);
    return size * count;
  }

  void act(int fd, int what) {
    int running = 0;
    curl_multi_socket_action(multi, fd, what, &running);
    finish_transfers();
    removed_sockets.clear();
  }

  void finish_transfers() {
    // Callbacks may send further requests, so each transfer is out of libcurl's hands before its callback runs.
    std::vector<std::pair<std::unique_ptr<Transfer>, CURLcode>> finished;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* const handle = message->easy_handle;
      const CURLcode code = message->data.result;
      curl_multi_remove_handle(multi, handle);
      const auto found = transfers.find(handle);
      finished.emplace_back(std::move(found->second), code);
      transfers.erase(found);
    }
    for (auto& [transfer, code] : finished) finish(*transfer, code);
  }

  void finish(Transfer& transfer, CURLcode code) {
    if (code == CURLE_OK) {
      transfer.reply.status = transfer.curl.status();
      curl_header* found = nullptr;
      transfer.reply.retry_after = curl_easy_header(transfer.curl.get(), "Retry-After", 0, CURLH_HEADER, -1, &found) == CURLHE_OK;
      return transfer.done(std::move(transfer.reply));
    }
    const std::string what = transfer.request.method + " " + transfer.request.url + ": ";
    if (transfer.too_long) return transfer.done(fail(ErrorKind::unknown, what + "the reply is too long"));
    transfer.done(fail(kind_of(transfer.curl.get(), code), what + transfer.curl.reason_of(code)));
  }

  base::EventLoop& loop;
  HttpLimits limits;
  CURLM* multi = nullptr;
  CURLSH* sessions = nullptr;  // of TLS, resumed by new connections
  base::EventLoop::TimerId timer = 0;
  std::unordered_map<int, std::unique_ptr<Socket>> sockets;
  std::vector<std::unique_ptr<Socket>> removed_sockets;
  std::unordered_map<CURL*, std::unique_ptr<Transfer>> transfers;
};

HttpClient::HttpClient(base::EventLoop& loop, HttpLimits limits) : state_(std::make_shared<State>(loop, limits)) {}
HttpClient::~HttpClient() = default;

void HttpClient::send(HttpRequest request, base::EventLoop::Clock::time_point deadline, std::function<void(Expected<HttpReply>)> done) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - base::EventLoop::Clock::now());
  if (left.count() <= 0) {
    // A process that was stopped meanwhile must not ask for what others have decided since.
    state_->loop.call_after(milliseconds(0),
                            [state = std::weak_ptr(state_), what = request.method + " " + request.url, done = std::move(done)] {
                              if (!state.expired()) done(fail(ErrorKind::unavailable, what + ": not sent, there is no time left"));
                            });
    return;
  }
  auto transfer = std::make_unique<State::Transfer>();
  transfer->state = state_.get();
  transfer->request = std::move(request);
  transfer->done = std::move(done);
  base::CurlHandle& curl = transfer->curl;
  curl.begin(transfer->request.url, transfer->request.headers, left);
  curl.set(CURLOPT_CUSTOMREQUEST, transfer->request.method.c_str());
  if (!transfer->request.body.empty() || transfer->request.method != "GET") curl.send_body(transfer->request.body);
  if (transfer->request.method != "GET") {
    // Neither of libcurl's reasons to send again by itself comes up: a kept connection that has died, and what HTTP/2 says of
    // a single stream.
    curl.set(CURLOPT_FRESH_CONNECT, 1L);
    curl.set(CURLOPT_FORBID_REUSE, 1L);
    curl.set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  }
  curl.set(CURLOPT_SHARE, state_->sessions);
  curl.set(CURLOPT_WRITEFUNCTION, &State::take_body);
  curl.set(CURLOPT_WRITEDATA, transfer.get());
  curl.set(CURLOPT_TCP_KEEPALIVE, 1L);
  curl.set(CURLOPT_PATH_AS_IS, 1L);  // "/users/../wallets" is asked as it stands, not as "/wallets"
  curl.set(CURLOPT_USERAGENT, "gauntlet");
  State& state = *state_;
  CURL* const handle = curl.get();
  state.transfers.emplace(handle, std::move(transfer));
  curl_multi_add_handle(state.multi, handle);  // starts through set_timer
}

}  // namespace gauntlet::ags
