#include "engine/script/program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/machine_memory.hpp"
#include "base/whole_file.hpp"
#include "engine/script/module_syntax.hpp"

namespace gauntlet::engine::script {
namespace {

constexpr std::string_view kFileScheme = "file://";
constexpr std::string_view kRemoteScheme = "https://";

base::Expected<std::string> read_file(const std::string& path, std::size_t most = base::kLargestFile) {
  auto text = base::read_whole_file(path, most);
  if (text) return std::move(*text);
  if (text.error() == std::errc::file_too_large) {
    return base::fail(base::ErrorKind::resource_exhausted,
                      fmt::format("open {}: the file is too large: there is room for {} MB", path, most >> 20));
  }
  if (text.error() == base::FileProblem::not_regular)
    return base::fail(base::ErrorKind::invalid_argument, fmt::format("open {}: {}", path, text.error().message()));
  if (text.error() == std::errc::is_a_directory)
    return base::fail(base::ErrorKind::invalid_argument, "open() can't be used with directories, path: \"" + path + "\"");
  const bool missing = text.error() == std::errc::no_such_file_or_directory;
  return base::fail(base::ErrorKind::not_found, "stat " + path + ": " + (missing ? "no such file or directory" : text.error().message()));
}

std::string path_of(std::string_view url) { return std::string(url.substr(kFileScheme.size())); }
std::string url_of(const std::string& path) { return std::string(kFileScheme) + path; }

bool starts_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

}  // namespace

base::Expected<std::unique_ptr<Program>> Program::from_file(const std::string& path) {
  std::error_code failure;
  const std::string absolute = std::filesystem::absolute(path).lexically_normal().string();
  if (!std::filesystem::exists(absolute, failure)) {
    return base::fail(base::ErrorKind::not_found,
                      "The moduleSpecifier \"" + path +
                          "\" couldn't be found on local disk. Make sure that you've specified the right path to the file.");
  }
  auto text = TRY(read_file(absolute));
  auto program = from_text(std::move(text));
  auto source = std::move(program->sources_.begin()->second);
  program->sources_.clear();
  program->given_name_ = path;
  program->entry_url_ = source->url = url_of(absolute);
  program->entry_folder_ = std::filesystem::path(absolute).parent_path().string();
  program->sources_.emplace(program->entry_url_, std::move(source));
  return program;
}

std::unique_ptr<Program> Program::from_text(std::string text) {
  std::unique_ptr<Program> program(new Program());
  program->given_name_ = "-";
  program->entry_folder_ = std::filesystem::current_path().string();
  program->entry_url_ = url_of(program->entry_folder_ + "/-");
  auto source = std::make_unique<Source>();
  source->url = program->entry_url_;
  source->kind = is_es_module(text) ? Source::Kind::es_module : Source::Kind::common_js;
  source->text = std::move(text);
  program->sources_.emplace(program->entry_url_, std::move(source));
  return program;
}

std::unique_ptr<Program> Program::from_archive(const std::string& path, Archive archive) {
  auto program = from_text(archive.contents.at(archive.entry_url));
  auto source = std::move(program->sources_.begin()->second);
  program->sources_.clear();
  program->given_name_ = path;
  program->entry_url_ = source->url = archive.entry_url;
  program->entry_folder_ = archive.folder;
  program->sources_.emplace(program->entry_url_, std::move(source));
  program->packed_ = std::move(archive);
  return program;
}

base::Expected<std::string> Program::read(const std::string& path, const std::string& url, std::size_t most) const {
  if (!packed_) return read_file(path, most);
  const auto found = packed_->contents.find(url);
  if (found != packed_->contents.end()) return found->second;
  return base::fail(base::ErrorKind::not_found, "stat " + path + ": it is not in the archive " + given_name_);
}

std::map<std::string, std::string> Program::contents() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::string> all;
  for (const auto& [path, content] : files_) all[url_of(path)] = *content;
  for (const auto& [url, source] : sources_) all[url] = source->text;
  return all;
}

std::vector<std::string> Program::imports() const {
  const std::lock_guard lock(mutex_);
  std::set<std::string> all = native_modules_;
  for (const auto& [url, source] : sources_) all.insert(url);
  return {all.begin(), all.end()};
}

