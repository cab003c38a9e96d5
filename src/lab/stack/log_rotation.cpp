#include "lab/stack/log_rotation.hpp"

namespace gauntlet::lab {

namespace fs = std::filesystem;

void rotate_log(const fs::path& log, std::uintmax_t limit) {
  std::error_code error;
  if (const auto size = fs::file_size(log, error); error || size <= limit) return;
  const fs::path previous = log.string() + ".1";
  fs::copy_file(log, previous, fs::copy_options::overwrite_existing, error);
  if (error) fs::remove(previous, error);  // half a copy helps nobody
  fs::resize_file(log, 0, error);
}

}  // namespace gauntlet::lab
