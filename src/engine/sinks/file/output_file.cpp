#include "engine/sinks/file/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/gzip.hpp"
#include "base/nameless_file.hpp"

namespace gauntlet::engine::sinks {

/// Turns text into compressed bytes, which it appends to `out`; with `end` all that is left. False on failure.
struct OutputFile::Compressor {
  virtual ~Compressor() = default;
  virtual bool run(std::string_view text, bool end, std::string& out) = 0;
};

namespace {

constexpr std::size_t kChunk = 1U << 17U;

base::Error system_error(const std::string& action, const std::string& path, int number) {
  const base::ErrorKind kind = number == ENOENT ? base::ErrorKind::not_found : base::ErrorKind::unavailable;
  return {kind, action + " " + path + ": " + std::strerror(number)};
}

}  // namespace

// Both at their quickest levels: the writer thread is to keep up with the load rather than to save the last byte.

struct GzipCompressor final : OutputFile::Compressor {
  bool run(std::string_view text, bool end, std::string& out) override {
    deflater.append(out, text, end ? Z_FINISH : Z_NO_FLUSH);
    return true;
  }

  base::Deflater deflater{base::ZlibFormat::gzip, 1};
};

struct ZstdCompressor final : OutputFile::Compressor {
  ZstdCompressor() : stream(ZSTD_createCStream()) {
    if (stream != nullptr) ZSTD_initCStream(stream, 1);
  }
  ~ZstdCompressor() override { ZSTD_freeCStream(stream); }
  ZstdCompressor(const ZstdCompressor&) = delete;
  ZstdCompressor& operator=(const ZstdCompressor&) = delete;

  bool run(std::string_view text, bool end, std::string& out) override {
    if (stream == nullptr) return false;
    ZSTD_inBuffer in{text.data(), text.size(), 0};
    std::size_t left = 0;
    do {
      std::array<char, kChunk> chunk;
      ZSTD_outBuffer to{chunk.data(), chunk.size(), 0};
      left = ZSTD_compressStream2(stream, &to, &in, end ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(left) != 0) return false;
      out.append(chunk.data(), to.pos);
    } while (in.pos < in.size || (end && left != 0));
    return true;
  }

  ZSTD_CStream* stream;
};

OutputFile::OutputFile(std::string path, std::FILE* file, std::unique_ptr<Compressor> compressor)
    : path_(std::move(path)), file_(file), compressor_(std::move(compressor)) {
  buffer_.reserve(kBuffer);
}

base::Expected<std::unique_ptr<OutputFile>> OutputFile::open(const std::string& path) {
  std::FILE* file = path == "-" ? stdout : std::fopen(path.c_str(), "wb");
  if (file == nullptr) return tl::unexpected(system_error("open", path, errno));
  return with_stream(path, file);
}

base::Expected<std::unique_ptr<OutputFile>> OutputFile::open_unnamed(const std::string& like) {
  std::error_code none;
  const std::string folder = std::filesystem::temp_directory_path(none).string();
  const int descriptor = TRY(open_unnamed_file(none ? "/tmp" : folder));
  std::FILE* file = fdopen(descriptor, "wb");
  if (file == nullptr) {
    ::close(descriptor);
    return tl::unexpected(system_error("open", folder, ENOMEM));
  }
  auto output = with_stream(like, file);
  output->path_ = "a temporary file in " + folder;
  return output;
}

int OutputFile::descriptor() const { return open_ ? fileno(file_) : -1; }

std::unique_ptr<OutputFile> OutputFile::with_stream(const std::string& path, std::FILE* file) {
  if (file != stdout) std::setvbuf(file, nullptr, _IONBF, 0);  // buffer_ is the buffer
  std::unique_ptr<Compressor> compressor;
  if (path.ends_with(".gz")) compressor = std::make_unique<GzipCompressor>();
  if (path.ends_with(".zst")) compressor = std::make_unique<ZstdCompressor>();
  return std::unique_ptr<OutputFile>(new OutputFile(path, file, std::move(compressor)));
}

OutputFile::~OutputFile() { static_cast<void>(close()); }

void OutputFile::put(std::string_view bytes) {
  if (!failure_.empty() || bytes.empty()) return;
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) {
    failure_ = system_error("write", path_, errno).message;
  }
}

void OutputFile::drain(bool end) {
  if (compressor_) {
    std::string compressed;
    if (!compressor_->run(buffer_, end, compressed) && failure_.empty()) failure_ = "compress " + path_ + ": out of memory";
    put(compressed);
  } else {
    put(buffer_);
  }
  buffer_.clear();
}

void OutputFile::flush() {
  drain(false);
  if (std::fflush(file_) != 0 && failure_.empty()) failure_ = system_error("write", path_, errno).message;
}

base::Expected<void> OutputFile::close() {
  if (open_) {
    open_ = false;
    drain(true);
    const int result = file_ == stdout ? std::fflush(file_) : std::fclose(file_);
    if (result != 0 && failure_.empty()) failure_ = system_error("write", path_, errno).message;
  }
  if (!failure_.empty()) return base::fail(base::ErrorKind::unavailable, failure_);
  return {};
}

base::Expected<int> open_unnamed_file(const std::string& folder) {
  const int descriptor = base::open_nameless_file(folder);
  if (descriptor < 0) return tl::unexpected(system_error("make a temporary file in", folder, errno));
  return descriptor;
}

base::Expected<void> name_file(int descriptor, const std::string& path) {
  const std::string opened = "/proc/self/fd/" + std::to_string(descriptor);
  const std::string temporary = path + ".part-" + std::to_string(getpid());
  std::error_code error;
  if (linkat(AT_FDCWD, opened.c_str(), AT_FDCWD, temporary.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    std::filesystem::copy_file(opened, temporary, std::filesystem::copy_options::overwrite_existing, error);
  }
  if (!error) std::filesystem::rename(temporary, path, error);
  if (!error) return {};
  std::remove(temporary.c_str());
  return tl::unexpected(system_error("write", path, error.value()));
}

base::Expected<void> prepare_place(const std::string& path) {
  struct stat status {};
  if (path == "-") return {};
  if (stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    if (S_ISDIR(status.st_mode)) return tl::unexpected(system_error("write", path, EISDIR));
    return {};
  }
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return tl::unexpected(system_error("make the folder", folder, error.value()));
  if (access(folder.c_str(), W_OK) != 0) return tl::unexpected(system_error("create", path, errno));
  return {};
}

base::Expected<void> write_whole_file(const std::string& path, std::string_view text) {
  struct stat status {};
  if (path == "-" || (stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode))) {
    // A device or a pipe cannot be replaced by a file, and need not be.
    auto out = TRY(OutputFile::open(path));
    out->write(text);
    return out->close();
  }
  const std::string temporary = path + ".part-" + std::to_string(getpid());
  std::FILE* file = std::fopen(temporary.c_str(), "wb");
  if (file == nullptr) return tl::unexpected(system_error("create", path, errno));
  bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  int number = errno;
  if (written && (std::fflush(file) != 0 || fsync(fileno(file)) != 0)) {
    written = false;
    number = errno;
  }
  if (std::fclose(file) != 0 && written) {
    written = false;
    number = errno;
  }
  if (written && std::rename(temporary.c_str(), path.c_str()) != 0) {
    written = false;
    number = errno;
  }
  if (!written) {
    std::remove(temporary.c_str());
    return tl::unexpected(system_error("write", path, number));
  }
  return {};
}

}  // namespace gauntlet::engine::sinks
