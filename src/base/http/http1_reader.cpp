#include "base/http/http1_reader.hpp"

#include <http_parser.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include "base/text.hpp"

namespace gauntlet::base::http {
namespace {

constexpr std::size_t kMaxHeaders = 128;
constexpr std::size_t kLineOverhead = 4;  // ": " and the line's end count too
constexpr std::string_view kLoneReturn = "a carriage return without a line feed behind it";

bool is_token(std::string_view text) {
  constexpr std::string_view kPunctuation = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_digit(c) || is_letter(c) || kPunctuation.find(c) != std::string_view::npos;
  });
}

bool is_field_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

/// A body that comes in chunks (RFC 9112, 7.1), read to the letter. http_parser, as Debian builds it, takes any two bytes
/// for the end of a chunk's data, any byte for the line feed behind a carriage return, and line feeds within a chunk's
/// extensions: a proxy in front may see another request begin there.
class Chunks {
 public:
  explicit Chunks(Http1Reader::Limits limits) : limits_(limits) {}

  void begin() {
    part_ = Part::size;
    line_.clear();
    line_bytes_ = 0;
  }

  /// Adds the chunks' data to `body`; `used` grows by the bytes that belong to it.
  Http1Reader::Outcome read(std::string_view bytes, std::string& body, std::size_t& used) {
    while (used < bytes.size()) {
      if (part_ == Part::data) {
        const std::size_t size = std::min(data_left_, bytes.size() - used);
        body.append(bytes, used, size);
        used += size;
        data_left_ -= size;
        if (data_left_ == 0) part_ = Part::data_end;
        continue;
      }
      const std::size_t newline = bytes.find('\n', used);
      const bool whole = newline != std::string_view::npos;
      const std::string_view piece = bytes.substr(used, whole ? newline - used : newline);
      line_.append(piece);
      used += piece.size() + (whole ? 1 : 0);
      line_bytes_ += piece.size();
      // What frames a body may outweigh it by no more than a head may have: one byte a chunk with long extensions is
      // nobody's honest way to send.
      if (line_bytes_ > limits_.max_header_bytes + body.size())
        return fail(431, "the chunks' sizes, extensions and trailers are larger than this server takes");
      if (part_ == Part::data_end && !line_.empty() && line_ != "\r") return fail(400, "a chunk's data does not end where its size says");
      if (const std::size_t end = line_.find('\r'); end < line_.size() && end + 1 != line_.size()) return fail(400, kLoneReturn);
      if (!whole) break;
      if (!finish_line(body.size())) return Http1Reader::Outcome::failed;
      if (part_ == Part::done) return Http1Reader::Outcome::complete;
      line_.clear();
    }
    return Http1Reader::Outcome::incomplete;
  }

  int failure_status() const { return failure_status_; }
  std::string_view failure() const { return failure_; }

 private:
  enum class Part { size, data, data_end, trailer, done };

  bool finish_line(std::size_t body_bytes) {
    if (line_.empty() || line_.back() != '\r') return refuse(400, "a line of the chunked body does not end with CR LF");
    line_.pop_back();
    if (!is_field_value(line_)) return refuse(400, "control character in a line of the chunked body");
    switch (part_) {
      case Part::size: return read_size(body_bytes);
      case Part::data_end: part_ = Part::size; return true;
      default:  // Trailers are checked and dropped: no route of ours looks at them.
        if (line_.empty()) part_ = Part::done;
        return line_.empty() || is_token(line_.substr(0, line_.find(':'))) || refuse(400, "malformed trailer");
    }
  }

  bool read_size(std::size_t body_bytes) {
    std::uint64_t size = 0;
    const char* const end = line_.data() + line_.size();
    const auto [behind, error] = std::from_chars(line_.data(), end, size, 16);
    const std::string_view extensions = trimmed({behind, static_cast<std::size_t>(end - behind)});
    if (error != std::errc() || (extensions.empty() ? behind != end : extensions.front() != ';'))
      return refuse(400, "a chunk's size is no hexadecimal number");
    if (size > limits_.max_body_bytes - body_bytes) return refuse(413, "the request's body is larger than this server takes");
    data_left_ = static_cast<std::size_t>(size);
    part_ = size == 0 ? Part::trailer : Part::data;
    return true;
  }

