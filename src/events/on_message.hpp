#pragma once
// The two OnMessage methods: bytes to an event, an event to the writer, the writer's verdict to an answer.
#include "base/clock.hpp"
#include "base/grpc/server.hpp"
#include "events/decoder.hpp"
#include "events/event_metrics.hpp"
#include "events/writer.hpp"

namespace gauntlet::events {

inline constexpr const char* kLoginService = "accelbyte.iam.account.v1.UserAuthenticationUserLoggedInService";
inline constexpr const char* kStatisticService = "accelbyte.social.statistic.v1.StatisticStatItemUpdatedService";

/// One a thread. Everything given outlives it.
class OnMessage {
 public:
  OnMessage(Decoder& decoder, Writer& writer, EventMetrics& metrics, bool buffered, base::WallClock clock = base::system_wall_clock());
  void add_methods(base::grpc::Server& server);

 private:
  void handle(const base::grpc::CallPtr& call, EventKind kind, base::Expected<Decoded> decoded);
  void answer(const base::grpc::CallPtr& call, EventKind kind, const base::Expected<void>& outcome);
  void finish(const base::grpc::CallPtr& call, EventKind kind, Outcome outcome);
  void refuse(const base::grpc::CallPtr& call, EventKind kind, Outcome outcome, base::ErrorKind code, std::string_view message);

  Decoder& decoder_;
  Writer& writer_;
  EventMetrics& metrics_;
  const bool buffered_;
  base::WallClock clock_;
};

}  // namespace gauntlet::events
