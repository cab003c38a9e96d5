#pragma once
// gRPC over HTTP/2 as the protocol document says (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md):
// one connection to one server, kept and made anew when it is lost; unary calls and streams of opaque messages.
// Statuses and error texts are those that k6 shows.
//
//   GrpcClient client(dialer, loop, {.address = "127.0.0.1:6566"});
//   client.connect(std::chrono::seconds(60), [](std::optional<std::string> problem) { ... });
//   client.start(call, {.path = "/pkg.Service/Method", .timeout = ...}, message, true);   // call.on_end() follows
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.hpp"
#include "engine/net/dialer.hpp"
#include "engine/net/http2_session.hpp"

namespace gauntlet::engine::net {

/// Numbers of https://grpc.io/docs/guides/status-codes/.
namespace grpc_status {
constexpr int kOk = 0;
constexpr int kCancelled = 1;
constexpr int kUnknown = 2;
constexpr int kDeadlineExceeded = 4;
constexpr int kPermissionDenied = 7;
constexpr int kResourceExhausted = 8;
constexpr int kUnimplemented = 12;
constexpr int kInternal = 13;
constexpr int kUnavailable = 14;
constexpr int kUnauthenticated = 16;
}  // namespace grpc_status

/// "NotFound" for 5, as grpc-go prints codes; "Code(99)" for unknown ones.
std::string grpc_code_name(int code);

struct GrpcStatus {
  int code = grpc_status::kOk;
  std::string message;
  std::string details;  ///< grpc-status-details-bin, decoded: a serialised google.rpc.Status; empty without
};

/// Headers or trailers in the order of arrival, in one piece of memory. Values of "-bin" names are decoded.
class GrpcMetadata {
 public:
  struct Entry {
    std::string_view name;
    std::string_view value;
  };

  void clear();
  void add(std::string_view name, std::string_view value);
  std::size_t size() const { return entries_.size(); }
  Entry operator[](std::size_t index) const;

 private:
  struct Range {
    std::uint32_t begin, name_length, value_length;
  };
  std::string text_;
  std::vector<Range> entries_;
};

struct GrpcRequest {
  std::string_view path;  ///< "/pkg.Service/Method"
  /// Lower-case names; values of "-bin" names as they are (they are encoded here). Checked: see invalid_metadata().
  std::span<const GrpcMetadata::Entry> metadata;
  /// From start() on, the wait for a connection included; zero is no limit.
  std::chrono::nanoseconds timeout{0};
  /// Exactly one message is expected in an answer with status OK.
  bool unary = true;
};

/// What is wrong with metadata in grpc-go's words, or nothing.
std::optional<std::string> invalid_metadata(std::span<const GrpcMetadata::Entry> metadata);

class GrpcClient;

/// One call. Reusable after on_end() or cancel(); keeps its memory, so that a virtual user's next call costs no
/// allocation.
class GrpcCall : private Http2Exchange {
 public:
  GrpcCall() = default;
  ~GrpcCall() override;

  bool is_active() const { return client_ != nullptr; }
  /// Valid once the call has ended; headers as soon as the first message comes.
  const GrpcMetadata& headers() const { return headers_; }
  const GrpcMetadata& trailers() const { return trailers_; }
  const GrpcStatus& status() const { return status_; }
  base::EventLoop::Clock::time_point started() const { return started_; }
  base::EventLoop::Clock::time_point ended() const { return ended_; }

  /// Lets a message that could not be decoded end the call: the status becomes this one unless it is an error already.
  void fail_decoding(std::string problem);

 protected:
  /// A whole message, decompressed. Valid during the call, from within the connection's reading: cancel() is allowed.
  virtual void on_message(std::string_view message) = 0;
  /// Once, unless cancelled. May do anything, the client's destruction included.
  virtual void on_end() = 0;

 private:
  friend class GrpcClient;
  enum class Encoding : std::uint8_t { identity, gzip, other };

  void on_header(std::string_view name, std::string_view value) override;
  void on_headers_end(bool last) override;
  void on_data(std::string_view bytes) override;
  void on_finished(Http2Session& session, const Http2End& end) override;

  void reset(GrpcClient& client, const GrpcRequest& request);
  void reset_answer();
  void take_message(bool compressed, std::string_view message);
  void refuse(int code, std::string message);
  void conclude(Http2Session& session, const Http2End& end);
  void judge_http_status(bool last);

