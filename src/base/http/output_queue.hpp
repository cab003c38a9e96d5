#pragma once
// Bytes on their way to a socket: copied ones and referenced ones in one order, written with as few system calls as
// the kernel allows.
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/http/body.hpp"

namespace gauntlet::base::http {

class OutputQueue {
 public:
  /// Room at the end for `size` bytes, which count as queued at once; valid until the next call.
  char* append_space(std::size_t size);
  void append(std::string_view text);
  /// Takes the body; its larger pieces are referenced, the small ones copied: an iovec costs more than they do.
  void append_body(Body&& body);

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  enum class Written { all, some, failed };  // some: the socket takes no more now
  Written write_to(int fd);
  void clear();
  /// Bytes of memory kept for reuse.
  std::size_t capacity() const { return copied_.capacity(); }

 private:
  struct Segment {
    const char* data;  // null: at `offset` in copied_
    std::size_t offset;
    std::size_t size;
  };
  std::string copied_;
  std::vector<Segment> segments_;
  std::deque<Body> bodies_;  // what segments reference; stable addresses
  std::size_t first_ = 0;    // segments before it are written
  std::size_t size_ = 0;
};

}  // namespace gauntlet::base::http
