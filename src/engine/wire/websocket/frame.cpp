#include "engine/wire/websocket/frame.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/big_endian.hpp"
#include "base/gzip.hpp"
#include "base/utf8.hpp"

namespace gauntlet::engine::wire {
namespace {

constexpr std::size_t kMaxControlPayload = 125;
/// Beyond it a message's memory is given back after use.
constexpr std::size_t kKeptMessageBytes = 64 * 1024;
constexpr std::size_t kInflateStep = 16 * 1024;
/// What ends a message's deflate blocks on the wire is left out, and put back before inflating.
constexpr std::string_view kDeflateTail("\x00\x00\xff\xff", 4);

void append_masked(std::string& out, std::string_view payload, std::uint32_t mask) {
  const std::size_t begin = out.size();
  out.append(payload);
  char* const bytes = out.data() + begin;
  char key[8];
  std::memcpy(key, &mask, 4);
  std::memcpy(key + 4, &mask, 4);
  std::uint64_t wide = 0;
  std::memcpy(&wide, key, 8);
  std::size_t i = 0;
  for (; i + 8 <= payload.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + i, 8);
    word ^= wide;
    std::memcpy(bytes + i, &word, 8);
  }
  for (; i < payload.size(); ++i) bytes[i] = static_cast<char>(bytes[i] ^ key[i & 3]);
}

bool is_valid_close_code(unsigned code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

}  // namespace

void append_websocket_frame(std::string& out, WebSocketOpcode opcode, std::string_view payload, std::uint32_t mask, bool deflated) {
  out += static_cast<char>(0x80U | (deflated ? 0x40U : 0U) | static_cast<unsigned>(opcode));
  if (payload.size() < 126) {
    out += static_cast<char>(0x80U | payload.size());
  } else if (payload.size() <= 0xffff) {
    out += static_cast<char>(0x80U | 126U);
    base::big_endian::append(out, static_cast<std::uint16_t>(payload.size()));
  } else {
    out += static_cast<char>(0x80U | 127U);
    base::big_endian::append(out, std::uint64_t{payload.size()});
  }
  out.append(reinterpret_cast<const char*>(&mask), 4);
  append_masked(out, payload, mask);
}

std::string_view deflate_message(std::string_view message) {
  // No message leaves anything behind for the next.
  constexpr int kFast = 1;
  thread_local base::Deflater deflater(base::ZlibFormat::raw, kFast);
  thread_local std::string out;
  deflater.reset();
  out.clear();
  deflater.append(out, message, Z_SYNC_FLUSH);
  std::string_view made = out;
  if (made.ends_with(kDeflateTail)) made.remove_suffix(kDeflateTail.size());
  return made;
}

std::string close_payload(std::uint16_t code, std::string_view reason) {
  std::string payload;
  if (code == close_code::kNoStatus) return payload;
  base::big_endian::append(payload, code);
  return payload.append(reason.substr(0, kMaxControlPayload - 2));
}

std::string WebSocketReader::feed(std::string_view& bytes, Sink& sink) {
  bool goes_on = true;
  while (goes_on) {
    if (!in_payload_) {
      while (header_size_ < header_wanted_) {
        if (bytes.empty()) return {};
        const std::size_t taken = std::min<std::size_t>(header_wanted_ - header_size_, bytes.size());
        std::memcpy(header_.data() + header_size_, bytes.data(), taken);
        header_size_ = static_cast<std::uint8_t>(header_size_ + taken);
        bytes.remove_prefix(taken);
        if (header_size_ == 2) {
          const unsigned length = static_cast<unsigned char>(header_[1]) & 0x7fU;
          header_wanted_ = static_cast<std::uint8_t>(length == 126 ? 4 : length == 127 ? 10 : 2);
        }
      }
      if (auto problem = begin_frame(); !problem.empty()) return problem;
    }
    // A frame whose payload is all here is used where it lies.
    if (left_ <= bytes.size() && control_.empty() && (is_control_ || message_.empty())) {
      const std::string_view payload = bytes.substr(0, static_cast<std::size_t>(left_));
      bytes.remove_prefix(payload.size());
      if (auto problem = end_frame(payload, sink, goes_on); !problem.empty()) return problem;
      continue;
    }
    const std::string_view part = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
    bytes.remove_prefix(part.size());
    left_ -= part.size();
    if (is_control_) control_.append(part);
    else message_.append(part);
    if (left_ > 0) return {};
    if (auto problem = end_frame(is_control_ ? std::string_view(control_) : std::string_view(), sink, goes_on); !problem.empty())
      return problem;
  }
  return {};
}

/// The header is there: checks it by the rules and with the words of the client library that k6 stands on.
std::string WebSocketReader::begin_frame() {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint64_t>(static_cast<unsigned char>(header_[at])); };
  is_final_ = (byte(0) & 0x80U) != 0;
  const bool rsv1 = (byte(0) & 0x40U) != 0;
  const auto opcode = static_cast<unsigned>(byte(0) & 0x0fU);
  left_ = byte(1) & 0x7fU;
  if (left_ == 126) left_ = byte(2) << 8 | byte(3);
  else if (left_ == 127) {
    left_ = 0;
    for (std::size_t i = 2; i < 10; ++i) left_ = left_ << 8 | byte(i);
  }
  header_size_ = 0;
  header_wanted_ = 2;
  in_payload_ = true;
  frame_opcode_ = static_cast<WebSocketOpcode>(opcode);
  is_control_ = opcode >= 8;

