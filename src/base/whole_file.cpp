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
  /// O_NONBLOCK: to open a pipe waits for its other end otherwise.
  explicit OpenFile(const std::filesystem::path& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int fd() const { return fd_; }

 private:
  int fd_;
};

class FileCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "file"; }
  std::string message(int) const override { return "it is a device, a pipe or a socket, and only regular files are read"; }
};

}  // namespace

std::error_code make_error_code(FileProblem problem) {
  static const FileCategory category;
  return {static_cast<int>(problem), category};
}

tl::expected<std::string, std::error_code> read_whole_file(const std::filesystem::path& path, std::size_t most) {
  const OpenFile file(path);
  const auto reason = [] { return tl::unexpected(std::error_code(errno, std::generic_category())); };
  if (file.fd() < 0) return reason();
  const auto too_large = [] { return tl::unexpected(std::make_error_code(std::errc::file_too_large)); };
  struct stat about {};
  if (::fstat(file.fd(), &about) != 0) return reason();
  if (S_ISDIR(about.st_mode)) return tl::unexpected(std::make_error_code(std::errc::is_a_directory));
  if (!S_ISREG(about.st_mode)) return tl::unexpected(make_error_code(FileProblem::not_regular));
  if (static_cast<std::size_t>(about.st_size) > most) return too_large();
  std::string text;
  text.reserve(static_cast<std::size_t>(about.st_size) + 1);  // one allocation where the size is known
  char chunk[65536];
  for (;;) {
    const ssize_t size = ::read(file.fd(), chunk, sizeof chunk);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return reason();
    if (size == 0) return text;
    if (text.size() + static_cast<std::size_t>(size) > most) return too_large();
    text.append(chunk, static_cast<std::size_t>(size));
  }
}

Expected<std::string> read_file(const std::filesystem::path& path) {
  auto text = read_whole_file(path);
  if (text) return std::move(*text);
  if (text.error() == make_error_code(FileProblem::not_regular))
    return fail(ErrorKind::invalid_argument, "cannot read " + path.string() + ": " + text.error().message());
  return tl::unexpected(system_error(text.error().value(), "cannot read " + path.string()));
}

}  // namespace gauntlet::base
