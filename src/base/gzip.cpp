#include "base/gzip.hpp"

#include <algorithm>
#include <new>

namespace gauntlet::base {
namespace {

void set_input(z_stream& stream, std::string_view bytes) {
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
}

/// Grows `out` by `room` for the coder's next step.
void set_output(z_stream& stream, std::string& out, std::size_t room) {
  const std::size_t before = out.size();
  out.resize(before + room);
  stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
  stream.avail_out = static_cast<uInt>(room);
}

}  // namespace

Deflater::Deflater(ZlibFormat format, int level, int memory) {
  if (deflateInit2(&stream_, level, Z_DEFLATED, static_cast<int>(format), memory, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
}

void Deflater::append(std::string& out, std::string_view text, int flush) {
  constexpr std::size_t kFlushBytes = 16, kStep = 16 * 1024;
  set_input(stream_, text);
  std::size_t room = bound(text.size()) + kFlushBytes;
  // What earlier calls left inside comes now: room for it, where there is some already.
  if (flush != Z_NO_FLUSH) room = std::max(room, std::min(out.capacity() - out.size(), kStep));
  for (;; room = std::max(room, kStep)) {
    set_output(stream_, out, room);
    deflate(&stream_, flush);
    out.resize(out.size() - stream_.avail_out);
    if (stream_.avail_out > 0) return;
  }
}

Inflater::Inflater(ZlibFormat format) {
  if (inflateInit2(&stream_, static_cast<int>(format)) != Z_OK) throw std::bad_alloc();
}

z_stream& Inflater::begin(std::string_view packed) {
  inflateReset(&stream_);
  set_input(stream_, packed);
  return stream_;
}

Inflated Inflater::read(std::string_view packed, std::size_t limit, std::string& text) {
  begin(packed);
  text.clear();
  for (int state = Z_OK; state != Z_STREAM_END;) {
    if (text.size() > limit) return Inflated::too_large;
    set_output(stream_, text, std::clamp<std::size_t>(text.size(), 4096, 1 << 20));
    state = inflate(&stream_, Z_NO_FLUSH);
    text.resize(text.size() - stream_.avail_out);
    if (state != Z_OK && state != Z_STREAM_END) return Inflated::malformed;
  }
  if (text.size() > limit) return Inflated::too_large;
  return stream_.avail_in == 0 ? Inflated::ok : Inflated::malformed;
}

}  // namespace gauntlet::base
