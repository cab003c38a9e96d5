#pragma once
// Content-Encoding both ways: gzip, deflate (zlib), br, zstd.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "engine/wire/buffer.hpp"
#include "engine/wire/failure.hpp"

namespace gauntlet::engine::wire {

enum class ContentCoding { gzip, deflate, zstd, br };

/// By its name in a header; nothing for what is not known (k6 leaves such bodies as they are).
std::optional<ContentCoding> content_coding(std::string_view name);

/// Decodes `body` in place. On failure the failure says why in Go's words, and `body` holds what could be decoded.
/// Bodies that grow beyond `max_bytes` fail: decompression bombs.
Failure decode_body(ContentCoding coding, Buffer& body, std::size_t max_bytes);
/// Undoes a Content-Encoding header's list from its end, as far as the codings are known.
Failure decode_body(std::string_view header, Buffer& body, std::size_t max_bytes);

std::string encode_body(ContentCoding coding, std::string_view body);

}  // namespace gauntlet::engine::wire
