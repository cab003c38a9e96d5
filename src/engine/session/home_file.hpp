#pragma once
// A file of single samples that an agent wrote, as its leader takes it in: without a name until it is whole.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "engine/fleet/frames.hpp"

namespace gauntlet::engine::session {

/// "out.csv.gz" of agent "lg 1" is "out.lg_1.csv.gz": what could be no part of a file's name is an underscore.
std::string path_of_agent(std::string_view path, std::string_view agent);

class HomeFile {
 public:
  /// Fails where the file could not be made.
  static base::Expected<HomeFile> prepare(std::string path);
  ~HomeFile();
  HomeFile(HomeFile&& other) noexcept;
  HomeFile& operator=(HomeFile&&) = delete;

  /// The next part; the last one gives the file its name. An error says what is wrong with the part, or why it cannot be written.
  base::Expected<void> take(const fleet::words::SamplePart& part);
  bool is_whole() const { return is_whole_; }
  const std::string& path() const { return path_; }

 private:
  HomeFile(std::string path, int descriptor, std::uint64_t left) : path_(std::move(path)), descriptor_(descriptor), left_(left) {}
  base::Expected<void> check_room() const;

  std::string path_;
  int descriptor_;
  std::uint64_t left_;       // so many bytes of the disk stay free
  std::uint64_t total_ = 0;  // as the first part says
  std::uint64_t written_ = 0;
  bool is_whole_ = false;
};

}  // namespace gauntlet::engine::session
