#pragma once
// Sends events over gRPC as the platform does: one HTTP/2 connection, many unary calls in flight. Stands on nghttp2
// alone, so that the handler's listener is not tested against its own code.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/event_loop.hpp"

namespace gauntlet::support {

inline constexpr const char* kLoginMethod = "/accelbyte.iam.account.v1.UserAuthenticationUserLoggedInService/OnMessage";
inline constexpr const char* kStatisticMethod = "/accelbyte.social.statistic.v1.StatisticStatItemUpdatedService/OnMessage";

/// Belongs to its loop's thread; `loop` outlives it.
class EventProducer {
 public:
  static constexpr int kNoAnswer = -1;  // the connection died first
  /// The gRPC status, or kNoAnswer; and its message, decoded from percent encoding where there is any.
  using Answer = std::function<void(int status, const std::string& message)>;

  /// Connects to 127.0.0.1; a refused connection shows as kNoAnswer of every call.
  EventProducer(base::EventLoop& loop, std::uint16_t port);
  /// Forgets what is in flight without answering it.
  ~EventProducer();
  EventProducer(const EventProducer&) = delete;
  EventProducer& operator=(const EventProducer&) = delete;

  /// Sends one message (the bytes of the protobuf message, without gRPC's prefix). `method` must outlive the call. The
  /// answer may come from inside when the connection is dead.
  void send(const char* method, std::string_view message, Answer answer);
  std::size_t in_flight() const;
  bool is_connected() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gauntlet::support