  bool refuse(int status, std::string_view failure) {
    failure_status_ = status;
    failure_ = failure;
    return false;
  }
  Http1Reader::Outcome fail(int status, std::string_view failure) {
    refuse(status, failure);
    return Http1Reader::Outcome::failed;
  }

  const Http1Reader::Limits limits_;
  Part part_ = Part::size;
  std::string line_;            // so far; without its line feed
  std::size_t line_bytes_ = 0;  // of all lines of this body
  std::size_t data_left_ = 0;   // of the chunk
  int failure_status_ = 0;
  std::string_view failure_;
};

}  // namespace

struct Http1Reader::State {
  explicit State(Limits its_limits) : limits(its_limits), chunks(its_limits) {
    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = this;
  }

  void begin() {
    target.clear();
    name.clear();
    value.clear();
    header_bytes = 0;
    hosts = 0;
    transfer_encodings = 0;
    chunked = false;
    expects_continue = false;
    unknown_expectation = false;
    complete = false;
    headers_complete = false;
    last_was_value = false;
    head_scanned = false;
    at_line_start = false;
    after_return = false;
    ends_head = false;
    in_chunks = false;
  }

  /// Where the head breaks its lines in a way that http_parser lets pass, npos if nowhere: a carriage return without its
  /// line feed (RFC 9112, 2.2), or a header that goes on in a second line (5.2). Others see another header there, or
  /// another request.
  std::size_t find_broken_line(std::string_view bytes) {
    for (std::size_t i = 0; !head_scanned && i < bytes.size();) {
      if (after_return) {
        if (bytes[i] != '\n') return broken_at(i, kLoneReturn);
      } else if (at_line_start) {
        if (bytes[i] == ' ' || bytes[i] == '\t') return broken_at(i, "a header goes on in a second line");
        ends_head = bytes[i] == '\r' || bytes[i] == '\n';
      }
      const std::size_t newline = bytes.find('\n', i);
      at_line_start = newline != std::string_view::npos;
      const std::string_view line = bytes.substr(i, at_line_start ? newline - i : newline);
      const std::size_t carriage_return = line.find('\r');
      if (carriage_return < line.size() && carriage_return + 1 != line.size()) return broken_at(i + carriage_return + 1, kLoneReturn);
      after_return = !at_line_start && carriage_return < line.size();
      head_scanned = at_line_start && ends_head;
      i += line.size() + (at_line_start ? 1 : 0);
    }
    return std::string_view::npos;
  }
  std::size_t broken_at(std::size_t position, std::string_view how) {
    broken_line = how;
    return position;
  }

  /// Remembers the first reason; the callback's non-zero result makes http_parser stop.
  int fail(int its_status, std::string_view its_failure) {
    if (status == 0) {
      status = its_status;
      failure = its_failure;
    }
    return -1;
  }

  int count_header_bytes(std::size_t bytes) {
    header_bytes += bytes;
    return header_bytes > limits.max_header_bytes ? fail(431, "the request's headers are larger than this server takes") : 0;
  }

  /// One whole header line has been read.
  int finish_header() {
    if (name.empty() && !last_was_value) return 0;
    last_was_value = false;
    if (!is_token(name)) return fail(400, "malformed header name");
    if (!is_field_value(value)) return fail(400, "control character in a header value");
    if (request->header_count() >= kMaxHeaders) return fail(431, "too many headers");
    const std::string_view text = trimmed(value);
    if (equals_ignoring_case(name, "host")) {
      ++hosts;
      request->set_authority(text);
    } else if (equals_ignoring_case(name, "transfer-encoding")) {
      ++transfer_encodings;
      chunked = equals_ignoring_case(text, "chunked");
    } else if (equals_ignoring_case(name, "expect")) {
      expects_continue = equals_ignoring_case(text, "100-continue");
      unknown_expectation |= !expects_continue;
    }
    request->add_header(name, text);
    name.clear();
    value.clear();
    return count_header_bytes(kLineOverhead);
  }

