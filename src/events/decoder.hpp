#pragma once
// From a message's bytes to an Event: parsed once, validated as the contract says, its stat code resolved.
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "events/event.hpp"
#include "events/goal_keys.hpp"

namespace gauntlet::events {

/// Which events are remembered by their id.
enum class Dedup {
  all,       // every event that carries an id
  counting,  // only those that some goal counts: applying a value twice changes nothing by itself
  off,
};

struct DecoderOptions {
  std::string name_space;  // AB_NAMESPACE; empty takes every namespace
  Dedup dedup = Dedup::all;
  int dedup_window_hours = 24;
};

/// Why an event is answered OK and has no effect.
enum class Ignored {
  other_namespace,
  no_goal,          // no goal listens to it
  impossible_user,  // no row can have such a user id (too long, or characters that PostgreSQL does not store)
};

struct Decoded {
  std::optional<Event> event;
  Ignored ignored = Ignored::no_goal;  // when there is no event
  bool value_skipped = false;          // the value is negative, infinite or no number, and some goal would have taken it
  bool increment_skipped = false;      // the increment is infinite or no number, and some goal takes the value that it led to
};

/// One a thread: parsing reuses its messages. `keys` outlives it.
class Decoder {
 public:
  Decoder(const GoalKeys& keys, DecoderOptions options);
  ~Decoder();

  /// accelbyte.iam.account.v1.UserLoggedIn. invalid_argument: garbage, or an empty userId.
  base::Expected<Decoded> login(std::string_view bytes, base::WallTime now);
  /// accelbyte.social.statistic.v1.StatItemUpdated. invalid_argument: garbage, empty userId or statCode, no payload.
  base::Expected<Decoded> stat_item_updated(std::string_view bytes, base::WallTime now);

 private:
  struct Messages;
  const GoalKeys& keys_;
  const DecoderOptions options_;
  std::unique_ptr<Messages> messages_;
};

/// The id of an event: `id` where it is a UUID (with or without dashes), else a digest of it and of what the event says,
/// since ids of that kind are not always unique. `time` is the event's own; when it is absent or further from `now` than `window_days` back
/// or a day ahead, the day of `now` is taken instead.
EventId make_event_id(std::string_view id, std::optional<postgres::Timestamp> time, const Event& event, std::string_view stat_code,
                      base::WallTime now, int window_days);

/// An RFC 3339 timestamp, to the microsecond; nothing when it is none.
std::optional<postgres::Timestamp> parse_timestamp(std::string_view timestamp);

}  // namespace gauntlet::events
