#include "events/on_message.hpp"

#include <string>

#include "base/log.hpp"

namespace gauntlet::events {
namespace {

using base::ErrorKind;
using base::grpc::CallPtr;

/// google.protobuf.Empty.
constexpr std::string_view kEmpty;

Outcome outcome_of(Ignored ignored) {
  switch (ignored) {
    case Ignored::other_namespace: return Outcome::other_namespace;
    case Ignored::impossible_user: return Outcome::impossible_user;
    case Ignored::no_goal: break;
  }
  return Outcome::no_goal;
}

}  // namespace

OnMessage::OnMessage(Decoder& decoder, Writer& writer, EventMetrics& metrics, bool buffered, base::WallClock clock)
    : decoder_(decoder), writer_(writer), metrics_(metrics), buffered_(buffered), clock_(std::move(clock)) {}

void OnMessage::add_methods(base::grpc::Server& server) {
  server.unary(std::string("/") + kLoginService + "/OnMessage",
               [this](CallPtr call) { handle(call, EventKind::login, decoder_.login(call->message(), clock_())); });
  server.unary(std::string("/") + kStatisticService + "/OnMessage",
               [this](CallPtr call) { handle(call, EventKind::statistic, decoder_.stat_item_updated(call->message(), clock_())); });
}

void OnMessage::handle(const CallPtr& call, EventKind kind, base::Expected<Decoded> decoded) {
  if (!decoded) {
    metrics_.invalid(kind, decoded.error().message);
    return refuse(call, kind, Outcome::invalid, decoded.error().kind, decoded.error().message);
  }
  if (!decoded->event) {
    if (decoded->ignored == Ignored::impossible_user) {
      static base::log::Limit limit(2);
      base::log::warn(limit, "event ignored: no player can have such a user id");
    }
    return finish(call, kind, outcome_of(decoded->ignored));
  }
  if (decoded->value_skipped || decoded->increment_skipped) {
    metrics_.value_skipped();
    static base::log::Limit limit(2);
    base::log::warn(limit,
                    decoded->value_skipped ? "value skipped: it is negative, infinite or no number"
                                           : "increment skipped: it is infinite or no number, and counts as 0",
                    {{"user", decoded->event->user_id}, {"value", decoded->event->value}, {"increment", decoded->event->increment}});
  }
  if (base::log::enabled(base::log::Level::debug)) {
    Event& event = *decoded->event;
    if (const auto parent = call->metadata("traceparent")) event.trace = *parent;
    base::log::debug("event taken", {{"trace", event.trace}, {"user", event.user_id}, {"key", event.key}, {"value", event.value}});
  }
  writer_.submit(std::move(*decoded->event), [this, call, kind](const base::Expected<void>& outcome) { answer(call, kind, outcome); });
}

void OnMessage::answer(const CallPtr& call, EventKind kind, const base::Expected<void>& outcome) {
  if (outcome) return finish(call, kind, buffered_ ? Outcome::buffered : Outcome::committed);
  // Details of the database stay in the log.
  switch (outcome.error().kind) {
    case ErrorKind::unavailable:
      return refuse(call, kind, Outcome::unavailable, ErrorKind::unavailable, "PostgreSQL is not available; deliver the event again");
    case ErrorKind::resource_exhausted:
      return refuse(call, kind, Outcome::refused, ErrorKind::resource_exhausted,
                    "too many events wait to be committed, or were refused; deliver the event again");
    default: return refuse(call, kind, Outcome::failed, ErrorKind::internal, "Database error occurred");
  }
}

void OnMessage::finish(const CallPtr& call, EventKind kind, Outcome outcome) {
  metrics_.ended(kind, outcome, call->loop().now() - call->received());
  call->finish(kEmpty);
}

void OnMessage::refuse(const CallPtr& call, EventKind kind, Outcome outcome, ErrorKind code, std::string_view message) {
  metrics_.ended(kind, outcome, call->loop().now() - call->received());
  call->fail(code, message);
}

}  // namespace gauntlet::events
