// JSON bodies of requests, read into the contract's messages and written again.
#include "fuzz/bytes.hpp"
#include "service.pb.h"
#include "service/proto_json.hpp"

namespace {

template <class Message>
void read(std::string_view text) {
  Message message;
  if (!gauntlet::service::from_json(text, message)) return;
  Message again;
  gauntlet::fuzz::require(gauntlet::service::from_json(gauntlet::service::to_json(message), again).has_value(),
                          "what we write we can read");
  gauntlet::fuzz::require(message.SerializeAsString() == again.SerializeAsString(), "writing and reading changes nothing");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gauntlet::fuzz::Bytes bytes(data, size);
  switch (bytes.choice(3)) {
    case 0: read<service::BatchSelectRequest>(bytes.rest()); break;
    case 1: read<service::RandomSelectRequest>(bytes.rest()); break;
    default: read<service::SetGoalActiveRequest>(bytes.rest());
  }
  return 0;
}
