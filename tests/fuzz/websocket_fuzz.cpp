// Frames of a WebSocket server under test: whatever comes, the reader says the same about it whole and in pieces.
#include "engine/wire/websocket/frame.hpp"

#include <string>
#include <vector>

#include "fuzz/bytes.hpp"

using namespace gauntlet;
using namespace gauntlet::engine;

namespace {

constexpr std::size_t kMaxMessageBytes = 1 << 16;

struct Seen final : wire::WebSocketReader::Sink {
  std::vector<std::string> frames;
  bool on_websocket_frame(wire::WebSocketOpcode opcode, std::string_view payload) override {
    fuzz::require(payload.size() <= kMaxMessageBytes, "no message is larger than the limit");
    frames.push_back(std::string(1, static_cast<char>('0' + static_cast<int>(opcode))).append(payload));
    return opcode != wire::WebSocketOpcode::close;
  }
};

std::string read(std::string_view text, std::size_t step, bool deflate, Seen& seen) {
  wire::WebSocketReader reader(kMaxMessageBytes);
  if (deflate) reader.allow_deflate();
  while (!text.empty()) {
    const std::size_t frames = seen.frames.size();
    std::string_view piece = text.substr(0, step);
    if (std::string problem = reader.feed(piece, seen); !problem.empty()) return problem;
    if (seen.frames.size() > frames && seen.frames.back().front() == '8') return "closed";
    text.remove_prefix(std::min(step, text.size()));
  }
  return "";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes bytes(data, size);
  const bool deflate = bytes.choice(2) == 1;
  const std::size_t step = 1 + bytes.choice(16);
  Seen whole;
  Seen pieces;
  const std::string said_of_whole = read(bytes.rest(), size + 1, deflate, whole);
  const std::string said_of_pieces = read(bytes.rest(), step, deflate, pieces);
  fuzz::require(said_of_whole == said_of_pieces, "the outcome does not depend on how the bytes came");
  fuzz::require(whole.frames == pieces.frames, "messages are the same however they came");

  // What this side sends, a server could have sent unmasked.
  std::string frame;
  wire::append_websocket_frame(frame, wire::WebSocketOpcode::binary, bytes.rest(), 0);
  frame[1] = static_cast<char>(frame[1] & 0x7f);
  const std::size_t header = frame.size() - bytes.rest().size();
  frame.erase(header - 4, 4);  // the mask
  Seen back;
  if (bytes.rest().size() <= kMaxMessageBytes) {
    fuzz::require(read(frame, step, false, back).empty() && back.frames.size() == 1, "a frame that is written can be read");
    fuzz::require(std::string_view(back.frames[0]).substr(1) == bytes.rest(), "and says the same");
  }
  return 0;
}