  GrpcClient* client_ = nullptr;
  GrpcCall* previous_ = nullptr;
  GrpcCall* next_ = nullptr;
  std::string path_;
  std::vector<std::pair<std::string, std::string>> metadata_;  // already encoded
  std::string outgoing_;  // framed messages: those of a call that waits for a connection, or may be sent again
  GrpcMetadata headers_;
  GrpcMetadata trailers_;
  GrpcStatus status_;
  std::string http_problem_;  // what is wrong with the answer's HTTP side; data is appended to it
  std::string encoding_name_;
  std::string partial_;       // a message of which not all has come
  base::EventLoop::Clock::time_point started_{};
  base::EventLoop::Clock::time_point ended_{};
  base::EventLoop::Clock::time_point deadline_{};
  std::chrono::nanoseconds timeout_{0};
  std::uint32_t messages_ = 0;
  int http_status_ = 0;
  Encoding encoding_ = Encoding::identity;
  std::uint8_t attempts_ = 0;
  bool unary_ = true;
  bool waiting_ = false;          // for a connection
  bool has_waited_ = false;
  bool resendable_ = false;       // outgoing_ is all there is to send
  bool sending_done_ = false;
  bool answer_begun_ = false;     // a header block was read
  bool is_trailers_ = false;      // the block being read comes after the first
  bool has_content_type_ = false;
  bool has_status_ = false;       // grpc-status, or our own verdict
  bool verdict_ = false;          // our own: what still comes does not change it
};

struct GrpcClientOptions {
  std::string address;    ///< "host:port"; IPv6 in brackets
  bool tls = false;
  std::shared_ptr<const TlsContext> tls_context;  ///< with tls: instead of the dialer's; shared by all VUs' clients
  std::string authority;  ///< instead of `address`, in the request and for the certificate
  std::size_t max_receive_bytes = 4 * 1024 * 1024;
  std::size_t max_send_bytes = 0x7fffffff;
  std::string user_agent;
};

/// One per script client. One thread; `dialer` and `loop` outlive it. Destroying it forgets active calls without
/// calling back.
class GrpcClient {
 public:
  /// Between attempts to connect, growing as gRPC's connection-backoff document says.
  static constexpr std::chrono::nanoseconds kFirstBackoff = std::chrono::seconds(1);
  static constexpr std::chrono::nanoseconds kLongestBackoff = std::chrono::seconds(120);

  using Connected = std::function<void(std::optional<std::string> problem)>;

  GrpcClient(Dialer& dialer, base::EventLoop& loop, GrpcClientOptions options);
  ~GrpcClient();
  GrpcClient(const GrpcClient&) = delete;
  GrpcClient& operator=(const GrpcClient&) = delete;

  const GrpcClientOptions& options() const { return options_; }
  /// The address of the connection's server, "127.0.0.1:6566"; empty while there is none.
  std::string remote() const;

  /// Makes the first connection and calls back once, not from inside this call. A refused connection fails at once;
  /// a server that answers, but not in HTTP/2 or TLS, is tried again until `timeout`.
  void connect(std::chrono::nanoseconds timeout, Connected done);

  /// Starts a call. Without a connection (it was lost) it waits for a new one; while the server cannot be reached it
  /// fails. `call` must live until on_end() or cancel(); on_end() does not come from inside this.
  /// With `complete` nothing is sent after `message` (nullptr: none yet, for streams).
  void start(GrpcCall& call, const GrpcRequest& request, const std::string_view* message, bool complete);
  /// A further message of a stream. False, and the call ends, when it is larger than max_send_bytes.
  bool send(GrpcCall& call, std::string_view message);
  /// No more messages from our side.
  void finish_sending(GrpcCall& call);
  /// Ends a call for the server too and forgets it, without on_end().
  void cancel(GrpcCall& call);

 private:
  friend class GrpcCall;
  class Connection;
  enum class State : std::uint8_t { idle, connecting, ready, failing };

  void dial();
  void on_dialed(Dialed dialed);
  void on_ready(Connection& connection);
  void on_closed(Connection& connection);
  void connection_failed(std::string problem, bool try_again);
  void report_connected(std::optional<std::string> problem);
  void schedule_redial();
  void submit(GrpcCall& call);
  void begin_waiting_calls();
  void end_call(GrpcCall& call);
  void end_soon(GrpcCall& call, int code, std::string message);
  void arm_deadline(base::EventLoop::Clock::time_point deadline);
  void expire_calls();
  void link(GrpcCall& call);
  void unlink(GrpcCall& call);
  Connection* usable_connection();

  Dialer& dialer_;
  base::EventLoop& loop_;
  GrpcClientOptions options_;
  std::string host_;
  std::string authority_;
  std::uint16_t port_ = 0;
  State state_ = State::idle;
  std::optional<Dialer::DialId> dialing_;
  std::vector<std::unique_ptr<Connection>> connections_;  // the newest last; older ones finish their calls
  GrpcCall* first_call_ = nullptr;  // all active ones, the oldest first
  GrpcCall* last_call_ = nullptr;
  Connected connected_;
  std::string problem_;  // of the last attempt to connect
  std::chrono::nanoseconds backoff_ = kFirstBackoff;
  base::EventLoop::Clock::time_point connect_deadline_{};
  base::EventLoop::Clock::time_point next_deadline_{};  // when deadline_timer_ fires
  base::EventLoop::TimerId deadline_timer_ = 0;
  base::EventLoop::TimerId redial_timer_ = 0;
  base::EventLoop::TimerId connect_timer_ = 0;
  std::shared_ptr<GrpcClient*> self_;  // emptied when destroyed; shared with tasks posted to the loop
};

}  // namespace gauntlet::engine::net
