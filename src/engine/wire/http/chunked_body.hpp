#pragma once
// Decoder of "Transfer-Encoding: chunked" (RFC 9112 section 7.1), fed with bytes as they arrive.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/wire/buffer.hpp"
#include "engine/wire/failure.hpp"

namespace gauntlet::engine::wire {

class ChunkedBody {
 public:
  enum class State : std::uint8_t { more, done, malformed };

  /// Appends the body bytes found to `out` (when it is not null) and counts them in total(); `used` is how many of
  /// `bytes` belong to this body. After `done` bytes left over belong to nobody. Errors in Go's words.
  State feed(std::string_view bytes, Buffer* out, std::size_t& used, Failure& failure);
  std::uint64_t total() const { return total_; }
  void reset() { *this = ChunkedBody(); }

 private:
  enum class Expect : std::uint8_t { size, extension, data, data_end_cr, data_end_lf, trailer_start, trailer, end_lf };

  Expect expect_ = Expect::size;
  std::uint8_t digits_ = 0;
  std::uint64_t left_ = 0;
  std::uint64_t total_ = 0;
  std::uint32_t overhead_ = 0;  // bytes of extensions and trailers, which a hostile server may send for ever
};

}  // namespace gauntlet::engine::wire