  int check_head() {
    if (parser.http_major != 1 || parser.http_minor > 1) return fail(505, "HTTP/1.1 and HTTP/2 are spoken here");
    if (parser.http_minor == 1 && hosts != 1) return fail(400, "an HTTP/1.1 request has exactly one Host header");
    if (hosts > 1) return fail(400, "more than one Host header");
    if (transfer_encodings > 0) {
      if (parser.http_minor == 0) return fail(400, "HTTP/1.0 has no Transfer-Encoding");
      if (request->header("content-length")) return fail(400, "both Content-Length and Transfer-Encoding");
      if (transfer_encodings > 1 || !chunked) return fail(501, "the only Transfer-Encoding known is chunked");
    }
    if (unknown_expectation) return fail(417, "the only expectation known is 100-continue");
    // Absolute targets are for proxies, but a server must take them (RFC 9112, 3.2.2); '*' and authority forms
    // have no route.
    std::string_view text = target;
    if (text.starts_with("http://") || text.starts_with("https://")) {
      const std::size_t authority = text.find("://") + 3;
      const std::size_t path = std::min(text.find_first_of("/?", authority), text.size());
      request->set_authority(text.substr(authority, path - authority));
      text.remove_prefix(path);
      if (text.empty() || text.front() != '/') {
        target = "/" + std::string(text);
        text = target;
      }
    }
    if (const std::size_t fragment = text.find('#'); fragment != std::string_view::npos) {
      return fail(400, "a request target has no fragment");
    }
    request->set_method(http_method_str(static_cast<http_method>(parser.method)));
    request->set_target(text);
    return 0;
  }

  static State& of(http_parser* parser) { return *static_cast<State*>(parser->data); }

  static int on_url(http_parser* parser, const char* data, std::size_t size) {
    State& state = of(parser);
    state.target.append(data, size);
    return state.count_header_bytes(size);
  }
  static int on_header_field(http_parser* parser, const char* data, std::size_t size) {
    State& state = of(parser);
    if (state.last_was_value) {
      if (const int failed = state.finish_header(); failed != 0) return failed;
    }
    state.name.append(data, size);
    return state.count_header_bytes(size);
  }
  static int on_header_value(http_parser* parser, const char* data, std::size_t size) {
    State& state = of(parser);
    state.last_was_value = true;
    state.value.append(data, size);
    return state.count_header_bytes(size);
  }
  static int on_headers_complete(http_parser* parser) {
    State& state = of(parser);
    if (state.finish_header() != 0 || state.check_head() != 0) return -1;
    state.headers_complete = true;
    // An offer to upgrade may be ignored (RFC 9110, 7.8); http_parser would stop reading here.
    parser->upgrade = 0;
    const bool has_length = (parser->flags & F_CONTENTLENGTH) != 0;
    if (has_length && parser->content_length > state.limits.max_body_bytes) return state.fail_body();
    if (!state.chunked && (!has_length || parser->content_length == 0)) state.expects_continue = false;
    if (has_length) state.request->mutable_body().reserve(static_cast<std::size_t>(parser->content_length));
    // A chunked body is read by ourselves; 1 tells http_parser that none follows.
    return state.chunked ? 1 : 0;
  }
  static int on_body(http_parser* parser, const char* data, std::size_t size) {
    State& state = of(parser);
    std::string& body = state.request->mutable_body();
    state.expects_continue = false;  // it has not waited
    if (body.size() + size > state.limits.max_body_bytes) return state.fail_body();
    body.append(data, size);
    return 0;
  }
  static int on_message_complete(http_parser* parser) {
    State& state = of(parser);
    if (state.chunked) state.chunks.begin();
    state.in_chunks = state.chunked;
    state.complete = !state.chunked;
    state.keep_alive = http_should_keep_alive(parser) != 0;
    http_parser_pause(parser, 1);
    return 0;
  }
  int fail_body() { return fail(413, "the request's body is larger than this server takes"); }

