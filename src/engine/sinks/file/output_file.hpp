#pragma once
// A file that outputs write to: plain, compressed by its name's ending (.gz, .zst), or the standard output ("-").
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace gauntlet::engine::sinks {

/// Belongs to one thread at a time. The first failure is kept and told by close(); what is written after it is dropped.
class OutputFile {
 public:
  /// Creates or truncates the file; fails with the system's words when that cannot be.
  static base::Expected<std::unique_ptr<OutputFile>> open(const std::string& path);
  /// One without a name, which is gone with its last descriptor; compressed as one of that name would be.
  static base::Expected<std::unique_ptr<OutputFile>> open_unnamed(const std::string& like);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// Buffered; about a memcpy. What is written by one call reaches the file by one write(2), unless it is compressed: a
  /// process that is killed leaves whole lines.
  void write(std::string_view text) {
    if (buffer_.size() + text.size() > kBuffer) drain(false);
    buffer_.append(text);
  }
  /// Hands what is buffered to the system (compressed files: what is complete).
  void flush();
  /// Of the open file; -1 for none.
  int descriptor() const;
  /// Writes what is left, and says whether everything went well.
  base::Expected<void> close();

  struct Compressor;

 private:
  static constexpr std::size_t kBuffer = 1U << 20U;

  static std::unique_ptr<OutputFile> with_stream(const std::string& path, std::FILE* file);
  OutputFile(std::string path, std::FILE* file, std::unique_ptr<Compressor> compressor);
  void drain(bool end);
  void put(std::string_view bytes);

  std::string path_;
  std::FILE* file_;
  std::unique_ptr<Compressor> compressor_;  // nullptr: plain
  std::string buffer_;
  std::string failure_;
  bool open_ = true;
};

/// base::open_nameless_file() with the system's words when that cannot be.
base::Expected<int> open_unnamed_file(const std::string& folder);
/// Gives it that name, in place of a file that has it: at once and whole.
base::Expected<void> name_file(int descriptor, const std::string& path);

/// Makes the folders that `path` lies in, and sees that a file can be made there: for what is written at the end of a test,
/// when it would be too late.
base::Expected<void> prepare_place(const std::string& path);

/// Writes `text` to `path` so that the file is there whole or not at all (by a temporary file beside it). "-" prints it.
base::Expected<void> write_whole_file(const std::string& path, std::string_view text);

}  // namespace gauntlet::engine::sinks
