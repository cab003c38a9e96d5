#pragma once
// One gRPC call on the server. A handler gets a CallPtr, may keep it and answer later from the same thread; when the
// client has gone meanwhile the answer goes nowhere.
//
//   server.unary("/service.Service/ClaimGoalReward", [&](CallPtr call) {
//     service::ClaimRewardRequest request;
//     if (!call->parse(request)) return;                       // has failed the call already
//     claims.claim(..., [call](Expected<Receipt> receipt) { receipt ? call->finish(answer) :
//     call->fail(receipt.error()); });
//   });
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "base/error.hpp"
#include "base/event_loop.hpp"

namespace google::protobuf {
class MessageLite;
}

namespace gauntlet::base::grpc {

/// Owned by its pointers, pooled after. The count is not atomic: a CallPtr may be moved to another thread and back,
/// but is copied, used and released on its own thread only (loop() says which). A call whose last pointer goes
/// without an answer fails with INTERNAL, so that no client hangs.
class Call {
 public:
  /// "/service.Service/ClaimGoalReward"
  std::string_view method() const;
  /// The first request header of that lower-case name; "-bin" values are as received (base64).
  std::optional<std::string_view> metadata(std::string_view lower_case_name) const;
  /// How many request headers have that name.
  std::size_t metadata_occurrences(std::string_view lower_case_name) const;
  /// The request's bytes, uncompressed; valid until the call is answered. In a stream: the message just received.
  std::string_view message() const;
  /// Reads message() into `into`; when it does not parse, fails the call with INVALID_ARGUMENT and returns false.
  bool parse(google::protobuf::MessageLite& into);
  /// When the client stops waiting (grpc-timeout); nothing when it set no limit.
  std::optional<EventLoop::Clock::time_point> deadline() const;
  /// When the request had been read whole.
  EventLoop::Clock::time_point received() const;

  /// Answers OK with this one message.
  void finish(std::string_view message);
  void finish(const google::protobuf::MessageLite& message);
  /// Ends the call with OK and no further message: after send(), or for a stream without an answer.
  void finish();
  /// Ends the call with that status and message, of which clients see the first 2 KiB.
  void fail(const Error& error) { fail(error.kind, error.message); }
  void fail(ErrorKind kind, std::string_view message);

  /// Adds a message to a server stream. False, and the call has ended with RESOURCE_EXHAUSTED, when the client does
  /// not read and more than the server's max_buffered_stream_bytes wait.
  bool send(std::string_view message);
  bool send(const google::protobuf::MessageLite& message);

  bool finished() const;
  /// The client has cancelled, its connection has died, or the deadline has passed: work for it is wasted, and
  /// finish() and fail() do nothing.
  bool cancelled() const;
  /// Called once when cancelled() becomes true; replaces an earlier one, is forgotten when the call is answered.
  void on_cancel(std::function<void()> callback);

  EventLoop& loop() const;

  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

 private:
  friend class Server;
  friend class CallPool;
  struct State;
  Call();
  ~Call();
  friend void intrusive_ptr_add_ref(Call* call) { ++call->references_; }
  friend void intrusive_ptr_release(Call* call) {
    if (--call->references_ == 0) release(call);
  }
  static void release(Call* call);

  std::uint32_t references_ = 0;
  std::unique_ptr<State> state_;
};

using CallPtr = boost::intrusive_ptr<Call>;

}  // namespace gauntlet::base::grpc
