// Event messages as they come from the platform: decoded, ignored or refused, nothing else.
#include "challenge/config_parser.hpp"
#include "events/decoder.hpp"
#include "fuzz/bytes.hpp"

namespace {

constexpr std::string_view kConfig = R"({"challenges":[{"id":"c","name":"c","goals":[
  {"id":"a","name":"a","event_source":"login","requirement":{"stat_code":"login_count","operator":">=","target_value":3},"reward":{"type":"ITEM","reward_id":"r","quantity":1}},
  {"id":"b","name":"b","type":"increment","event_source":"statistic","requirement":{"stat_code":"wins","operator":">=","target_value":3},"reward":{"type":"ITEM","reward_id":"r","quantity":1}}]}]})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gauntlet;
  static const challenge::Config config = challenge::parse_config(kConfig).value();
  static const events::GoalKeys keys(config);
  static events::Decoder decoder(keys, {});
  fuzz::Bytes bytes(data, size);
  const base::WallTime now{};
  const bool is_login = bytes.choice(2) == 0;
  const auto decoded = is_login ? decoder.login(bytes.rest(), now) : decoder.stat_item_updated(bytes.rest(), now);
  if (!decoded) {
    fuzz::require(!decoded.error().message.empty(), "a refusal has words");
  } else if (decoded->event) {
    fuzz::require(!decoded->event->user_id.empty() && decoded->event->user_id.size() <= 100,
                  "an event belongs to a user that a row can have");
  }
  const auto time = events::parse_timestamp(bytes.rest());
  static_cast<void>(events::make_event_id("id", time, {}, "wins", now, 1));
  return 0;
}
