#include "engine/session/home_file.hpp"

#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "base/write_all.hpp"
#include "engine/sinks/file/output_file.hpp"

namespace gauntlet::engine::session {
namespace {

namespace fs = std::filesystem;

/// Agents' samples leave a tenth of what was free before, whatever agents announce.
constexpr std::uint64_t kPartsOfRoom = 10;

std::optional<std::uint64_t> free_bytes(int descriptor) {
  struct statvfs disk {};
  if (fstatvfs(descriptor, &disk) != 0) return std::nullopt;
  return std::uint64_t{disk.f_bavail} * disk.f_frsize;
}

/// An agent without a name is called by its command, and a file's name has 255 bytes at most.
constexpr std::size_t kMostNameBytes = 60;

tl::unexpected<base::Error> refused(std::string what) { return base::fail(base::ErrorKind::invalid_argument, std::move(what)); }

}  // namespace

std::string path_of_agent(std::string_view path, std::string_view agent) {
  std::string name(agent.substr(0, kMostNameBytes));
  for (char& c : name) {
    if (!base::is_digit(c) && !base::is_letter(c) && c != '-' && c != '.') c = '_';
  }
  fs::path plain(path);
  const std::string compression = plain.extension() == ".gz" || plain.extension() == ".zst" ? plain.extension().string() : "";
  if (!compression.empty()) plain.replace_extension();
  const std::string kind = plain.extension().string();
  return (plain.parent_path() / fmt::format("{}.{}{}{}", plain.stem().string(), name, kind, compression)).string();
}

base::Expected<HomeFile> HomeFile::prepare(std::string path) {
  TRY(sinks::prepare_place(path));
  const std::string folder = fs::path(path).parent_path().string();
  const int descriptor = TRY(sinks::open_unnamed_file(folder.empty() ? "." : folder));
  return HomeFile(std::move(path), descriptor, free_bytes(descriptor).value_or(0) / kPartsOfRoom);
}

HomeFile::~HomeFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

HomeFile::HomeFile(HomeFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      left_(other.left_),
      total_(other.total_),
      written_(other.written_),
      is_whole_(other.is_whole_) {}

base::Expected<void> HomeFile::check_room() const {
  const auto available = free_bytes(descriptor_);
  const std::uint64_t room = !available ? UINT64_MAX : *available - std::min(*available, left_);
  if (total_ - written_ > room)
    return base::fail(base::ErrorKind::resource_exhausted,
                      fmt::format("{} takes {:.1f} MB, and the disk has room for {:.1f}", path_, static_cast<double>(total_) / 1e6,
                                  static_cast<double>(written_ + room) / 1e6));
  return {};
}

base::Expected<void> HomeFile::take(const fleet::words::SamplePart& part) {
  if (is_whole_) return refused("a part of samples comes after the last one");
  if (written_ == 0) total_ = part.total();
  if (part.total() != total_ || part.offset() != written_ || part.bytes().size() > total_ - written_ ||
      (part.bytes().empty() && total_ != 0))
    return refused("a part of samples comes out of turn");
  TRY(check_room());  // at each part: others write, too
  if (!base::write_all(descriptor_, part.bytes()))
    return base::fail(base::ErrorKind::unavailable, fmt::format("write {}: {}", path_, std::strerror(errno)));
  written_ += part.bytes().size();
  if (written_ < total_) return {};
  TRY(sinks::name_file(descriptor_, path_));
  is_whole_ = true;
  return {};
}

}  // namespace gauntlet::engine::session
