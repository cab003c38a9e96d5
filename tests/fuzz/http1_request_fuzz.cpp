// HTTP/1.1 requests to a service: whatever comes, the reader says the same about it whole and in pieces.
#include "base/http/http1_reader.hpp"
#include "fuzz/bytes.hpp"

using namespace gauntlet;
using base::http::Http1Reader;

namespace {

struct Read {
  Http1Reader::Outcome outcome = Http1Reader::Outcome::incomplete;
  base::http::Request request;
  std::size_t consumed = 0;
};

void read(std::string_view text, std::size_t step, Read& into) {
  Http1Reader reader({.max_header_bytes = 4096, .max_body_bytes = 4096});
  while (into.outcome == Http1Reader::Outcome::incomplete && into.consumed < text.size()) {
    std::size_t used = 0;
    const std::string_view piece = text.substr(into.consumed, step);
    into.outcome = reader.read(piece, into.request, used);
    fuzz::require(used <= piece.size(), "no more is consumed than was given");
    if (into.outcome == Http1Reader::Outcome::incomplete) fuzz::require(used == piece.size(), "an incomplete request takes all bytes");
    into.consumed += used;
  }
  if (into.outcome == Http1Reader::Outcome::failed) {
    fuzz::require(reader.failure_status() >= 400 && reader.failure_status() < 600, "a refusal has a status of its own");
    fuzz::require(!reader.failure().empty(), "a refusal has words");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes bytes(data, size);
  const std::size_t step = 1 + bytes.choice(16);
  Read whole;
  Read pieces;
  read(bytes.rest(), size + 1, whole);
  read(bytes.rest(), step, pieces);
  fuzz::require(whole.outcome == pieces.outcome, "the outcome does not depend on how the bytes came");
  if (whole.outcome != Http1Reader::Outcome::complete) return 0;
  fuzz::require(whole.consumed == pieces.consumed, "a request ends where it ends");
  fuzz::require(whole.request.target() == pieces.request.target() && whole.request.body() == pieces.request.body() &&
                    whole.request.header_count() == pieces.request.header_count(),
                "a request is the same however it came");
  return 0;
}
