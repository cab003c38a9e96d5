#pragma once
// An HTTP/2 client of nghttp2 alone for tests: it sends what it is told and keeps what it gets.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unit/base/http/test_server.hpp"

namespace gauntlet::base::http {

class Http2Client {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;
  struct Stream {
    std::map<std::string, std::string> headers;  // of answer and trailers
    std::string data;
    bool closed = false;
    std::uint32_t code = 0;            // of RST_STREAM
    std::vector<std::string> to_send;  // one DATA frame each
    bool ends = false;                 // END_STREAM after them
    std::string header(const std::string& name) const {
      const auto found = headers.find(name);
      return found == headers.end() ? "" : found->second;
    }
  };

  explicit Http2Client(std::uint16_t port, std::vector<nghttp2_settings_entry> settings = {}) : socket_(port) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_client_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    flush();
  }
  ~Http2Client() { nghttp2_session_del(session_); }
  Http2Client(const Http2Client&) = delete;
  Http2Client& operator=(const Http2Client&) = delete;

  /// Starts a request; its body follows by send_data() where `ends` is false.
  std::int32_t start(std::string_view method, std::string_view path, const Headers& headers = {}, bool ends = true) {
    Headers all{{":method", std::string(method)}, {":scheme", "http"}, {":path", std::string(path)}, {":authority", "h"}};
    all.insert(all.end(), headers.begin(), headers.end());
    std::vector<nghttp2_nv> values;
    for (auto& [name, value] : all) values.push_back({bytes(name), bytes(value), name.size(), value.size(), 0});
    nghttp2_data_provider body{};
    body.read_callback = read_data;
    const std::int32_t id = nghttp2_submit_request(session_, nullptr, values.data(), values.size(), ends ? nullptr : &body, nullptr);
    streams_[id].ends = ends;
    flush();
    return id;
  }
  void send_data(std::int32_t id, std::string data, bool ends) {
    Stream& stream = streams_[id];
    if (!data.empty()) stream.to_send.push_back(std::move(data));
    stream.ends = ends;
    nghttp2_session_resume_data(session_, id);
    flush();
  }
  void reset(std::int32_t id) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    flush();
  }
  /// A whole request and its whole answer.
  Stream& exchange(std::string_view method, std::string_view path, const Headers& headers = {}, const std::string& body = {}) {
    const std::int32_t id = start(method, path, headers, body.empty());
    if (!body.empty()) send_data(id, body, true);
    return wait(id);
  }
  Stream& wait(std::int32_t id) {
    run_until([&] { return streams_[id].closed; });
    return streams_[id];
  }
  /// Receives until `done`; a failure where the connection ends or nothing comes for 10 s.
  void run_until(const std::function<bool()>& done) {
    while (!done()) {
      if (!receive()) {
        ADD_FAILURE() << "the connection ended";
        return;
      }
    }
  }
  /// Receives until the server closes; true when it does within the test's patience.
  bool runs_to_the_end() {
    while (receive()) {
    }
    return ended_;
  }
  bool receive() {
    if (!socket_.readable(10'000)) return false;
    std::array<std::uint8_t, 65536> data;
    const ssize_t got = recv(socket_.fd(), data.data(), data.size(), 0);
    if (got <= 0) {
      ended_ = true;
      return false;
    }
    if (nghttp2_session_mem_recv(session_, data.data(), static_cast<std::size_t>(got)) < 0) return false;
    flush();
    return true;
  }
  void flush() {
    const std::uint8_t* data = nullptr;
    for (ssize_t size = 0; (size = nghttp2_session_mem_send(session_, &data)) > 0;) {
      if (!socket_.send({reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)})) return;
    }
  }

  Stream& stream(std::int32_t id) { return streams_[id]; }
  Socket& socket() { return socket_; }
  nghttp2_session* session() { return session_; }
  int goaways() const { return goaways_; }
  std::uint32_t goaway_code() const { return goaway_code_; }

 private:
  static std::uint8_t* bytes(std::string& text) { return reinterpret_cast<std::uint8_t*>(text.data()); }
  static Http2Client& self(void* data) { return *static_cast<Http2Client*>(data); }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* data) {
    self(data).streams_[frame->hd.stream_id].headers.insert_or_assign(std::string(reinterpret_cast<const char*>(name), name_size),
                                                                      std::string(reinterpret_cast<const char*>(value), value_size));
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t size, void* data) {
    self(data).streams_[id].data.append(reinterpret_cast<const char*>(bytes), size);
    return 0;
  }
  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* data) {
    self(data).streams_[id].closed = true;
    self(data).streams_[id].code = code;
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* data) {
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      ++self(data).goaways_;
      self(data).goaway_code_ = frame->goaway.error_code;
    }
    return 0;
  }
  static ssize_t read_data(nghttp2_session*, std::int32_t id, std::uint8_t* to, std::size_t limit, std::uint32_t* flags,
                           nghttp2_data_source*, void* data) {
    Stream& stream = self(data).streams_[id];
    if (stream.to_send.empty()) {
      if (!stream.ends) return NGHTTP2_ERR_DEFERRED;
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      return 0;
    }
    std::string& first = stream.to_send.front();
    const std::size_t size = std::min(limit, first.size());
    std::memcpy(to, first.data(), size);
    first.erase(0, size);
    if (first.empty()) stream.to_send.erase(stream.to_send.begin());
    if (stream.to_send.empty() && stream.ends) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  }

  Socket socket_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, Stream> streams_;
  int goaways_ = 0;
  std::uint32_t goaway_code_ = 0;
  bool ended_ = false;
};

}  // namespace gauntlet::base::http
