#pragma once
// A file system of a test's own that can be full: a tmpfs of bounded size, visible to this process and its children
// only, gone when they are.
#include <cstddef>
#include <filesystem>
#include <optional>

namespace gauntlet::support {

class SmallDisk {
 public:
  /// Nothing where this user may not mount. To be called before the first thread is started.
  static std::optional<SmallDisk> mount(std::size_t bytes);
  ~SmallDisk();
  SmallDisk(SmallDisk&& other) noexcept;
  SmallDisk& operator=(SmallDisk&&) = delete;

  const std::filesystem::path& folder() const { return folder_; }
  /// Not a page is left; a writer meets ENOSPC.
  void fill();
  /// What fill() took is free again.
  void free();

 private:
  explicit SmallDisk(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path folder_;  // empty: moved away
};

}  // namespace gauntlet::support
