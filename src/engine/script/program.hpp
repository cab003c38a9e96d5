#pragma once
// The script of a test with every file that it loads: read, classified and compiled once in a process, and shared by
// the runtimes of all virtual users, which only instantiate the bytecode.
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.hpp"
#include "engine/script/archive.hpp"

namespace gauntlet::engine::script {

/// One script file. Its URL ("file:///a/b.js") is its name in stack traces, as in k6.
struct Source {
  enum class Kind { es_module, common_js };
  std::string url;
  std::string text;
  Kind kind = Kind::es_module;

  /// Files that end in .ts, and standard input.
  bool may_be_typescript() const { return url.ends_with(".ts") || url.ends_with("/-"); }
};

/// Thread-safe.
class Program {
 public:
  using Bytecode = std::shared_ptr<const std::vector<std::uint8_t>>;  // shared: virtual users read it while others load
  using File = std::shared_ptr<const std::string>;                    // shared: may outlive the cache in an ArrayBuffer

  /// The script at `path`, relative to the working directory. Fails when it cannot be read.
  static base::Expected<std::unique_ptr<Program>> from_file(const std::string& path);
  /// A script from standard input; its imports are relative to the working directory.
  static std::unique_ptr<Program> from_text(std::string text);
  /// A test that was packed; nothing is read from the disk. `path` is how the user named it.
  static std::unique_ptr<Program> from_archive(const std::string& path, Archive archive);

  const std::string& entry_url() const { return entry_url_; }
  /// As the user named it on the command line; "-" for standard input.
  const std::string& given_name() const { return given_name_; }

  /// The URL (or name of a native module) that `specifier` means in the module `base_url`, or k6's message.
  base::Expected<std::string> resolve(std::string_view specifier, std::string_view base_url) const;
  /// The file of a resolved URL; read once. Modules of other hosts (https) come from the module folder, see
  /// module_folder(): nothing is fetched while a test runs. `specifier` is for the message when there is none.
  base::Expected<const Source*> load(const std::string& url, std::string_view specifier);

  /// nullptr until someone has compiled that source.
  Bytecode bytecode(const std::string& url) const;
  void keep_bytecode(const std::string& url, std::vector<std::uint8_t> bytecode);

  /// The file that open(path) means, as an absolute path.
  std::string data_path(const std::string& path) const;
  /// A data file of open(); relative to the entry script's folder, or absolute. Read once.
  base::Expected<File> open(const std::string& path);
  /// What a packed test was packed with; nullptr for others.
  const Archive* packed() const { return packed_ ? &*packed_ : nullptr; }
  /// The entry script's folder, what open() is relative to.
  const std::string& folder() const { return entry_folder_; }
  /// Everything that has been loaded and opened so far, by URL.
  std::map<std::string, std::string> contents() const;
  /// URLs of the scripts loaded so far and names of the native modules that they import, sorted.
  std::vector<std::string> imports() const;

  /// open() is over for files that have not been opened in the first init.
  void seal_files() { files_sealed_ = true; }

  /// Where copies of remote modules lie, as <folder>/<host>/<path>: $GAUNTLET_MODULES, or gauntlet/modules in the
  /// user's cache folder.
  static std::string module_folder();

 private:
  Program() = default;
  /// Data files together may take this part of the machine's memory: they stay there for the whole test.
  static constexpr std::size_t kDataShare = 4;

  base::Expected<std::string> read(const std::string& path, const std::string& url, std::size_t most) const;

  std::string given_name_;
  std::string entry_url_;
  std::string entry_folder_;
  bool files_sealed_ = false;
  std::optional<Archive> packed_;
  mutable std::mutex mutex_;
  mutable std::set<std::string> native_modules_;
  std::unordered_map<std::string, std::unique_ptr<Source>> sources_;
  std::unordered_map<std::string, Bytecode> bytecodes_;
  std::unordered_map<std::string, File> files_;
  std::size_t data_bytes_ = 0;  // of files_
};

}  // namespace gauntlet::engine::script
