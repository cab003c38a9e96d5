#include "events/decoder.hpp"

#include <google/protobuf/stubs/logging.h>
#include <openssl/sha.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstring>

#include "base/log.hpp"
#include "base/rfc3339.hpp"
#include "base/text.hpp"
#include "base/uuid.hpp"
#include "challenge/progress.hpp"
#include "challenge/user_id.hpp"
#include "iam/account/v1/account.pb.h"
#include "social/statistic/v1/statistic.pb.h"

namespace gauntlet::events {
namespace {

using base::ErrorKind;
using std::chrono::days;

/// 16 bytes of the SHA-256 of the fields, each preceded by its length.
postgres::Uuid digest(std::initializer_list<std::string_view> fields) {
  std::string all;
  for (const std::string_view field : fields) all.append(std::to_string(field.size())).append(":").append(field);
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(all.data()), all.size(), hash);
  postgres::Uuid uuid;
  std::memcpy(uuid.bytes.data(), hash, uuid.bytes.size());
  return uuid;
}

std::string_view bytes_of(const double& value) { return {reinterpret_cast<const char*>(&value), sizeof value}; }

/// In microseconds, not WallTime: its nanoseconds end in the year 2262, a message's four digits in 9999.
std::int32_t day_of(std::chrono::sys_time<std::chrono::microseconds> time) {
  return static_cast<std::int32_t>(std::chrono::floor<days>(time).time_since_epoch().count());
}

}  // namespace

std::optional<postgres::Timestamp> parse_timestamp(std::string_view text) {
  const auto time = base::parse_rfc3339(text);
  if (!time) return std::nullopt;
  return postgres::Timestamp{std::chrono::microseconds(time->second.time_since_epoch()).count() + time->nanoseconds / 1000};
}

EventId make_event_id(std::string_view id, std::optional<postgres::Timestamp> time, const Event& event, std::string_view stat_code,
                      base::WallTime now, int window_days) {
  EventId made;
  if (const auto uuid = base::parse_uuid(id)) made.uuid = *uuid;
  else made.uuid = digest({id, event.user_id, stat_code, bytes_of(event.value), bytes_of(event.increment)});
  using std::chrono::microseconds;
  const std::int32_t today = day_of(std::chrono::floor<microseconds>(now));
  const std::int32_t day = time ? day_of(std::chrono::sys_time<microseconds>(microseconds(time->microseconds))) : 0;
  made.arrival_day = !time || day < today - window_days - 1 || day > today + 1;
  made.day = {made.arrival_day ? today : day};
  return made;
}

struct Decoder::Messages {
  accelbyte::iam::account::v1::UserLoggedIn login;
  accelbyte::social::statistic::v1::StatItemUpdated stat;
};

Decoder::Decoder(const GoalKeys& keys, DecoderOptions options)
    : keys_(keys), options_(std::move(options)), messages_(std::make_unique<Messages>()) {
  // protobuf prints a line for each text that is not UTF-8; garbage is counted and answered, not printed.
  google::protobuf::SetLogHandler(nullptr);
}
Decoder::~Decoder() = default;

namespace {

bool is_other_namespace(const DecoderOptions& options, std::string_view name_space) {
  return !options.name_space.empty() && name_space != options.name_space;
}

/// When the event happened, as far as its values' order goes.
std::optional<postgres::Timestamp> time_of(std::optional<postgres::Timestamp> time, base::WallTime now) {
  if (!time) return time;
  const auto arrival = std::chrono::floor<std::chrono::microseconds>(now).time_since_epoch().count();
  return postgres::Timestamp{std::min<std::int64_t>(time->microseconds, arrival)};
}

bool is_remembered(const DecoderOptions& options, const GoalKeys& keys, GoalKey key) {
  return options.dedup == Dedup::all || (options.dedup == Dedup::counting && keys.counts(key));
}

}  // namespace

base::Expected<Decoded> Decoder::login(std::string_view bytes, base::WallTime now) {
  auto& message = messages_->login;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return base::fail(ErrorKind::invalid_argument, "the message is not a UserLoggedIn");
  if (message.user_id().empty()) return base::fail(ErrorKind::invalid_argument, "userId cannot be empty");
  Decoded decoded;
  if (is_other_namespace(options_, message.namespace_())) {
    decoded.ignored = Ignored::other_namespace;
  } else if (!keys_.listens_to_logins()) {
    decoded.ignored = Ignored::no_goal;
  } else if (!challenge::is_user_id(message.user_id())) {
    decoded.ignored = Ignored::impossible_user;
  } else {
    Event& event = decoded.event.emplace();
    event.user_id = message.user_id();
    event.message = bytes;
    if (base::log::enabled(base::log::Level::debug)) event.trace = message.trace_id().empty() ? message.id() : message.trace_id();
    const auto time = parse_timestamp(message.timestamp());
    event.at = time_of(time, now);
    if (!message.id().empty() && is_remembered(options_, keys_, kLoginKey))
      event.id = make_event_id(message.id(), time, event, {}, now, (options_.dedup_window_hours + 23) / 24);
  }
  return decoded;
}

base::Expected<Decoded> Decoder::stat_item_updated(std::string_view bytes, base::WallTime now) {
  auto& message = messages_->stat;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return base::fail(ErrorKind::invalid_argument, "the message is not a StatItemUpdated");
  if (message.user_id().empty()) return base::fail(ErrorKind::invalid_argument, "userId cannot be empty");
  if (!message.has_payload()) return base::fail(ErrorKind::invalid_argument, "payload cannot be nil");
  const auto& item = message.payload();
  if (item.stat_code().empty()) return base::fail(ErrorKind::invalid_argument, "statCode cannot be empty");
  Decoded decoded;
  if (is_other_namespace(options_, message.namespace_())) {
    decoded.ignored = Ignored::other_namespace;
    return decoded;
  }
  const std::optional<GoalKey> key = keys_.of_stat(item.stat_code());
  if (!key) return decoded;
  if (!challenge::is_user_id(message.user_id())) {
    decoded.ignored = Ignored::impossible_user;
    return decoded;
  }
  Event& event = decoded.event.emplace();
  event.user_id = message.user_id();
  event.message = bytes;
  if (base::log::enabled(base::log::Level::debug)) event.trace = message.id();
  event.key = *key;
  event.value = item.latest_value();
  event.increment = item.inc();
  const auto time = parse_timestamp(message.timestamp());
  event.at = time_of(time, now);
  decoded.value_skipped = keys_.takes_value(*key) && !challenge::progress_from_value(event.value);
  decoded.increment_skipped = keys_.takes_value(*key) && !std::isfinite(event.increment);
  if (!message.id().empty() && is_remembered(options_, keys_, *key))
    event.id = make_event_id(message.id(), time, event, item.stat_code(), now, (options_.dedup_window_hours + 23) / 24);
  return decoded;
}

}  // namespace gauntlet::events
