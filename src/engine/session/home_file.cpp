#include "engine/session/home_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/text.hpp"
#include "base/write_all.hpp"
#include "engine/sinks/file/output_file.hpp"

namespace gauntlet::engine::session {
namespace {

namespace fs = std::filesystem;

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
  return HomeFile(std::move(path), descriptor);
}

HomeFile::~HomeFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

HomeFile::HomeFile(HomeFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      total_(other.total_),
      written_(other.written_),
      is_whole_(other.is_whole_) {}

base::Expected<void> HomeFile::check_total(std::uint64_t total) const {
  std::error_code error;
  const fs::space_info space = fs::space(fmt::format("/proc/self/fd/{}", descriptor_), error);
  if (!error && total > space.available)
    return base::fail(base::ErrorKind::resource_exhausted,
                      fmt::format("{} takes {:.1f} MB, and the disk has room for {:.1f}", path_, static_cast<double>(total) / 1e6,
                                  static_cast<double>(space.available) / 1e6));
  return {};
}

base::Expected<void> HomeFile::take(const fleet::words::SamplePart& part) {
  if (is_whole_) return refused("a part of samples comes after the last one");
  if (written_ == 0) {
    TRY(check_total(part.total()));
    total_ = part.total();
  }
  if (part.total() != total_ || part.offset() != written_ || part.bytes().size() > total_ - written_ ||
      (part.bytes().empty() && total_ != 0))
    return refused("a part of samples comes out of turn");
  if (!base::write_all(descriptor_, part.bytes()))
    return base::fail(base::ErrorKind::unavailable, fmt::format("write {}: {}", path_, std::strerror(errno)));
  written_ += part.bytes().size();
  if (written_ < total_) return {};
  TRY(sinks::name_file(descriptor_, path_));
  is_whole_ = true;
  return {};
}

}  // namespace gauntlet::engine::session
