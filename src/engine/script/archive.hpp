#pragma once
// k6's archives: a tar file with a script, all that it imports and opens, its options and its variables, so that a test
// runs elsewhere as it would here. Those that k6 1.8 writes are read, and those written here k6 reads.
//
//   metadata.json   options, entry URL, folder, variables
//   data            the entry script
//   file/...        files by their absolute path; https/... modules by their URL
#include <map>
#include <string>

#include "base/error.hpp"

namespace gauntlet::engine::script {

struct Archive {
  std::string entry_url;     ///< "file:///a/script.js"
  std::string folder;        ///< what open() is relative to, "/a"
  std::string options_json;  ///< as they were when it was made
  std::map<std::string, std::string> environment;
  std::map<std::string, std::string> contents;  ///< by URL: "file:///a/b.json", "https://host/c.js"
};

/// Whether the file is a tar file.
bool is_archive(const std::string& path);
/// Fails, naming it, on a file that is damaged, is no archive of a test, or is larger than kMostArchiveBytes in all.
base::Expected<Archive> read_archive(const std::string& path);
/// "-" writes to the standard output.
base::Expected<void> write_archive(const std::string& path, const Archive& archive);
/// The same in memory; `name` is for messages.
base::Expected<Archive> unpack_archive(const std::string& name, const std::string& bytes);
base::Expected<std::string> pack_archive(const Archive& archive);

inline constexpr std::size_t kMostArchiveBytes = 1U << 30U;

}  // namespace gauntlet::engine::script
