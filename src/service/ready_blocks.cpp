#include "service/ready_blocks.hpp"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <memory>

#include "base/gzip.hpp"

namespace gauntlet::service {
namespace {

using base::http::Body;
using base::http::Coding;

// Longer runs are made of two shorter ones: deflate looks back 32 KiB only, which 64 goals fill about.
constexpr std::size_t kCompressedLevels = 7;
constexpr std::size_t kStoredBytesMax = 65'535;

constexpr std::string_view kGzipHead("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);  // no time, unknown system
constexpr std::string_view kLastDeflateBlock("\x03\0", 2);                 // empty

void append_little_endian(std::string& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
}

const Bytef* bytes_of(std::string_view text) { return reinterpret_cast<const Bytef*>(text.data()); }

/// Deflate blocks of their own, ended on a byte by an empty stored block.
class DeflateBlocks {
 public:
  void append(std::string& out, std::string_view text) {
    deflater_.reset();
    deflater_.append(out, text, Z_SYNC_FLUSH);
  }

 private:
  base::Deflater deflater_{base::ZlibFormat::raw, 6, 9};
};

class ZstdFrames {
 public:
  void append(std::string& out, std::string_view text) {
    constexpr int kLevel = 6;
    const std::size_t before = out.size();
    out.resize(before + ZSTD_compressBound(text.size()));
    const std::size_t size = ZSTD_compressCCtx(context_.get(), out.data() + before, out.size() - before, text.data(), text.size(), kLevel);
    assert(ZSTD_isError(size) == 0);
    out.resize(before + size);
  }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> context_{ZSTD_createCCtx()};
};

/// Deflate's stored block; `text` is short enough for one.
void append_stored_block(std::string& out, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  out += '\0';
  append_little_endian(out, size, 2);
  append_little_endian(out, ~size, 2);
  out += text;
}

/// A zstd frame of one raw block (RFC 8878, sections 3.1.1 and 3.1.1.2).
void append_raw_frame(std::string& out, std::string_view text) {
  constexpr std::size_t kOneByteMax = 255;
  out.append("\x28\xb5\x2f\xfd", 4);
  const auto size = static_cast<std::uint32_t>(text.size());
  if (size <= kOneByteMax) {
    out += '\x20';  // single segment; the content's size in one byte
    append_little_endian(out, size, 1);
  } else {
    out += '\x60';  // in two bytes, 256 less
    append_little_endian(out, size - 256, 2);
  }
  append_little_endian(out, size << 3 | 1, 3);  // the last block, raw
  out += text;
}

}  // namespace

ReadyBlocks::ReadyBlocks(Coding coding, std::string_view text, std::vector<Unit> units, const std::stop_token& stop)
    : coding_(coding), text_(text), units_(std::move(units)) {
  if (coding_ == Coding::gzip) {
    DeflateBlocks compressor;
    compress_all(compressor, stop);
  } else {
    ZstdFrames compressor;
    compress_all(compressor, stop);
  }
  bytes_.shrink_to_fit();
}

template <class Compressor>
void ReadyBlocks::compress_all(Compressor& compressor, const std::stop_token& stop) {
  const auto compressed = [&](std::uint32_t begin, std::uint32_t end) {
    const std::string_view plain = text_.substr(begin, end - begin);
    Block block;
    block.offset = static_cast<std::uint32_t>(bytes_.size());
    compressor.append(bytes_, plain);
    block.size = static_cast<std::uint32_t>(bytes_.size()) - block.offset;
    block.plain_size = static_cast<std::uint32_t>(plain.size());
    if (coding_ == Coding::gzip) {
      block.crc = static_cast<std::uint32_t>(crc32(0, bytes_of(plain), block.plain_size));
      block.crc_operator = static_cast<std::uint32_t>(crc32_combine_gen(block.plain_size));
    }
    return block;
  };
  for (const Unit& unit : units_) {
    if (stop.stop_requested()) return;
    heads_.push_back(compressed(unit.begin, unit.tail));
  }
  for (std::size_t level = 0; (units_.size() >> level) != 0; ++level) {
    std::vector<Block> blocks;
    const std::size_t run = std::size_t{1} << level;
    for (std::size_t first = 0; first + run <= units_.size(); first += run) {
      if (stop.stop_requested()) return;
      if (level < kCompressedLevels) {
        blocks.push_back(compressed(units_[first].begin, units_[first + run - 1].end));
        continue;
      }
      const std::vector<Block>& halves = levels_.back();
      const std::size_t left = first / (run / 2);
      const std::uint32_t gap = units_[first + run / 2 - 1].end;
      blocks.push_back(joined(halves[left], text_.substr(gap, units_[first + run / 2].begin - gap), halves[left + 1]));
    }
    levels_.push_back(std::move(blocks));
  }
}

ReadyBlocks::Block ReadyBlocks::joined(const Block& left, std::string_view gap, const Block& right) {
  Block block;
  block.offset = static_cast<std::uint32_t>(bytes_.size());
  bytes_.append(bytes_, left.offset, left.size);
  if (!gap.empty()) append_plain(bytes_, gap);
  bytes_.append(bytes_, right.offset, right.size);
  block.size = static_cast<std::uint32_t>(bytes_.size()) - block.offset;
  block.plain_size = left.plain_size + static_cast<std::uint32_t>(gap.size()) + right.plain_size;
  if (coding_ == Coding::gzip) {
    const uLong before = crc32(left.crc, bytes_of(gap), static_cast<uInt>(gap.size()));
    block.crc = static_cast<std::uint32_t>(crc32_combine_op(before, right.crc, right.crc_operator));
    block.crc_operator = static_cast<std::uint32_t>(crc32_combine_gen(block.plain_size));
  }
  return block;
}

void ReadyBlocks::append_plain(std::string& out, std::string_view text) const {
  if (coding_ == Coding::gzip) {
    append_stored_block(out, text);
  } else {
    append_raw_frame(out, text);
  }
}

// ---- one answer

ReadyBlocks::Writer::Writer(const ReadyBlocks& blocks, std::uint32_t begin, Body& body) : blocks_(blocks), body_(body), at_(begin) {
  if (blocks_.coding_ == Coding::gzip) body_.append_view(kGzipHead);
}

void ReadyBlocks::Writer::untouched(std::size_t first, std::size_t count) {
  const std::size_t end = first + count;
  while (first < end) {
    // The longest run that begins here in the tree and ends within.
    std::size_t level = static_cast<std::size_t>(std::bit_width(end - first)) - 1;
    if (first != 0) level = std::min(level, static_cast<std::size_t>(std::countr_zero(first)));
    const Block& block = blocks_.levels_[level][first >> level];
    advance_to(blocks_.units_[first].begin);
    append(block);
    first += std::size_t{1} << level;
    at_ = blocks_.units_[first - 1].end;
  }
}

void ReadyBlocks::Writer::touched(std::size_t unit, std::string_view tail) {
  advance_to(blocks_.units_[unit].begin);
  append(blocks_.heads_[unit]);
  pending_ += tail;
  at_ = blocks_.units_[unit].end;
}

void ReadyBlocks::Writer::finish(std::uint32_t end) {
  advance_to(end);
  flush_plain();
  if (blocks_.coding_ != Coding::gzip) return;
  std::string trailer(kLastDeflateBlock);
  append_little_endian(trailer, crc_, 4);
  append_little_endian(trailer, plain_size_, 4);
  body_.append_copy(trailer);
}

void ReadyBlocks::Writer::advance_to(std::uint32_t place) {
  pending_ += blocks_.text_.substr(at_, place - at_);
  at_ = place;
}

void ReadyBlocks::Writer::flush_plain() {
  for (std::string_view left = pending_; !left.empty();) {
    const std::string_view part = left.substr(0, kStoredBytesMax);
    left.remove_prefix(part.size());
    std::string block;
    blocks_.append_plain(block, part);
    body_.append_copy(block);
    if (blocks_.coding_ == Coding::gzip) {
      crc_ = static_cast<std::uint32_t>(crc32(crc_, bytes_of(part), static_cast<uInt>(part.size())));
      plain_size_ += static_cast<std::uint32_t>(part.size());
    }
  }
  pending_.clear();
}

void ReadyBlocks::Writer::append(const Block& block) {
  flush_plain();
  body_.append_view(std::string_view(blocks_.bytes_).substr(block.offset, block.size));
  if (blocks_.coding_ != Coding::gzip) return;
  crc_ = static_cast<std::uint32_t>(crc32_combine_op(crc_, block.crc, block.crc_operator));
  plain_size_ += block.plain_size;
}

}  // namespace gauntlet::service
