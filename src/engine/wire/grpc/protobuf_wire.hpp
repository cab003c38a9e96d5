#pragma once
// Protobuf's wire format (https://protobuf.dev/programming-guides/encoding/): reading with bounds checked, and writing.
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "engine/wire/grpc/schema.hpp"

namespace gauntlet::engine::grpc {

enum class WireType : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, start_group = 3, end_group = 4, fixed32 = 5 };

/// How a single value of that kind stands on the wire.
constexpr WireType wire_type_of(Kind kind) {
  switch (kind) {
    case Kind::double_:
    case Kind::fixed64:
    case Kind::sfixed64: return WireType::fixed64;
    case Kind::float_:
    case Kind::fixed32:
    case Kind::sfixed32: return WireType::fixed32;
    case Kind::string:
    case Kind::bytes:
    case Kind::message: return WireType::bytes;
    case Kind::group: return WireType::start_group;
    default: return WireType::varint;
  }
}

inline void write_varint(std::uint64_t value, std::string& out) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

inline void write_tag(std::uint32_t number, WireType type, std::string& out) {
  write_varint(static_cast<std::uint64_t>(number) << 3 | static_cast<std::uint64_t>(type), out);
}

/// A length-prefixed part whose length is not known yet: one byte is kept for it, and what follows moves if that is
/// not enough.
class LengthPrefix {
 public:
  explicit LengthPrefix(std::string& out) : out_(out) {
    out_ += '\0';
    begin_ = out_.size();
  }
  void close() {
    const std::size_t length = out_.size() - begin_;
    if (length < 0x80) {
      out_[begin_ - 1] = static_cast<char>(length);
      return;
    }
    std::string prefix;
    write_varint(length, prefix);
    out_[begin_ - 1] = prefix[0];
    out_.insert(begin_, prefix, 1);
  }

 private:
  std::string& out_;
  std::size_t begin_;
};

/// Reads forward through a message. Every take_*() gives false at the end of the bytes or on a malformed value, and
/// then leaves the reader where it is of no further use.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool at_end() const { return at_ == end_; }
  const char* position() const { return at_; }

  bool take_varint(std::uint64_t& value) {
    if (at_ != end_ && static_cast<std::uint8_t>(*at_) < 0x80) {
      value = static_cast<std::uint8_t>(*at_++);
      return true;
    }
    value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (at_ == end_) return false;
      const auto byte = static_cast<std::uint8_t>(*at_++);
      if (shift == 63 && byte > 1) return false;
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  bool take_tag(std::uint32_t& number, WireType& type) {
    std::uint64_t tag = 0;
    if (!take_varint(tag) || tag > 0xffffffffU || (tag & 7) > 5 || tag >> 3 == 0) return false;
    number = static_cast<std::uint32_t>(tag >> 3);
    type = static_cast<WireType>(tag & 7);
    return true;
  }

  bool take_fixed32(std::uint32_t& value) { return take_fixed(value); }
  bool take_fixed64(std::uint64_t& value) { return take_fixed(value); }

  bool take_bytes(std::string_view& bytes) {
    std::uint64_t length = 0;
    if (!take_varint(length) || length > static_cast<std::uint64_t>(end_ - at_)) return false;
    bytes = {at_, static_cast<std::size_t>(length)};
    at_ += length;
    return true;
  }

  /// A group's content, up to its end tag.
  bool take_group(std::uint32_t number, std::string_view& bytes) {
    const char* const begin = at_;
    for (;;) {
      const char* const before = at_;
      std::uint32_t inner = 0;
      WireType type{};
      if (!take_tag(inner, type)) return false;
      if (type == WireType::end_group) {
        bytes = {begin, static_cast<std::size_t>(before - begin)};
        return inner == number;
      }
      if (!skip(inner, type)) return false;
    }
  }

  bool skip(std::uint32_t number, WireType type) {
    std::uint64_t wide = 0;
    std::uint32_t narrow = 0;
    std::string_view bytes;
    switch (type) {
      case WireType::varint: return take_varint(wide);
      case WireType::fixed64: return take_fixed64(wide);
      case WireType::fixed32: return take_fixed32(narrow);
      case WireType::bytes: return take_bytes(bytes);
      case WireType::start_group: {
        // Groups within groups recurse: as deep as they may be nested in a message.
        if (++group_depth_ > kMaxGroupDepth) return false;
        const bool taken = take_group(number, bytes);
        --group_depth_;
        return taken;
      }
      case WireType::end_group: return false;
    }
    return false;
  }

 private:
  static constexpr int kMaxGroupDepth = 100;

  template <class T>
  bool take_fixed(T& value) {
    if (end_ - at_ < static_cast<std::ptrdiff_t>(sizeof value)) return false;
    std::memcpy(&value, at_, sizeof value);  // little-endian, as all machines that this runs on
    at_ += sizeof value;
    return true;
  }

  const char* at_;
  const char* end_;
  int group_depth_ = 0;
};

constexpr std::uint64_t zigzag(std::int64_t value) {
  return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) { return static_cast<std::int64_t>(value >> 1 ^ (0 - (value & 1))); }

}  // namespace gauntlet::engine::grpc
