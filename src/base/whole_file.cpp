#include "base/whole_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/system_error.hpp"

namespace gauntlet::base {
namespace {

class OpenFile {
 public:
  explicit OpenFile(const std::filesystem::path& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

tl::expected<std::string, std::error_code> read_whole_file(const std::filesystem::path& path) {
  const OpenFile file(path);
  const auto reason = [] { return tl::unexpected(std::error_code(errno, std::generic_category())); };
  if (file.fd() < 0) return reason();
  std::string text;
  // One allocation where the size is known.
  struct stat about {};
  if (::fstat(file.fd(), &about) == 0 && S_ISREG(about.st_mode)) text.reserve(static_cast<std::size_t>(about.st_size) + 1);
  char chunk[65536];
  for (;;) {
    const ssize_t size = ::read(file.fd(), chunk, sizeof chunk);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return reason();
    if (size == 0) return text;
    text.append(chunk, static_cast<std::size_t>(size));
  }
}

Expected<std::string> read_file(const std::filesystem::path& path) {
  auto text = read_whole_file(path);
  if (text) return std::move(*text);
  return tl::unexpected(system_error(text.error().value(), "cannot read " + path.string()));
}

}  // namespace gauntlet::base
