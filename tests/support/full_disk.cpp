// Preloaded into a program: while the file that GAUNTLET_FULL_DISK names exists, the disk is full. What is on it can be read
// and overwritten; no file grows.
#include <dlfcn.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace {

bool refused(int file, off_t end) {
  static const char* const flag = std::getenv("GAUNTLET_FULL_DISK");
  struct stat about {};
  return flag != nullptr && access(flag, F_OK) == 0 && fstat(file, &about) == 0 && S_ISREG(about.st_mode) && end > about.st_size;
}

int out_of_space() {
  errno = ENOSPC;
  return -1;
}

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

off_t length(const iovec* pieces, int count) {
  off_t bytes = 0;
  for (int i = 0; i < count; ++i) bytes += static_cast<off_t>(pieces[i].iov_len);
  return bytes;
}

}  // namespace

extern "C" {

ssize_t write(int file, const void* bytes, size_t size) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t)>("write");
  const off_t at = lseek(file, 0, SEEK_CUR);
  if (at >= 0 && refused(file, at + static_cast<off_t>(size))) return out_of_space();
  return real(file, bytes, size);
}

ssize_t pwrite(int file, const void* bytes, size_t size, off_t at) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
  return refused(file, at + static_cast<off_t>(size)) ? out_of_space() : real(file, bytes, size, at);
}
ssize_t pwrite64(int file, const void* bytes, size_t size, off64_t at) { return pwrite(file, bytes, size, at); }

ssize_t pwritev(int file, const iovec* pieces, int count, off_t at) {
  static const auto real = next<ssize_t (*)(int, const iovec*, int, off_t)>("pwritev");
  return refused(file, at + length(pieces, count)) ? out_of_space() : real(file, pieces, count, at);
}
ssize_t pwritev64(int file, const iovec* pieces, int count, off64_t at) { return pwritev(file, pieces, count, at); }

int posix_fallocate(int file, off_t at, off_t size) {
  static const auto real = next<int (*)(int, off_t, off_t)>("posix_fallocate");
  return refused(file, at + size) ? ENOSPC : real(file, at, size);
}
int posix_fallocate64(int file, off64_t at, off64_t size) { return posix_fallocate(file, at, size); }

}  // extern "C"