  std::string problems;
  const auto add = [&](std::string_view problem) { problems += (problems.empty() ? "" : ", ") + std::string(problem); };
  if (rsv1 && !(deflate_ && (opcode == 1 || opcode == 2))) add("RSV1 set");
  if ((byte(0) & 0x20U) != 0) add("RSV2 set");
  if ((byte(0) & 0x10U) != 0) add("RSV3 set");
  switch (opcode) {
    case 8:
    case 9:
    case 10:
      if (left_ > kMaxControlPayload) add("len > 125 for control");
      if (!is_final_) add("FIN not set on control");
      break;
    case 1:
    case 2:
      if (in_message_) add("data before FIN");
      break;
    case 0:
      if (!in_message_) add("continuation after FIN");
      break;
    default: add(fmt::format("bad opcode {}", opcode)); break;
  }
  if ((byte(1) & 0x80U) != 0) add("bad MASK");
  if (!problems.empty()) return problems;
  if (is_control_) return {};
  if (opcode != 0) {
    in_message_ = true;
    is_deflated_ = rsv1;
    message_opcode_ = frame_opcode_;
    message_.clear();
  }
  if (left_ > max_message_bytes_ || message_.size() + left_ > max_message_bytes_) return refuse_size();
  return {};
}

std::string WebSocketReader::end_frame(std::string_view payload, Sink& sink, bool& goes_on) {
  in_payload_ = false;
  left_ = 0;
  if (!is_control_) {
    if (!is_final_) {
      message_.append(payload);
      return {};
    }
    return end_message(message_.empty() ? payload : message_.view(), sink, goes_on);
  }
  if (frame_opcode_ == WebSocketOpcode::close && !payload.empty()) {
    const unsigned code = payload.size() == 1
                              ? 0
                              : static_cast<unsigned>(static_cast<unsigned char>(payload[0]) << 8 | static_cast<unsigned char>(payload[1]));
    if (payload.size() == 1 || !is_valid_close_code(code)) return fmt::format("bad close code {}", code);
    if (!base::is_utf8(payload.substr(2))) return "invalid utf8 payload in close frame";
  }
  goes_on = sink.on_websocket_frame(frame_opcode_, payload);
  control_.clear();
  return {};
}

std::string WebSocketReader::end_message(std::string_view payload, Sink& sink, bool& goes_on) {
  in_message_ = false;
  if (is_deflated_) {
    thread_local base::Inflater inflater(base::ZlibFormat::raw);
    z_stream& stream = inflater.begin({});
    inflated_.clear();
    int state = Z_OK;
    for (const std::string_view part : {payload, kDeflateTail}) {
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));
      stream.avail_in = static_cast<uInt>(part.size());
      while (state == Z_OK && (stream.avail_in > 0 || stream.avail_out == 0)) {
        char* const into = inflated_.tail(kInflateStep);
        const auto room = static_cast<uInt>(std::min<std::size_t>(inflated_.capacity() - inflated_.size(), 1U << 30U));
        stream.next_out = reinterpret_cast<Bytef*>(into);
        stream.avail_out = room;
        state = inflate(&stream, Z_SYNC_FLUSH);
        inflated_.grew(room - stream.avail_out);
        if (inflated_.size() > max_message_bytes_) return refuse_size();
        if (state == Z_BUF_ERROR) {  // nothing more to be had from this part
          state = Z_OK;
          break;
        }
      }
    }
    if (state != Z_OK && state != Z_STREAM_END) return "flate: corrupt input";
    payload = inflated_.view();
  }
  goes_on = sink.on_websocket_frame(message_opcode_, payload);
  if (message_.capacity() > kKeptMessageBytes) message_.release();
  if (inflated_.capacity() > kKeptMessageBytes) inflated_.release();
  message_.clear();
  return {};
}

std::string WebSocketReader::refuse_size() {
  too_large_ = true;
  return fmt::format("a message of more than {} bytes", max_message_bytes_);
}

}  // namespace gauntlet::engine::wire
