#pragma once
// gzip, zlib and raw deflate, by zlib. A stream's state takes as long to set up as a small text takes to compress, and
// 44 to 256 KiB: where there are many texts, a thread keeps one. Memory that runs out is std::bad_alloc.
#include <zlib.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace gauntlet::base {

/// What stands around the deflate blocks, as zlib's windowBits.
enum class ZlibFormat : int { raw = -15, zlib = 15, gzip = 15 + 16, gzip_or_zlib = 15 + 32 /* only of what is read */ };

/// Belongs to one thread at a time.
class Deflater {
 public:
  explicit Deflater(ZlibFormat format, int level = Z_DEFAULT_COMPRESSION, int memory = 8);
  ~Deflater() { deflateEnd(&stream_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  /// Forgets what came before: the next text begins a stream.
  void reset() { deflateReset(&stream_); }
  /// What a whole text of that size may take.
  std::size_t bound(std::size_t bytes) { return deflateBound(&stream_, bytes); }
  /// Appends what comes of `text`; `flush` is zlib's: Z_NO_FLUSH when more follows, Z_SYNC_FLUSH to end on a byte, Z_FINISH.
  void append(std::string& out, std::string_view text, int flush);

 private:
  z_stream stream_{};
};

enum class Inflated { ok, malformed, too_large };

/// Belongs to one thread at a time.
class Inflater {
 public:
  explicit Inflater(ZlibFormat format);
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Decompresses `packed`, one whole stream and nothing behind it, into `text`; beyond `limit` bytes it gives up.
  Inflated read(std::string_view packed, std::size_t limit, std::string& text);
  /// For those who call inflate() themselves: a stream that begins with `packed`.
  z_stream& begin(std::string_view packed);

 private:
  z_stream stream_{};
};

}  // namespace gauntlet::base
