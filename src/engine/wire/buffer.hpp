#pragma once
// Bytes that grow without being zeroed first, with readable room behind the end for SIMD parsers. Response bodies live
// in one: the socket reads into it, JSON is parsed from it.
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

namespace gauntlet::engine::wire {

class Buffer {
 public:
  /// Readable (not meaningful) bytes behind size(); what simdjson wants, rounded up.
  static constexpr std::size_t kPadding = 64;

  Buffer() = default;
  ~Buffer() { std::free(data_); }
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)), capacity_(std::exchange(other.capacity_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer(std::move(other)).swap(*this);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  const char* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// Bytes that fit without growing.
  std::size_t capacity() const { return capacity_; }
  std::string_view view() const { return {data_, size_}; }

  /// Room for `capacity` bytes in all; throws std::bad_alloc.
  void reserve(std::size_t capacity) {
    if (capacity <= capacity_) return;
    void* const grown = std::realloc(data_, capacity + kPadding);
    if (grown == nullptr) throw std::bad_alloc();
    data_ = static_cast<char*>(grown);
    capacity_ = capacity;
    // A parser may look at the padding: make it bytes of ours, not of somebody before us.
    std::memset(data_ + capacity_, 0, kPadding);
  }
  /// Where the next bytes go; at least `room` fit. Follow with grew().
  char* tail(std::size_t room) {
    if (size_ + room > capacity_) reserve(size_ + room > 2 * capacity_ ? size_ + room : 2 * capacity_);
    return data_ + size_;
  }
  void grew(std::size_t bytes) { size_ += bytes; }
  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(tail(bytes.size()), bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void clear() { size_ = 0; }
  void truncate(std::size_t size) { size_ = size; }
  /// Gives the memory back.
  void release() { Buffer().swap(*this); }
  void swap(Buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace gauntlet::engine::wire
