#include "engine/metrics/row_file.hpp"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/nameless_file.hpp"

namespace gauntlet::engine::metrics {
namespace {

using Length = std::uint32_t;

int make_nameless_file() {
  const char* folder = std::getenv("TMPDIR");
  return base::open_nameless_file(folder != nullptr && *folder != '\0' ? folder : "/var/tmp");
}

/// The row that begins at `at`, and `at` behind it; false when it is not there in whole.
bool take_row(std::string_view bytes, std::size_t& at, std::string_view& row) {
  Length length = 0;
  if (bytes.size() - at < sizeof length) return false;
  std::memcpy(&length, bytes.data() + at, sizeof length);
  if (bytes.size() - at - sizeof length < length) return false;
  row = bytes.substr(at + sizeof length, length);
  at += sizeof length + length;
  return true;
}

}  // namespace

RowFile::~RowFile() {
  if (file_ >= 0) ::close(file_);
}

RowFile::RowFile(RowFile&& other) noexcept { *this = std::move(other); }

RowFile& RowFile::operator=(RowFile&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(has_failed_, other.has_failed_);
  std::swap(rows_, other.rows_);
  std::swap(file_bytes_, other.file_bytes_);
  held_.swap(other.held_);
  return *this;
}

void RowFile::append(std::string_view row) {
  const auto length = static_cast<Length>(row.size());
  held_.append(reinterpret_cast<const char*>(&length), sizeof length).append(row);
  ++rows_;
  if (held_.size() >= kHeldBytes && !has_failed_) write_held();
}

void RowFile::write_held() {
  if (file_ < 0) file_ = make_nameless_file();
  std::size_t written = 0;
  while (file_ >= 0 && written < held_.size()) {
    const ssize_t count = ::pwrite(file_, held_.data() + written, held_.size() - written, static_cast<off_t>(file_bytes_ + written));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    written += static_cast<std::size_t>(count);
  }
  if (written < held_.size()) {
    has_failed_ = true;  // what was written of it is not counted
    return;
  }
  file_bytes_ += written;
  held_.clear();
}

bool RowFile::Reader::load() {
  loaded_.erase(0, at_);
  at_ = 0;
  const std::size_t before = loaded_.size();
  loaded_.resize(before + kHeldBytes);
  const ssize_t count = ::pread(file_.file_, loaded_.data() + before, std::min<std::uint64_t>(kHeldBytes, file_.file_bytes_ - read_),
                                static_cast<off_t>(read_));
  loaded_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  read_ += static_cast<std::uint64_t>(std::max<ssize_t>(count, 0));
  return count > 0;
}

bool RowFile::Reader::next(std::string_view& row) {
  while (!in_memory_) {
    if (take_row(loaded_, at_, row)) return true;
    if (read_ == file_.file_bytes_ || !load()) {
      in_memory_ = true;
      at_ = 0;
    }
  }
  return take_row(file_.held_, at_, row);
}

}  // namespace gauntlet::engine::metrics
