#include "engine/script/archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/json_document.hpp"
#include "base/text.hpp"
#include "base/utf8.hpp"

namespace gauntlet::engine::script {
namespace {

using nlohmann::json;

constexpr std::string_view kFile = "file://";
constexpr std::string_view kRemote = "https://";

/// "file/a/b.js" is file:///a/b.js, "https/host/c.js" is https://host/c.js.
std::string url_of_entry(const std::string& name) {
  if (name.rfind("file/", 0) == 0) return std::string(kFile) + name.substr(4);
  if (name.rfind("https/", 0) == 0) return std::string(kRemote) + name.substr(6);
  return "";
}
std::string entry_of_url(const std::string& url) {
  if (url.rfind(kFile, 0) == 0) return "file" + url.substr(kFile.size());
  return "https/" + url.substr(kRemote.size());
}

std::string reason_of(::archive* tar) {
  const char* reason = archive_error_string(tar);
  return reason == nullptr ? "it cannot be read" : reason;
}

void add(::archive* tar, const std::string& name, const std::string& text) {
  const std::unique_ptr<::archive_entry, decltype(&archive_entry_free)> entry(archive_entry_new(), &archive_entry_free);
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(text.size()));
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  archive_write_header(tar, entry.get());
  archive_write_data(tar, text.data(), text.size());
}

using Reader = std::unique_ptr<::archive, decltype(&archive_read_free)>;
using Writer = std::unique_ptr<::archive, decltype(&archive_write_free)>;

Reader make_reader() {
  Reader tar(archive_read_new(), &archive_read_free);
  archive_read_support_format_tar(tar.get());
  return tar;
}

Writer make_writer() {
  Writer tar(archive_write_new(), &archive_write_free);
  archive_write_set_format_pax_restricted(tar.get());
  return tar;
}

/// From a reader that was opened with this result.
base::Expected<Archive> read(const Reader& tar, int opened, const std::string& path) {
  const auto damaged = [&](const std::string& why) {
    return base::fail(base::ErrorKind::invalid_argument, fmt::format("{} is no archive of a k6 test: {}", path, why));
  };
  if (opened != ARCHIVE_OK) return damaged(reason_of(tar.get()));

  std::map<std::string, std::string> entries;
  std::vector<std::pair<std::string, std::string>> links;
  std::size_t total = 0;
  ::archive_entry* entry = nullptr;
  int code = ARCHIVE_OK;
  while ((code = archive_read_next_header(tar.get(), &entry)) == ARCHIVE_OK) {
    const char* given_name = archive_entry_pathname_utf8(entry);
    if (given_name == nullptr) given_name = archive_entry_pathname(entry);
    if (given_name == nullptr) return damaged("an entry's name cannot be read");
    const std::string name = given_name;
    if (const char* target = archive_entry_hardlink(entry)) {
      links.emplace_back(name, target);
      continue;
    }
    if (archive_entry_filetype(entry) != AE_IFREG) continue;
    std::string& text = entries[name];
    text.clear();  // of two with one name the later one counts, as in tar
    std::vector<char> block(64 * 1024);
    la_ssize_t size = 0;
    while ((size = archive_read_data(tar.get(), block.data(), block.size())) > 0) {
      total += static_cast<std::size_t>(size);
      if (total > kMostArchiveBytes) return damaged("it holds more than 1 GiB");
      text.append(block.data(), static_cast<std::size_t>(size));
    }
    if (size < 0) return damaged(reason_of(tar.get()));
  }
  if (code != ARCHIVE_EOF) return damaged(reason_of(tar.get()));
  for (const auto& [name, target] : links) {
    const auto found = entries.find(target);
    if (found == entries.end()) continue;
    total += found->second.size();
    if (total > kMostArchiveBytes) return damaged("it holds more than 1 GiB");
    entries[name] = found->second;
  }

  if (base::json_depth(entries["metadata.json"]) > base::kMaxJsonDepth)
    return damaged(fmt::format("its metadata.json is nested deeper than {} levels", base::kMaxJsonDepth));
  const auto metadata = json::parse(entries["metadata.json"], nullptr, false);
  if (!metadata.is_object() || !metadata.contains("filename") || !metadata["filename"].is_string())
    return damaged("there is no metadata.json that names the script");
  Archive archive;
  archive.entry_url = metadata["filename"].get<std::string>();
  const bool has_folder = metadata.contains("pwd") && metadata["pwd"].is_string();
  const std::string folder = has_folder ? metadata["pwd"].get<std::string>() : std::string(kFile) + "/";
  archive.folder = folder.rfind(kFile, 0) == 0 ? folder.substr(kFile.size()) : "/";
  if (metadata.contains("options") && metadata["options"].is_object()) archive.options_json = metadata["options"].dump();
  if (metadata.contains("env") && metadata["env"].is_object()) {
    for (const auto& [name, value] : metadata["env"].items()) {
      if (value.is_string()) archive.environment[name] = value.get<std::string>();
    }
  }
  for (auto& [name, text] : entries) {
    if (const std::string url = url_of_entry(name); !url.empty()) archive.contents[url] = std::move(text);
  }
  if (const auto data = entries.find("data"); data != entries.end()) archive.contents[archive.entry_url] = data->second;
  if (!archive.contents.contains(archive.entry_url)) return damaged(fmt::format("{} is not in it", archive.entry_url));
  return archive;
}

/// To a writer that was opened with this result.
base::Expected<void> write(const Writer& tar, int opened, const std::string& path, const Archive& archive) {
  for (const auto& [url, text] : archive.contents) {
    if (!base::is_utf8(url))
      return base::fail(base::ErrorKind::invalid_argument, fmt::format("{}: its name is no UTF-8, which an archive's names are", url));
  }
  json metadata{{"type", "js"},
                {"options", json::parse(archive.options_json, nullptr, false)},
                {"filename", archive.entry_url},
                {"pwd", std::string(kFile) + archive.folder},
                {"env", archive.environment},
                {"compatibilityMode", "extended"},
                {"k6version", "2.3.0"},
                {"goos", "linux"}};
  if (opened == ARCHIVE_OK) {
    add(tar.get(), "metadata.json", base::json_text(metadata, 2));
    add(tar.get(), "data", archive.contents.at(archive.entry_url));
    for (const auto& [url, text] : archive.contents) add(tar.get(), entry_of_url(url), text);
  }
  if (opened != ARCHIVE_OK || archive_write_close(tar.get()) != ARCHIVE_OK || archive_errno(tar.get()) != 0) {
    const char* why = archive_error_string(tar.get());
    return base::fail(base::ErrorKind::unknown, fmt::format("{}: {}", path, why == nullptr ? "could not be written" : why));
  }
  return {};
}

la_ssize_t append(::archive*, void* text, const void* bytes, std::size_t size) {
  static_cast<std::string*>(text)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

}  // namespace

bool is_archive(const std::string& path) {
  std::error_code failure;
  if (!std::filesystem::is_regular_file(path, failure)) return false;  // to open a pipe waits for its other end
  // The magic of POSIX tar stands behind the first entry's name, mode and size.
  std::ifstream file(path, std::ios::binary);
  file.seekg(257);
  std::string magic(5, '\0');
  file.read(magic.data(), 5);
  return file.good() && magic == "ustar";
}

base::Expected<Archive> read_archive(const std::string& path) {
  const Reader tar = make_reader();
  return read(tar, archive_read_open_filename(tar.get(), path.c_str(), 64 * 1024), path);
}

base::Expected<Archive> unpack_archive(const std::string& name, const std::string& bytes) {
  const Reader tar = make_reader();
  return read(tar, archive_read_open_memory(tar.get(), bytes.data(), bytes.size()), name);
}

base::Expected<void> write_archive(const std::string& path, const Archive& archive) {
  const Writer tar = make_writer();
  return write(tar, path == "-" ? archive_write_open_fd(tar.get(), STDOUT_FILENO) : archive_write_open_filename(tar.get(), path.c_str()),
               path, archive);
}

base::Expected<std::string> pack_archive(const Archive& archive) {
  std::string bytes;
  const Writer tar = make_writer();
  TRY(write(tar, archive_write_open(tar.get(), &bytes, nullptr, &append, nullptr), "the script's archive", archive));
  return bytes;
}

}  // namespace gauntlet::engine::script
