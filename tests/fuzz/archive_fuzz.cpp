// Archives of tests, as somebody else made them: read, or refused with words. The first byte chooses between the bytes as
// a tar file and the bytes as the metadata.json of a good one.
#include "engine/script/archive.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "fuzz/bytes.hpp"

using namespace gauntlet;
using namespace gauntlet::engine;

namespace {

/// One entry of a tar file: POSIX.1-1988's header, and the text in blocks of 512 bytes.
void append_entry(std::string& tar, std::string_view name, std::string_view text) {
  std::string header(512, '\0');
  const auto put = [&](std::size_t at, std::string_view field) { header.replace(at, field.size(), field); };
  put(0, name);
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, fmt::format("{:011o}", text.size()));
  put(136, "00000000000");
  put(148, "        ");
  put(156, "0");
  put(257, std::string_view("ustar\00000", 8));
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(148, fmt::format("{:06o}", sum));
  tar += header;
  tar += text;
  tar.resize((tar.size() + 511) / 512 * 512);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes bytes(data, size);
  std::string tar;
  if (bytes.choice(2) == 1) {
    append_entry(tar, "metadata.json", bytes.rest());
    append_entry(tar, "data", "export default function () {}");
    append_entry(tar, "file/a/b.json", "{}");
    tar.append(1024, '\0');
  } else {
    tar = bytes.rest();
  }
  static const int file = memfd_create("archive", MFD_CLOEXEC);
  static const std::string path = fmt::format("/proc/self/fd/{}", file);
  fuzz::require(ftruncate(file, 0) == 0 && pwrite(file, tar.data(), tar.size(), 0) == static_cast<ssize_t>(tar.size()), "a file in memory");
  static_cast<void>(script::is_archive(path));
  const auto archive = script::read_archive(path);
  if (archive) {
    fuzz::require(archive->contents.contains(archive->entry_url), "an archive holds its script");
  } else {
    fuzz::require(archive.error().message.find(path) != std::string::npos, "a refusal names the file");
  }
  return 0;
}
