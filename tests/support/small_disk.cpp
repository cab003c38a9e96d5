#include "support/small_disk.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>

namespace gauntlet::support {
namespace {

namespace fs = std::filesystem;

fs::path ballast_in(const fs::path& folder) { return folder / "ballast"; }

}  // namespace

std::optional<SmallDisk> SmallDisk::mount(std::size_t bytes) {
  // In a mount namespace of our own, so that nothing stays behind however we end.
  if (unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return std::nullopt;
  std::string pattern = (fs::temp_directory_path() / "gauntlet-disk-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) return std::nullopt;
  const std::string options = "mode=0755,size=" + std::to_string(bytes);
  if (::mount("tmpfs", pattern.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    rmdir(pattern.c_str());
    return std::nullopt;
  }
  return SmallDisk(pattern);
}

SmallDisk::SmallDisk(SmallDisk&& other) noexcept : folder_(std::exchange(other.folder_, {})) {}

SmallDisk::~SmallDisk() {
  if (folder_.empty()) return;
  umount2(folder_.c_str(), MNT_DETACH);
  rmdir(folder_.c_str());
}

void SmallDisk::fill() {
  const int fd = open(ballast_in(folder_).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return;
  off_t end = 0;
  for (off_t piece = off_t{1} << 30; piece >= 4096;)
    if (fallocate(fd, 0, end, piece) == 0)
      end += piece;
    else
      piece /= 2;
  close(fd);
}

void SmallDisk::free() {
  std::error_code ignored;
  fs::remove(ballast_in(folder_), ignored);
}

}  // namespace gauntlet::support