  static const http_parser_settings& callbacks() {
    static const http_parser_settings settings = [] {
      http_parser_settings all;
      http_parser_settings_init(&all);
      all.on_url = on_url;
      all.on_header_field = on_header_field;
      all.on_header_value = on_header_value;
      all.on_headers_complete = on_headers_complete;
      all.on_body = on_body;
      all.on_message_complete = on_message_complete;
      return all;
    }();
    return settings;
  }

  const Limits limits;
  http_parser parser{};
  Request* request = nullptr;
  std::string target, name, value;
  std::size_t header_bytes = 0;
  int hosts = 0;
  int transfer_encodings = 0;
  bool chunked = false;
  bool expects_continue = false;
  bool unknown_expectation = false;
  bool started = false;
  bool complete = false;
  bool headers_complete = false;
  bool last_was_value = false;
  bool keep_alive = false;
  bool head_scanned = false;
  bool at_line_start = false;  // the bytes so far end with a line's end
  bool after_return = false;   // ... with a carriage return
  bool ends_head = false;      // this line is the empty one
  std::string_view broken_line;
  bool in_chunks = false;  // the head is complete, its body is read by `chunks`
  Chunks chunks;
  int status = 0;
  std::string_view failure;
};

Http1Reader::Http1Reader(Limits limits) : state_(std::make_unique<State>(limits)) {}
Http1Reader::~Http1Reader() = default;

Http1Reader::Outcome Http1Reader::read(std::string_view bytes, Request& request, std::size_t& consumed) {
  State& state = *state_;
  consumed = 0;
  if (state.status != 0) return Outcome::failed;
  if (!state.started) {
    // Empty lines before a request line are forgiven (RFC 9112, 2.2).
    while (consumed < bytes.size() && (bytes[consumed] == '\r' || bytes[consumed] == '\n') &&
           (!state.after_return || bytes[consumed] == '\n'))
      state.after_return = bytes[consumed++] == '\r';
    if (consumed == bytes.size()) return Outcome::incomplete;
    if (state.after_return) {
      state.fail(400, kLoneReturn);
      return Outcome::failed;
    }
    state.begin();
    state.started = true;
  }
  if (!state.in_chunks) {
    std::string_view rest = bytes.substr(consumed);
    const std::size_t broken = state.find_broken_line(rest);
    rest = rest.substr(0, broken);  // what is wrong before it is said first, however the bytes came
    state.request = &request;
    consumed += http_parser_execute(&state.parser, &State::callbacks(), rest.data(), rest.size());
    state.request = nullptr;
    if (state.complete || state.in_chunks) {
      http_parser_pause(&state.parser, 0);
    } else {
      if (const auto error = HTTP_PARSER_ERRNO(&state.parser); error != HPE_OK) {
        state.fail(error == HPE_HEADER_OVERFLOW ? 431 : error == HPE_INVALID_VERSION ? 505 : 400, http_errno_description(error));
      }
      if (broken != std::string_view::npos) state.fail(400, state.broken_line);
    }
  }
  if (state.in_chunks) {
    const std::size_t head_end = consumed;
    const Outcome outcome = state.chunks.read(bytes, request.mutable_body(), consumed);
    if (consumed > head_end) state.expects_continue = false;  // it has not waited
    if (outcome == Outcome::failed) state.fail(state.chunks.failure_status(), state.chunks.failure());
    state.complete = outcome == Outcome::complete;
  }
  if (!state.complete) return state.status != 0 ? Outcome::failed : Outcome::incomplete;
  state.started = state.in_chunks = false;
  return Outcome::complete;
}

bool Http1Reader::in_request() const { return state_->started; }
bool Http1Reader::take_expects_continue() { return state_->headers_complete && std::exchange(state_->expects_continue, false); }
bool Http1Reader::keep_alive() const { return state_->keep_alive; }
bool Http1Reader::is_http10() const { return state_->parser.http_minor == 0; }
int Http1Reader::failure_status() const { return state_->status; }
std::string_view Http1Reader::failure() const { return state_->failure; }

}  // namespace gauntlet::base::http
