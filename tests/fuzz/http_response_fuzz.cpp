// What a server under test may answer the engine: response heads, chunked bodies, compressed bodies, cookies.
#include "engine/wire/http/chunked_body.hpp"
#include "engine/wire/http/content_coding.hpp"
#include "engine/wire/http/cookie.hpp"
#include "engine/wire/http_head.hpp"
#include "fuzz/bytes.hpp"

using namespace gauntlet;
using namespace gauntlet::engine;

namespace {

void head(std::string_view text) {
  std::string bytes(text);
  wire::ResponseHead head;
  wire::Failure failure;
  std::size_t length = 0;
  const auto state = wire::parse_response_head(bytes.data(), bytes.size(), true, head, length, failure);
  if (state == wire::HeadState::malformed) fuzz::require(static_cast<bool>(failure), "a malformed head has a reason");
  if (state != wire::HeadState::complete) return;
  fuzz::require(length <= bytes.size(), "a head ends within what was given");
  wire::for_each_field(head.fields, [](std::string_view name, std::string_view value) {
    static_cast<void>(wire::canonical_field_name(name));
    static_cast<void>(wire::parse_set_cookie(value));
  });
}

void chunked(std::string_view text, std::size_t step) {
  wire::ChunkedBody whole, pieces;
  wire::Buffer whole_out, pieces_out;
  wire::Failure failure;
  std::size_t used = 0;
  const auto expected = whole.feed(text, &whole_out, used, failure);
  auto state = wire::ChunkedBody::State::more;
  while (state == wire::ChunkedBody::State::more && !text.empty()) {
    std::size_t piece_used = 0;
    state = pieces.feed(text.substr(0, step), &pieces_out, piece_used, failure);
    text.remove_prefix(std::min(step, text.size()));
  }
  fuzz::require(state == expected, "a chunked body ends the same however it comes");
  fuzz::require(whole_out.view() == pieces_out.view(), "a chunked body is the same however it comes");
}

void coded(std::string_view text, std::size_t which) {
  constexpr wire::ContentCoding kCodings[] = {wire::ContentCoding::gzip, wire::ContentCoding::deflate, wire::ContentCoding::zstd,
                                              wire::ContentCoding::br};
  constexpr std::size_t kLimit = 1 << 20;
  wire::Buffer body;
  body.append(text);
  static_cast<void>(wire::decode_body(kCodings[which], body, kLimit));
  fuzz::require(body.size() <= kLimit + 65'536, "a decoded body stays within its limit");
  wire::Buffer back;
  back.append(wire::encode_body(kCodings[which], text));
  fuzz::require(!wire::decode_body(kCodings[which], back, text.size() + 1) && back.view() == text, "decoding undoes encoding");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes bytes(data, size);
  const std::size_t kind = bytes.choice(4);
  const std::size_t detail = bytes.choice(4);
  if (kind == 0) head(bytes.rest());
  if (kind == 1) chunked(bytes.rest(), detail + 1);
  if (kind == 2) coded(bytes.rest(), detail);
  if (kind == 3) static_cast<void>(wire::parse_http_date(bytes.rest()));
  return 0;
}
