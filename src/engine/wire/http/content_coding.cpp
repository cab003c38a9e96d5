#include "engine/wire/http/content_coding.hpp"

#include <brotli/decode.h>
#include <brotli/encode.h>
#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "base/gzip.hpp"
#include "base/text.hpp"

namespace gauntlet::engine::wire {
namespace {

constexpr std::size_t kOutputStep = 64 * 1024;

/// The decoder could not even start: k6 wraps such an error twice in `error`, once in the log.
Failure cannot_start(std::string_view why) {
  Failure result;
  result.code = error_code::kDecompression;
  result.cause = fmt::format("error decompressing response body ({})", why);
  result.message = fmt::format("error decompressing response body ({})", result.cause);
  return result;
}

/// It ends before its header does.
Failure cut_off() { return failure(error_code::kDecompression, "error decompressing response body (unexpected EOF)"); }

Failure too_large(std::size_t max_bytes) {
  return failure(error_code::kDecompression, fmt::format("error decompressing response body (more than {} bytes)", max_bytes));
}

Failure inflate_body(std::string_view input, bool is_gzip, Buffer& out, std::size_t max_bytes) {
  const std::size_t header = is_gzip ? 10 : 2;
  if (input.size() < header) return cut_off();
  base::Inflater inflater(is_gzip ? base::ZlibFormat::gzip : base::ZlibFormat::zlib);
  z_stream& stream = inflater.begin(input);
  for (;;) {
    char* const into = out.tail(kOutputStep);
    const auto room = static_cast<uInt>(std::min<std::size_t>(out.capacity() - out.size(), 1U << 30));
    stream.next_out = reinterpret_cast<Bytef*>(into);
    stream.avail_out = room;
    const int state = inflate(&stream, Z_NO_FLUSH);
    out.grew(room - stream.avail_out);
    if (out.size() > max_bytes) return too_large(max_bytes);
    if (state == Z_STREAM_END) {
      // A gzip body may be several members, one after the other.
      if (!is_gzip || stream.avail_in == 0) return {};
      inflateReset(&stream);
      continue;
    }
    if (state == Z_DATA_ERROR) {
      if (out.empty() && stream.total_out == 0 && stream.total_in <= header)
        return cannot_start(is_gzip ? "gzip: invalid header" : "zlib: invalid header");
      const bool is_checksum = stream.msg != nullptr && std::string_view(stream.msg).find("check") != std::string_view::npos;
      if (is_checksum) return failure(error_code::kOther, is_gzip ? "gzip: invalid checksum" : "zlib: invalid checksum");
      return failure(error_code::kOther, fmt::format("flate: corrupt input before offset {}", stream.total_in));
    }
    if (state != Z_OK && state != Z_BUF_ERROR) return failure(error_code::kOther, "flate: corrupt input");
    if (stream.avail_in == 0 && stream.avail_out != 0) return failure(error_code::kOther, "unexpected EOF");
  }
}

Failure unbrotli_body(std::string_view input, Buffer& out, std::size_t max_bytes) {
  const std::unique_ptr<BrotliDecoderState, void (*)(BrotliDecoderState*)> state(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr),
                                                                                 &BrotliDecoderDestroyInstance);
  std::size_t left = input.size();
  auto next = reinterpret_cast<const std::uint8_t*>(input.data());
  for (;;) {
    auto* into = reinterpret_cast<std::uint8_t*>(out.tail(kOutputStep));
    const std::size_t room = out.capacity() - out.size();
    std::size_t unused = room;
    const auto result = BrotliDecoderDecompressStream(state.get(), &left, &next, &unused, &into, nullptr);
    out.grew(room - unused);
    if (out.size() > max_bytes) return too_large(max_bytes);
    if (result == BROTLI_DECODER_RESULT_SUCCESS) return {};
    if (result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT) return failure(error_code::kOther, "unexpected EOF");
    if (result == BROTLI_DECODER_RESULT_ERROR) {
      return failure(error_code::kOther, fmt::format("brotli: {}", BrotliDecoderErrorString(BrotliDecoderGetErrorCode(state.get()))));
    }
  }
}

Failure unzstd_body(std::string_view input, Buffer& out, std::size_t max_bytes) {
  const std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> state(ZSTD_createDStream(), &ZSTD_freeDStream);
  ZSTD_inBuffer in{input.data(), input.size(), 0};
  for (;;) {
    char* const into = out.tail(kOutputStep);
    ZSTD_outBuffer to{into, out.capacity() - out.size(), 0};
    const std::size_t result = ZSTD_decompressStream(state.get(), &to, &in);
    out.grew(to.pos);
    if (out.size() > max_bytes) return too_large(max_bytes);
    if (ZSTD_isError(result) != 0) return failure(error_code::kOther, fmt::format("zstd: {}", ZSTD_getErrorName(result)));
    if (in.pos == in.size && to.pos < to.size) return result == 0 ? Failure{} : failure(error_code::kOther, "unexpected EOF");
  }
}

std::string deflate_text(std::string_view body, base::ZlibFormat format) {
  std::string out;
  base::Deflater(format).append(out, body, Z_FINISH);
  return out;
}

}  // namespace

