#pragma once
// A text compressed once in such pieces that answers made of it can be put together without compressing again: runs of
// goals as they stand, and each goal's constant beginning. What only this player has is sent between them uncompressed.
//
//   gzip: one member. Every piece is deflate blocks that refer to nothing before them and end on a byte, so they stand
//         behind each other in any order; the CRC of the whole is combined from theirs. (A member a piece would be
//         simpler, but some decoders stop behind the first.)
//   zstd: every piece is a frame, which RFC 8878 lets stand behind each other.
//
// Runs lie in a tree: level k has a piece for every 2^k goals, so n goals between two touched ones are at most
// 2 log2(n) pieces. An answer costs by the touched goals and the logarithm of the others.
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/http/body.hpp"
#include "base/http/content_coding.hpp"

namespace gauntlet::service {

/// Immutable; any thread may read it. Bodies refer to it: they must keep its owner (http::Body::keep).
class ReadyBlocks {
 public:
  /// A goal's places in the text. Between a unit's end and the next one's begin there may be text of no goal.
  struct Unit {
    std::uint32_t begin;
    std::uint32_t tail;  // from here on it depends on the player
    std::uint32_t end;
  };

  /// `coding`: gzip or zstd. `text` outlives it. Compresses about eight times the text's length; what has been stopped on the way has
  /// no use.
  ReadyBlocks(base::http::Coding coding, std::string_view text, std::vector<Unit> units, const std::stop_token& stop);

 private:
  struct Block {
    std::uint32_t offset = 0;  // in bytes_
    std::uint32_t size = 0;
    std::uint32_t plain_size = 0;
    std::uint32_t crc = 0;           // of the plain text
    std::uint32_t crc_operator = 0;  // zlib's crc32_combine_gen(plain_size)
  };

 public:
  /// Writes one answer, front to back.
  class Writer {
   public:
    /// The answer begins with text[begin ...). What it refers to outlives it.
    Writer(const ReadyBlocks& blocks, std::uint32_t begin, base::http::Body& body);
    /// `count` units as they stand in the text, from `first` on, with what lies before and between them.
    void untouched(std::size_t first, std::size_t count);
    /// A unit whose tail is `tail` instead.
    void touched(std::size_t unit, std::string_view tail);
    /// The text up to `end`, and the format's own end.
    void finish(std::uint32_t end);

   private:
    void advance_to(std::uint32_t place);
    void flush_plain();
    void append(const Block& block);

    const ReadyBlocks& blocks_;
    base::http::Body& body_;
    std::uint32_t at_;
    std::string pending_;  // plain bytes that await their block
    std::uint32_t crc_ = 0;
    std::uint32_t plain_size_ = 0;
  };

 private:
  template <class Compressor>
  void compress_all(Compressor& compressor, const std::stop_token& stop);
  /// Two neighbours of one level as one block.
  Block joined(const Block& left, std::string_view gap, const Block& right);
  void append_plain(std::string& out, std::string_view text) const;

  const base::http::Coding coding_;
  const std::string_view text_;
  const std::vector<Unit> units_;
  std::string bytes_;
  std::vector<Block> heads_;                // text[begin, tail) of each unit
  std::vector<std::vector<Block>> levels_;  // [k][i]: units [i << k, (i + 1) << k)
};

}  // namespace gauntlet::service
