#include "engine/wire/http/chunked_body.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace gauntlet::engine::wire {
namespace {

// Beyond the line ends that every chunk needs, bytes that are no data may not pile up.
constexpr std::uint32_t kMaxOverheadBytes = 64 * 1024;
constexpr std::uint32_t kFreeOverheadPerChunk = 16;

}  // namespace

ChunkedBody::State ChunkedBody::feed(std::string_view bytes, Buffer* out, std::size_t& used, Failure& problem) {
  const auto refuse = [&](const char* what) {
    problem = failure(error_code::kOther, what);
    return State::malformed;
  };
  std::size_t i = 0;
  while (i < bytes.size()) {
    const char c = bytes[i];
    switch (expect_) {
      case Expect::size: {
        const int value = base::hex_value(c);
        if (value >= 0) {
          if (++digits_ > 16) return refuse("http chunk length too large");
          left_ = left_ << 4 | static_cast<std::uint64_t>(value);
          ++i;
          break;
        }
        if (c != ';' && c != ' ' && c != '\t' && c != '\r' && c != '\n') return refuse("invalid byte in chunk length");
        if (digits_ == 0) return refuse("empty hex number for chunk length");
        expect_ = Expect::extension;
        break;
      }
      case Expect::extension:
        ++i;
        if (++overhead_ > kMaxOverheadBytes) return refuse("chunked encoding contains too much non-data");
        if (c != '\n') break;
        digits_ = 0;
        overhead_ -= std::min(overhead_, kFreeOverheadPerChunk);
        expect_ = left_ == 0 ? Expect::trailer_start : Expect::data;
        break;
      case Expect::data: {
        const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - i));
        if (out != nullptr) out->append(bytes.substr(i, take));
        total_ += take;
        left_ -= take;
        i += take;
        if (left_ == 0) expect_ = Expect::data_end_cr;
        break;
      }
      case Expect::data_end_cr:
        if (c != '\r') return refuse("malformed chunked encoding");
        ++i;
        expect_ = Expect::data_end_lf;
        break;
      case Expect::data_end_lf:
        if (c != '\n') return refuse("malformed chunked encoding");
        ++i;
        expect_ = Expect::size;
        break;
      case Expect::trailer_start:
        ++i;
        if (c == '\n') {
          used = i;
          return State::done;
        }
        expect_ = c == '\r' ? Expect::end_lf : Expect::trailer;
        break;
      case Expect::trailer:
        ++i;
        if (++overhead_ > kMaxOverheadBytes) return refuse("chunked encoding contains too much non-data");
        if (c == '\n') expect_ = Expect::trailer_start;
        break;
      case Expect::end_lf:
        if (c != '\n') return refuse("malformed chunked encoding");
        used = i + 1;
        return State::done;
    }
  }
  used = i;
  return State::more;
}

}  // namespace gauntlet::engine::wire