std::optional<ContentCoding> content_coding(std::string_view name) {
  if (base::equals_ignoring_case(name, "gzip")) return ContentCoding::gzip;
  if (base::equals_ignoring_case(name, "deflate")) return ContentCoding::deflate;
  if (base::equals_ignoring_case(name, "zstd")) return ContentCoding::zstd;
  if (base::equals_ignoring_case(name, "br")) return ContentCoding::br;
  return std::nullopt;
}

Failure decode_body(ContentCoding coding, Buffer& body, std::size_t max_bytes) {
  Buffer decoded;
  Failure problem;
  switch (coding) {
    case ContentCoding::gzip: problem = inflate_body(body.view(), true, decoded, max_bytes); break;
    case ContentCoding::deflate: problem = inflate_body(body.view(), false, decoded, max_bytes); break;
    case ContentCoding::br: problem = unbrotli_body(body.view(), decoded, max_bytes); break;
    case ContentCoding::zstd: problem = unzstd_body(body.view(), decoded, max_bytes); break;
  }
  body.swap(decoded);
  return problem;
}

Failure decode_body(std::string_view header, Buffer& body, std::size_t max_bytes) {
  while (!header.empty()) {
    const auto comma = header.rfind(',');
    std::string_view name = base::trimmed(header.substr(comma == std::string_view::npos ? 0 : comma + 1), " ");
    if (base::equals_ignoring_case(name, "x-gzip")) name.remove_prefix(2);  // the same, by RFC 9110 8.4.1.3
    const auto coding = content_coding(name);
    if (!coding) return {};
    if (Failure problem = decode_body(*coding, body, max_bytes)) return problem;
    if (comma == std::string_view::npos) return {};
    header = header.substr(0, comma);
  }
  return {};
}

std::string encode_body(ContentCoding coding, std::string_view body) {
  switch (coding) {
    case ContentCoding::gzip: return deflate_text(body, base::ZlibFormat::gzip);
    case ContentCoding::deflate: return deflate_text(body, base::ZlibFormat::zlib);
    case ContentCoding::zstd: {
      std::string out(ZSTD_compressBound(body.size()), '\0');
      out.resize(ZSTD_compress(out.data(), out.size(), body.data(), body.size(), 3));
      return out;
    }
    case ContentCoding::br: {
      std::string out(BrotliEncoderMaxCompressedSize(body.size()) + 16, '\0');
      std::size_t size = out.size();
      // Quality 6 is what Go's package uses when none is named.
      BrotliEncoderCompress(6, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_GENERIC, body.size(), reinterpret_cast<const std::uint8_t*>(body.data()),
                            &size, reinterpret_cast<std::uint8_t*>(out.data()));
      out.resize(size);
      return out;
    }
  }
  return std::string(body);
}

}  // namespace gauntlet::engine::wire