base::Expected<std::string> Program::resolve(std::string_view specifier, std::string_view base_url) const {
  if (specifier == "k6" || starts_with(specifier, "k6/")) {
    const std::lock_guard lock(mutex_);
    return *native_modules_.emplace(specifier).first;
  }
  if (starts_with(specifier, kFileScheme)) return std::string(specifier);
  if (starts_with(specifier, kRemoteScheme)) return std::string(specifier);
  if (starts_with(specifier, "http://")) {
    return base::fail(base::ErrorKind::unimplemented,
                      "The module \"" + std::string(specifier) + "\" is imported over http, and only https is allowed.");
  }
  const bool is_relative = starts_with(specifier, "./") || starts_with(specifier, "../");
  if (is_relative || starts_with(specifier, "/")) {
    // A remote module's neighbours are on its host.
    const std::size_t root = starts_with(base_url, kRemoteScheme) ? base_url.find('/', kRemoteScheme.size()) : kFileScheme.size();
    if (root == std::string_view::npos) return std::string(base_url) + std::string(specifier);
    const std::filesystem::path folder = std::filesystem::path(base_url.substr(root)).parent_path();
    const auto path = is_relative ? folder / std::string(specifier) : std::filesystem::path(specifier);
    return std::string(base_url.substr(0, root)) + path.lexically_normal().string();
  }
  return base::fail(base::ErrorKind::not_found,
                    "The moduleSpecifier \"" + std::string(specifier) + "\" couldn't be recognised as something k6 supports.");
}

base::Expected<const Source*> Program::load(const std::string& url, std::string_view specifier) {
  const std::lock_guard lock(mutex_);
  if (const auto found = sources_.find(url); found != sources_.end()) return found->second.get();
  const bool is_remote = starts_with(url, kRemoteScheme);
  const std::string path = is_remote
                               ? module_folder() + std::filesystem::path("/" + url.substr(kRemoteScheme.size())).lexically_normal().string()
                               : path_of(url);
  auto text = read(path, url, base::kLargestFile);
  if (!text && is_remote && !packed_) {
    return base::fail(base::ErrorKind::not_found,
                      "The module \"" + url + "\" is remote, and nothing is fetched while a test runs. Put a copy of it at " + path +
                          " (curl --create-dirs -fLo '" + path + "' '" + url + "'); GAUNTLET_MODULES names another folder.");
  }
  if (!text && text.error().kind != base::ErrorKind::not_found) return tl::unexpected(std::move(text).error());
  if (!text) {
    return base::fail(base::ErrorKind::not_found,
                      "The moduleSpecifier \"" + std::string(specifier) +
                          "\" couldn't be found on local disk. Make sure that you've specified the right path to the file.");
  }
  auto source = std::make_unique<Source>();
  source->url = url;
  source->kind = is_es_module(*text) ? Source::Kind::es_module : Source::Kind::common_js;
  source->text = std::move(*text);
  return sources_.emplace(url, std::move(source)).first->second.get();
}

std::string Program::module_folder() {
  if (const char* named = std::getenv("GAUNTLET_MODULES"); named != nullptr && *named != '\0') return named;
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0')
    return std::string(cache) + "/gauntlet/modules";
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "/tmp" : home) + "/.cache/gauntlet/modules";
}

Program::Bytecode Program::bytecode(const std::string& url) const {
  const std::lock_guard lock(mutex_);
  const auto found = bytecodes_.find(url);
  return found == bytecodes_.end() ? nullptr : found->second;
}

void Program::keep_bytecode(const std::string& url, std::vector<std::uint8_t> bytecode) {
  const std::lock_guard lock(mutex_);
  bytecodes_[url] = std::make_shared<const std::vector<std::uint8_t>>(std::move(bytecode));
}

std::string Program::data_path(const std::string& path) const {
  const std::filesystem::path given(starts_with(path, kFileScheme) ? path_of(path) : path);
  std::string name = (given.is_absolute() ? given : std::filesystem::path(entry_folder_) / given).lexically_normal().string();
  if (name.size() > 1 && name.back() == '/') name.pop_back();
  return name;
}

base::Expected<Program::File> Program::open(const std::string& path) {
  const std::string name = data_path(path);
  const std::lock_guard lock(mutex_);
  if (const auto found = files_.find(name); found != files_.end()) return found->second;
  if (files_sealed_) {
    return base::fail(base::ErrorKind::failed_precondition,
                      "open() can't be used with files that weren't previously opened during initialization (__VU==0), "
                      "path: \"" +
                          name + "\"");
  }
  const std::size_t room = base::machine_memory_bytes() / kDataShare;
  auto text = TRY(read(name, url_of(name), room - std::min(room, data_bytes_)));
  data_bytes_ += text.size();
  return files_.emplace(name, std::make_shared<const std::string>(std::move(text))).first->second;
}

}  // namespace gauntlet::engine::script
