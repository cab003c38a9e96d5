#pragma once
// One gRPC call on an HTTP/2 stream: what it sends and what becomes of the answer, as the protocol document says
// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). GrpcClient has the connection.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/event_loop.hpp"
#include "engine/wire/http/http2_session.hpp"

namespace gauntlet::engine::wire {

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
/// Why there is no connection, in grpc-go's words.
std::string grpc_connection_error(std::string_view problem);

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

  /// Leaves what the server sends undecoded from the next message on, from inside on_message(), too: when nobody takes it
  /// for now. The server may go on only until HTTP/2's window is full. An end that comes meanwhile waits behind it.
  void pause() { is_paused_ = true; }
  /// Not from inside on_message(), which comes from here, as may on_end().
  void resume();
  bool is_paused() const { return is_paused_; }

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
  std::size_t on_data(std::string_view bytes) override;
  void on_finished(Http2Session& session, const Http2End& end) override;

  void reset(GrpcClient& client, const GrpcRequest& request);
  void reset_answer();
  /// Gives the number of bytes that were read: all unless paused.
  std::size_t read(std::string_view bytes);
  void take_message(bool compressed, std::string_view message);
  void refuse(int code, std::string message);
  /// How the exchange ended, in words that outlive its session.
  struct End {
    Http2End http;
    std::string loss;
    std::string goaway;
  };
  void conclude(const End& end);
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
  std::string http_problem_;  // what is wrong with the answer's HTTP side
  bool http_problem_quotes_data_ = false;
  std::string encoding_name_;
  std::string partial_;             // a message of which not all has come
  std::string undecoded_;           // what came during a pause: at most the stream's window
  std::optional<End> waiting_end_;  // behind that
  base::EventLoop::Clock::time_point started_{};
  base::EventLoop::Clock::time_point ended_{};
  base::EventLoop::Clock::time_point deadline_{};
  std::chrono::nanoseconds timeout_{0};
  std::uint32_t messages_ = 0;
  int http_status_ = 0;
  Encoding encoding_ = Encoding::identity;
  std::uint8_t attempts_ = 0;
  bool unary_ = true;
  bool waiting_ = false;  // for a connection
  bool has_waited_ = false;
  bool resendable_ = false;  // outgoing_ is all there is to send
  bool sending_done_ = false;
  bool answer_begun_ = false;  // a header block was read
  bool is_trailers_ = false;   // the block being read comes after the first
  bool has_content_type_ = false;
  bool has_status_ = false;  // grpc-status, or our own verdict
  bool is_paused_ = false;
  bool verdict_ = false;  // our own: what still comes does not change it
};

}  // namespace gauntlet::engine::wire
