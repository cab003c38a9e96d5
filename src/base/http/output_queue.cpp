#include "base/http/output_queue.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>

namespace gauntlet::base::http {
namespace {

// 1,000 pieces of 20 and 340 bytes: 58 us a response when those of 256 bytes and more are referenced, 40 us when all
// are copied.
constexpr std::size_t kReferencedFrom = 1024;
constexpr std::size_t kIovecs = 256;

}  // namespace

char* OutputQueue::append_space(std::size_t size) {
  if (segments_.size() > first_ && segments_.back().data == nullptr) {
    segments_.back().size += size;
  } else {
    segments_.push_back({nullptr, copied_.size(), size});
  }
  const std::size_t offset = copied_.size();
  copied_.resize(offset + size);
  size_ += size;
  return copied_.data() + offset;
}

void OutputQueue::append(std::string_view text) {
  if (text.empty()) return;
  if (segments_.size() > first_ && segments_.back().data == nullptr) {
    segments_.back().size += text.size();
  } else {
    segments_.push_back({nullptr, copied_.size(), text.size()});
  }
  copied_.append(text);
  size_ += text.size();
}

void OutputQueue::append_body(Body&& body) {
  if (body.empty()) return;
  std::size_t copied = 0;
  for (std::size_t i = 0; i < body.piece_count(); ++i) {
    const std::size_t size = body.piece(i).size();
    if (size < kReferencedFrom) copied += size;
  }
  copied_.reserve(copied_.size() + copied);
  if (copied == body.size()) {
    for (std::size_t i = 0; i < body.piece_count(); ++i) append(body.piece(i));
    return;
  }
  const Body& kept = bodies_.emplace_back(std::move(body));
  for (std::size_t i = 0; i < kept.piece_count(); ++i) {
    const std::string_view piece = kept.piece(i);
    if (piece.size() < kReferencedFrom) {
      append(piece);
    } else {
      segments_.push_back({piece.data(), 0, piece.size()});
      size_ += piece.size();
    }
  }
}

OutputQueue::Written OutputQueue::write_to(int fd) {
  while (size_ > 0) {
    std::array<iovec, kIovecs> vectors;
    std::size_t count = 0;
    std::size_t offered = 0;
    for (std::size_t i = first_; i < segments_.size() && count < kIovecs; ++i) {
      const Segment& segment = segments_[i];
      const char* data = segment.data != nullptr ? segment.data : copied_.data() + segment.offset;
      vectors[count++] = {const_cast<char*>(data), segment.size};
      offered += segment.size;
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    const ssize_t sent = count == 1 ? send(fd, vectors[0].iov_base, vectors[0].iov_len, MSG_NOSIGNAL) : sendmsg(fd, &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK ? Written::some : Written::failed;
    }
    auto left = static_cast<std::size_t>(sent);
    size_ -= left;
    while (left > 0) {
      Segment& segment = segments_[first_];
      const std::size_t taken = std::min(left, segment.size);
      left -= taken;
      if (taken == segment.size) {
        ++first_;
      } else {
        if (segment.data != nullptr) {
          segment.data += taken;
        } else {
          segment.offset += taken;
        }
        segment.size -= taken;
      }
    }
    if (static_cast<std::size_t>(sent) < offered) return Written::some;
  }
  clear();
  return Written::all;
}

void OutputQueue::clear() {
  copied_.clear();
  segments_.clear();
  bodies_.clear();
  first_ = 0;
  size_ = 0;
}

}  // namespace gauntlet::base::http
