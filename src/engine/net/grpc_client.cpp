#include "engine/net/grpc_client.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <random>

#include "base/base64.hpp"

namespace gauntlet::engine::net {
namespace {

using Clock = base::EventLoop::Clock;

constexpr std::size_t kPrefixBytes = 5;
constexpr std::size_t kMaxAttempts = 3;
/// Buffers larger than this are given back after a call.
constexpr std::size_t kKeptBufferBytes = 64 * 1024;
/// Of a body that is no gRPC, shown in the error.
constexpr std::size_t kShownDataBytes = 1024;

constexpr std::array<const char*, 17> kCodeNames = {
    "OK",           "Canceled",           "Unknown",  "InvalidArgument", "DeadlineExceeded", "NotFound",
    "AlreadyExists", "PermissionDenied",  "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange",
    "Unimplemented", "Internal",          "Unavailable", "DataLoss",     "Unauthenticated"};

std::array<char, kPrefixBytes> prefix_of(std::size_t length) {
  return {0, static_cast<char>(length >> 24), static_cast<char>(length >> 16), static_cast<char>(length >> 8),
          static_cast<char>(length)};
}

/// Read with padding or without; nothing for what is no base64.
constexpr base::Base64Form kBinaryHeader{.is_padded = false, .may_have_line_breaks = false};
std::optional<std::string> decode_binary_header(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  return base::decode_base64(text, kBinaryHeader);
}

std::string decode_status_message(std::string_view text) {
  std::string message;
  message.reserve(text.size());
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      message += static_cast<char>(digit(text[i + 1]) << 4 | digit(text[i + 2]));
      i += 2;
    } else {
      message += text[i];
    }
  }
  return message;
}

/// The value of grpc-timeout: at most eight digits and a unit.
std::string_view encode_timeout(std::chrono::nanoseconds timeout, std::array<char, 16>& buffer) {
  constexpr std::int64_t kMax = 99'999'999;
  constexpr std::pair<std::int64_t, char> kUnits[] = {
      {1, 'n'}, {1'000, 'u'}, {1'000'000, 'm'}, {1'000'000'000, 'S'}, {60'000'000'000, 'M'}, {3'600'000'000'000, 'H'}};
  for (const auto& [unit, letter] : kUnits) {
    const std::int64_t value = (timeout.count() + unit - 1) / unit;
    if (value > kMax) continue;
    char* const end = std::to_chars(buffer.data(), buffer.data() + 12, value).ptr;
    *end = letter;
    return {buffer.data(), end + 1};
  }
  return "99999999H";
}

/// Ours or the protocol's: a script cannot set them.
bool is_reserved(std::string_view name) {
  return name.starts_with(':') || name == "content-type" || name == "user-agent" || name == "te" || name == "grpc-encoding" ||
         name == "grpc-message" || name == "grpc-message-type" || name == "grpc-status" || name == "grpc-timeout";
}

std::string_view http_status_text(int status) {
  switch (status) {
    case 200: return "OK";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Request Entity Too Large";
    case 415: return "Unsupported Media Type";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "";
  }
}

/// https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
int code_of_http_status(int status) {
  switch (status) {
    case 400: return grpc_status::kInternal;
    case 401: return grpc_status::kUnauthenticated;
    case 403: return grpc_status::kPermissionDenied;
    case 404: return grpc_status::kUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504: return grpc_status::kUnavailable;
    default: return grpc_status::kUnknown;
  }
}

/// The protocol document's table, by HTTP/2 error code.
int code_of_reset(std::uint32_t error) {
  constexpr std::uint32_t kRefusedStream = 7, kCancel = 8, kEnhanceYourCalm = 11, kInadequateSecurity = 12;
  switch (error) {
    case kRefusedStream: return grpc_status::kUnavailable;
    case kCancel: return grpc_status::kCancelled;
    case kEnhanceYourCalm: return grpc_status::kResourceExhausted;
    case kInadequateSecurity: return grpc_status::kPermissionDenied;
    default: return grpc_status::kInternal;
  }
}

/// One per thread: zlib's state is 44 KB, and is used within one call only.
class GzipReader {
 public:
  GzipReader() { inflateInit2(&stream_, 16 + MAX_WBITS); }
  ~GzipReader() { inflateEnd(&stream_); }
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  enum class Outcome { ok, malformed, too_large };
  Outcome read(std::string_view packed, std::size_t limit, std::string& plain) {
    inflateReset(&stream_);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream_.avail_in = static_cast<uInt>(packed.size());
    plain.clear();
    for (int result = Z_OK; result != Z_STREAM_END;) {
      const std::size_t had = plain.size();
      if (had > limit) return Outcome::too_large;
      plain.resize(had + std::clamp<std::size_t>(had, 4096, 1 << 20));
      stream_.next_out = reinterpret_cast<Bytef*>(plain.data() + had);
      stream_.avail_out = static_cast<uInt>(plain.size() - had);
      result = inflate(&stream_, Z_NO_FLUSH);
      plain.resize(plain.size() - stream_.avail_out);
      if (result != Z_OK && result != Z_STREAM_END) return Outcome::malformed;
      if (result == Z_OK && stream_.avail_in == 0 && plain.size() == had) return Outcome::malformed;
    }
    return plain.size() > limit ? Outcome::too_large : Outcome::ok;
  }

 private:
  z_stream stream_{};
};

double backoff_jitter() {
  thread_local std::minstd_rand random(std::random_device{}());
  return std::uniform_real_distribution(0.8, 1.2)(random);
}

std::string connection_error(std::string_view problem) { return fmt::format("connection error: desc = {}", go_quote(problem)); }

}  // namespace

std::string grpc_code_name(int code) {
  if (code >= 0 && static_cast<std::size_t>(code) < kCodeNames.size()) return kCodeNames[static_cast<std::size_t>(code)];
  return fmt::format("Code({})", code);
}

std::optional<std::string> invalid_metadata(std::span<const GrpcMetadata::Entry> metadata) {
  for (const auto& [name, value] : metadata) {
    if (name.starts_with(':')) continue;
    if (name.empty()) return "there is an empty key in the header";
    for (const char c : name) {
      if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_')) {
        return fmt::format("header key {} contains illegal characters not in [0-9a-z-_.]", go_quote(name));
      }
    }
    if (name.ends_with("-bin")) continue;
    for (const char c : value) {
      if (c < 0x20 || c > 0x7e) return fmt::format("header key {} contains value with non-printable ASCII characters", go_quote(name));
    }
  }
  return std::nullopt;
}

// ---- GrpcMetadata

void GrpcMetadata::clear() {
  text_.clear();
  entries_.clear();
}

void GrpcMetadata::add(std::string_view name, std::string_view value) {
  entries_.push_back({static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(name.size()),
                      static_cast<std::uint32_t>(value.size())});
  text_.append(name).append(value);
}

GrpcMetadata::Entry GrpcMetadata::operator[](std::size_t index) const {
  const Range& range = entries_[index];
  const std::string_view text = text_;
  return {text.substr(range.begin, range.name_length), text.substr(range.begin + range.name_length, range.value_length)};
}

// ---- GrpcCall

GrpcCall::~GrpcCall() {
  if (client_ != nullptr) client_->cancel(*this);
}

void GrpcCall::reset(GrpcClient& client, const GrpcRequest& request) {
  assert(client_ == nullptr);
  path_.assign(request.path);
  metadata_.clear();
  for (const auto& [name, value] : request.metadata) {
    if (is_reserved(name)) continue;
    metadata_.emplace_back(name, name.ends_with("-bin") ? base::encode_base64(value, kBinaryHeader) : std::string(value));
  }
  outgoing_.clear();
  timeout_ = request.timeout;
  started_ = Clock::now();
  deadline_ = timeout_.count() == 0 ? Clock::time_point::max() : started_ + timeout_;
  unary_ = request.unary;
  attempts_ = 0;
  waiting_ = has_waited_ = resendable_ = sending_done_ = false;
  client_ = &client;
  reset_answer();
}

void GrpcCall::reset_answer() {
  headers_.clear();
  trailers_.clear();
  status_.code = grpc_status::kOk;
  status_.message.clear();
  status_.details.clear();
  http_problem_.clear();
  partial_.clear();
  messages_ = 0;
  http_status_ = 0;
  encoding_ = Encoding::identity;
  answer_begun_ = is_trailers_ = has_content_type_ = has_status_ = verdict_ = false;
}

void GrpcCall::on_header(std::string_view name, std::string_view value) {
  if (verdict_) return;
  if (name == ":status") {
    std::from_chars(value.data(), value.data() + value.size(), http_status_);
    return;
  }
  if (name == "grpc-status") {
    has_status_ = true;
    const auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), status_.code);
    if (problem != std::errc() || end != value.data() + value.size()) {
      status_.code = grpc_status::kUnknown;
      status_.message = fmt::format("transport: malformed grpc-status: strconv.ParseInt: parsing {}: invalid syntax", go_quote(value));
      verdict_ = true;
    }
    return;
  }
  if (name == "grpc-message") {
    status_.message = decode_status_message(value);
    return;
  }
  if (name == "grpc-encoding") {
    encoding_ = value == "gzip" ? Encoding::gzip : value == "identity" || value.empty() ? Encoding::identity : Encoding::other;
    encoding_name_.assign(value);
    return;
  }
  if (name == "content-type") {
    constexpr std::string_view kGrpc = "application/grpc";
    has_content_type_ = true;
    if (!value.starts_with(kGrpc) || (value.size() > kGrpc.size() && value[kGrpc.size()] != '+' && value[kGrpc.size()] != ';')) {
      http_problem_ = fmt::format("transport: received unexpected content-type {}", go_quote(value));
    }
  } else if (is_reserved(name)) {
    return;
  }
  GrpcMetadata& into = is_trailers_ ? trailers_ : headers_;
  if (!name.ends_with("-bin")) {
    into.add(name, value);
  } else if (const auto bytes = decode_binary_header(value)) {
    into.add(name, *bytes);
    if (name == "grpc-status-details-bin") status_.details = *bytes;
  } else {
    refuse(grpc_status::kInternal, fmt::format("malformed binary header {}", go_quote(name)));
  }
}

void GrpcCall::on_headers_end(bool last) {
  if (http_status_ >= 100 && http_status_ < 200) {
    headers_.clear();
    http_status_ = 0;
    return;
  }
  if (!answer_begun_) {
    answer_begun_ = true;
    if (last) std::swap(headers_, trailers_);  // trailers only
    judge_http_status(last);
  }
  is_trailers_ = true;
}

void GrpcCall::judge_http_status(bool last) {
  const bool is_grpc = has_content_type_ && http_problem_.empty();
  if (is_grpc && (http_status_ == 200 || (last && has_status_))) return;
  std::string_view why = has_content_type_ ? std::string_view(http_problem_) : "malformed header: missing HTTP content-type";
  http_problem_ = fmt::format("unexpected HTTP status code received from server: {} ({}){}{}", http_status_,
                              http_status_text(http_status_), is_grpc ? "" : "; ", why);
  if (!last) http_problem_ += "\ndata: ";
  headers_.clear();
  trailers_.clear();
}

void GrpcCall::on_data(std::string_view bytes) {
  if (verdict_) return;
  if (!http_problem_.empty()) {
    if (partial_.size() < kShownDataBytes) partial_.append(bytes.substr(0, kShownDataBytes - partial_.size()));
    return;
  }
  const auto length_of = [](std::string_view prefix) {
    std::size_t length = 0;
    for (std::size_t i = 1; i < kPrefixBytes; ++i) length = length << 8 | static_cast<std::uint8_t>(prefix[i]);
    return length;
  };
  while (!bytes.empty() && client_ != nullptr && !verdict_) {
    if (partial_.size() < kPrefixBytes) {
      // Usually the whole message is here: no copy then.
      if (partial_.empty() && bytes.size() >= kPrefixBytes) {
        const std::size_t length = length_of(bytes);
        if (bytes.size() - kPrefixBytes >= length && length <= client_->options().max_receive_bytes && (bytes[0] & ~1) == 0) {
          const std::string_view message = bytes.substr(kPrefixBytes, length);
          const bool compressed = bytes[0] != 0;
          bytes.remove_prefix(kPrefixBytes + length);
          take_message(compressed, message);
          continue;
        }
      }
      const std::size_t taken = std::min(bytes.size(), kPrefixBytes - partial_.size());
      partial_.append(bytes.substr(0, taken));
      bytes.remove_prefix(taken);
      if (partial_.size() < kPrefixBytes) return;
      if ((partial_[0] & ~1) != 0) {
        return refuse(grpc_status::kInternal, fmt::format("grpc: received unexpected payload format {}", static_cast<std::uint8_t>(partial_[0])));
      }
      if (length_of(partial_) > client_->options().max_receive_bytes) {
        return refuse(grpc_status::kResourceExhausted, fmt::format("grpc: received message larger than max ({} vs. {})",
                                                                   length_of(partial_), client_->options().max_receive_bytes));
      }
    }
    const std::size_t whole = kPrefixBytes + length_of(partial_);
    const std::size_t taken = std::min(bytes.size(), whole - partial_.size());
    partial_.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    if (partial_.size() < whole) return;
    const std::string message = std::exchange(partial_, {});
    take_message(message[0] != 0, std::string_view(message).substr(kPrefixBytes));
  }
}

void GrpcCall::take_message(bool compressed, std::string_view message) {
  ++messages_;
  if (unary_ && messages_ > 1) {
    return refuse(grpc_status::kInternal,
                  "cardinality violation: expected <EOF> for non server-streaming RPCs, but received another message");
  }
  if (!compressed) return on_message(message);
  if (encoding_ == Encoding::identity) return refuse(grpc_status::kInternal, "grpc: compressed flag set with identity or empty encoding");
  if (encoding_ == Encoding::other) {
    return refuse(grpc_status::kInternal, fmt::format("grpc: Decompressor is not installed for grpc-encoding {}", go_quote(encoding_name_)));
  }
  thread_local GzipReader gzip;
  const std::size_t limit = client_->options().max_receive_bytes;
  std::string plain;
  switch (gzip.read(message, limit, plain)) {
    case GzipReader::Outcome::ok: return on_message(plain);
    case GzipReader::Outcome::malformed: return refuse(grpc_status::kInternal, "grpc: failed to decompress the message: unexpected EOF");
    case GzipReader::Outcome::too_large:
      return refuse(grpc_status::kResourceExhausted, fmt::format("grpc: message after decompression larger than max {}", limit));
  }
}

void GrpcCall::fail_decoding(std::string problem) {
  if (!verdict_) refuse(grpc_status::kInternal, std::move(problem));
}

void GrpcCall::refuse(int code, std::string message) {
  verdict_ = true;
  status_ = {code, std::move(message), {}};
  if (session() != nullptr) session()->reset(*this);
}

void GrpcCall::on_finished(Http2Session& session, const Http2End& end) {
  // Not looked at by the server: gRPC sends such calls again without telling (transparent retry).
  if (end.cause == Http2End::Cause::refused && resendable_ && !answer_begun_ && !verdict_ && attempts_ < kMaxAttempts) {
    reset_answer();
    return client_->submit(*this);
  }
  conclude(session, end);
  client_->end_call(*this);
}

void GrpcCall::conclude(Http2Session& session, const Http2End& end) {
  if (verdict_) return;
  const auto fail = [this](int code, std::string message) { status_ = {code, std::move(message), {}}; };
  const bool has_trailers = trailers_.size() != 0 || has_status_;
  switch (end.cause) {
    case Http2End::Cause::connection_lost: {
      std::string text = fmt::format("error reading from server: {}", session.loss().cause);
      if (!session.goaway().empty()) {
        text = fmt::format("closing transport due to: {}, {}", connection_error(text), session.goaway());
      }
      return fail(grpc_status::kUnavailable, std::move(text));
    }
    case Http2End::Cause::refused:
      return fail(grpc_status::kUnavailable, "stream terminated by RST_STREAM with error code: REFUSED_STREAM");
    case Http2End::Cause::reset:
      if (!end.by_server) {
        return fail(grpc_status::kInternal, fmt::format("the server broke the rules of HTTP/2 in this stream ({})", http2_error_name(end.error_code)));
      }
      return fail(code_of_reset(end.error_code),
                  fmt::format("stream terminated by RST_STREAM with error code: {}", http2_error_name(end.error_code)));
    case Http2End::Cause::complete: break;
  }
  if (!http_problem_.empty()) {
    if (http_problem_.ends_with("data: ")) http_problem_ += go_quote(partial_);
    return fail(code_of_http_status(http_status_), std::move(http_problem_));
  }
  if (!has_trailers) {
    if (end.by_server) {
      return fail(code_of_reset(end.error_code),
                  fmt::format("stream terminated by RST_STREAM with error code: {}", http2_error_name(end.error_code)));
    }
    return fail(grpc_status::kInternal, "server closed the stream without sending trailers");
  }
  if (!has_status_) return fail(grpc_status::kUnknown, "");
  if (status_.code != grpc_status::kOk) return;
  if (!partial_.empty()) return fail(grpc_status::kInternal, "unexpected EOF");
  if (unary_ && messages_ == 0) {
    return fail(grpc_status::kInternal, "cardinality violation: received no response message from non-server-streaming RPC");
  }
}

// ---- GrpcClient

/// A connection and who is to be told about it.
class GrpcClient::Connection final : private Http2Session::Owner {
 public:
  Connection(GrpcClient& client, std::unique_ptr<Stream> stream)
      : client_(client), remote_(stream->remote().text()), session_(Http2Session::create(std::move(stream), *this)) {}

  Http2Session& session() { return *session_; }
  const std::string& remote() const { return remote_; }
  bool is_ready() const { return is_ready_; }

 private:
  void on_http2_ready() override {
    is_ready_ = true;
    client_.on_ready(*this);
  }
  void on_http2_closed() override { client_.on_closed(*this); }

  GrpcClient& client_;
  std::string remote_;
  bool is_ready_ = false;
  Http2Session::Pointer session_;
};

GrpcClient::GrpcClient(Dialer& dialer, base::EventLoop& loop, GrpcClientOptions options)
    : dialer_(dialer), loop_(loop), options_(std::move(options)), self_(std::make_shared<GrpcClient*>(this)) {
  authority_ = options_.authority.empty() ? options_.address : options_.authority;
}

GrpcClient::~GrpcClient() {
  *self_ = nullptr;
  loop_.cancel(deadline_timer_);
  loop_.cancel(redial_timer_);
  loop_.cancel(connect_timer_);
  if (dialing_) dialer_.cancel(*dialing_);
  while (first_call_ != nullptr) cancel(*first_call_);
}

std::string GrpcClient::remote() const { return connections_.empty() ? std::string() : connections_.back()->remote(); }

void GrpcClient::connect(std::chrono::nanoseconds timeout, Connected done) {
  assert(!connected_ && connections_.empty());
  connected_ = std::move(done);
  connect_timer_ = loop_.call_after(timeout, [this] {
    connect_timer_ = 0;
    report_connected(problem_.empty() ? "context deadline exceeded" : "context deadline exceeded: " + problem_);
  });
  dial();
}

void GrpcClient::dial() {
  state_ = State::connecting;
  // "host:port", "[::1]:port"; what is wrong with it is said in the words of Go's net.Dial.
  std::string_view address = options_.address;
  const std::size_t colon = address.rfind(':');
  std::string_view host = address.substr(0, colon);
  std::string problem;
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    problem = fmt::format("address {}: too many colons in address", address);
  }
  std::uint16_t port = 0;
  if (colon == std::string_view::npos) {
    problem = address.empty() ? "missing port in address" : fmt::format("address {}: missing port in address", address);
  } else if (problem.empty()) {
    const std::string_view text = address.substr(colon + 1);
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (wrong != std::errc() || end != text.data() + text.size()) problem = fmt::format("address {}: invalid port", text);
  }
  if (!problem.empty()) {
    loop_.post([self = self_, problem = std::move(problem)] {
      if (*self != nullptr) (*self)->connection_failed(connection_error("transport: error while dialing: " + problem), false);
    });
    return;
  }
  DialTarget target;
  target.host = host.empty() ? "localhost" : std::string(host);
  target.port = port;
  target.tls = options_.tls;
  target.protocols = {"h2"};
  target.tls_context = options_.tls_context.get();
  if (!options_.authority.empty()) {
    const std::string_view authority = options_.authority;
    target.server_name = authority.substr(0, authority.rfind(':'));
  }
  dialing_ = dialer_.dial(std::move(target), [this](Dialed dialed) {
    dialing_.reset();
    on_dialed(std::move(dialed));
  });
}

void GrpcClient::on_dialed(Dialed dialed) {
  if (dialed.failure) {
    const bool was_connected = dialed.connecting.count() != 0;
    const std::string_view what = was_connected ? "transport: authentication handshake failed: " : "transport: error while dialing: ";
    return connection_failed(connection_error(fmt::format("{}{}", what, dialed.failure.cause)), was_connected);
  }
  if (options_.tls && dialed.stream->tls() != nullptr && dialed.stream->tls()->protocol != "h2") {
    return connection_failed(
        connection_error("transport: authentication handshake failed: credentials: cannot check peer: missing selected ALPN property"), true);
  }
  connections_.push_back(std::make_unique<Connection>(*this, std::move(dialed.stream)));
}

void GrpcClient::on_ready(Connection&) {
  state_ = State::ready;
  backoff_ = kFirstBackoff;
  problem_.clear();
  begin_waiting_calls();
  report_connected(std::nullopt);
}

void GrpcClient::on_closed(Connection& connection) {
  const bool was_ready = connection.is_ready();
  const std::string cause = connection.session().loss().cause;
  std::erase_if(connections_, [&](const auto& each) { return each.get() == &connection; });
  if (!was_ready) {
    connection_failed(connection_error("error reading server preface: " + cause), true);
  } else if (connections_.empty() && state_ == State::ready) {
    state_ = State::idle;
  }
}

void GrpcClient::connection_failed(std::string problem, bool try_again) {
  problem_ = std::move(problem);
  state_ = State::failing;
  const auto pause = std::chrono::nanoseconds(std::llround(static_cast<double>(backoff_.count()) * backoff_jitter()));
  backoff_ = std::min(backoff_ * 8 / 5, kLongestBackoff);
  redial_timer_ = loop_.call_after(pause, [this] {
    redial_timer_ = 0;
    state_ = State::idle;
    // Otherwise the next call dials.
    if (connected_) dial();
  });
  const std::shared_ptr<GrpcClient*> self = self_;
  for (GrpcCall* call = first_call_; call != nullptr;) {
    if (!call->waiting_) {
      call = call->next_;
      continue;
    }
    call->waiting_ = false;
    call->status_ = {grpc_status::kUnavailable, problem_, {}};
    end_call(*call);
    if (*self == nullptr) return;
    call = first_call_;  // the list may have changed in any way
  }
  if (connected_ && !try_again) report_connected(problem_);
}

void GrpcClient::report_connected(std::optional<std::string> problem) {
  if (!connected_) return;
  loop_.cancel(connect_timer_);
  connect_timer_ = 0;
  const Connected done = std::exchange(connected_, nullptr);
  done(std::move(problem));
}

GrpcClient::Connection* GrpcClient::usable_connection() {
  if (connections_.empty()) return nullptr;
  Connection& newest = *connections_.back();
  return newest.is_ready() && newest.session().is_open() ? &newest : nullptr;
}

void GrpcClient::link(GrpcCall& call) {
  call.previous_ = last_call_;
  call.next_ = nullptr;
  (last_call_ != nullptr ? last_call_->next_ : first_call_) = &call;
  last_call_ = &call;
}

void GrpcClient::unlink(GrpcCall& call) {
  (call.previous_ != nullptr ? call.previous_->next_ : first_call_) = call.next_;
  (call.next_ != nullptr ? call.next_->previous_ : last_call_) = call.previous_;
  call.previous_ = call.next_ = nullptr;
  call.client_ = nullptr;
  call.waiting_ = false;
}

void GrpcClient::start(GrpcCall& call, const GrpcRequest& request, const std::string_view* message, bool complete) {
  call.reset(*this, request);
  link(call);
  if (auto problem = invalid_metadata(request.metadata)) return end_soon(call, grpc_status::kInternal, std::move(*problem));
  if (message != nullptr) {
    if (message->size() > options_.max_send_bytes) {
      return end_soon(call, grpc_status::kResourceExhausted,
                      fmt::format("trying to send message larger than max ({} vs. {})", message->size(), options_.max_send_bytes));
    }
    const auto prefix = prefix_of(message->size());
    call.outgoing_.append(prefix.data(), prefix.size()).append(*message);
  }
  call.sending_done_ = call.resendable_ = complete;
  if (call.deadline_ != Clock::time_point::max()) {
    if (call.timeout_.count() < 0) return end_soon(call, grpc_status::kDeadlineExceeded, "context deadline exceeded");
    arm_deadline(call.deadline_);
  }
  submit(call);
}

void GrpcClient::submit(GrpcCall& call) {
  Connection* const connection = usable_connection();
  if (connection == nullptr) {
    if (state_ == State::failing) return end_soon(call, grpc_status::kUnavailable, problem_);
    call.waiting_ = call.has_waited_ = true;
    if (state_ != State::connecting) dial();
    return;
  }
  call.waiting_ = false;
  ++call.attempts_;
  std::array<char, 16> timeout_text;
  std::array<Http2Header, 24> few;
  std::vector<Http2Header> many;
  Http2Header* headers = few.data();
  if (call.metadata_.size() + 9 > few.size()) {
    many.resize(call.metadata_.size() + 9);
    headers = many.data();
  }
  std::size_t count = 0;
  headers[count++] = {":method", "POST"};
  headers[count++] = {":scheme", options_.tls ? "https" : "http"};
  headers[count++] = {":path", call.path_};
  headers[count++] = {":authority", authority_};
  headers[count++] = {"content-type", "application/grpc"};
  headers[count++] = {"user-agent", options_.user_agent};
  headers[count++] = {"te", "trailers"};
  headers[count++] = {"grpc-accept-encoding", "gzip"};
  if (call.timeout_.count() > 0) {
    // The whole timeout for a call that starts now: a constant costs one byte a call. Less for one that had to wait.
    const bool first = call.attempts_ == 1 && !call.has_waited_;
    const auto left = first ? call.timeout_ : std::max(call.deadline_ - Clock::now(), std::chrono::nanoseconds(1));
    headers[count++] = {"grpc-timeout", encode_timeout(left, timeout_text), first};
  }
  for (const auto& [name, value] : call.metadata_) headers[count++] = {name, value};
  connection->session().start(call, {headers, count}, call.outgoing_, call.sending_done_);
}

void GrpcClient::begin_waiting_calls() {
  for (GrpcCall* call = first_call_; call != nullptr; call = call->next_) {
    if (call->waiting_) submit(*call);
  }
}

bool GrpcClient::send(GrpcCall& call, std::string_view message) {
  if (call.client_ != this || call.sending_done_) return true;
  if (message.size() > options_.max_send_bytes) {
    call.refuse(grpc_status::kResourceExhausted,
                fmt::format("trying to send message larger than max ({} vs. {})", message.size(), options_.max_send_bytes));
    return false;
  }
  const auto prefix = prefix_of(message.size());
  if (Http2Session* const session = call.session()) {
    session->write(call, {prefix.data(), prefix.size()}, false);
    session->write(call, message, false);
  } else {
    call.outgoing_.append(prefix.data(), prefix.size()).append(message);
  }
  return true;
}

void GrpcClient::finish_sending(GrpcCall& call) {
  if (call.client_ != this || call.sending_done_) return;
  call.sending_done_ = true;
  if (Http2Session* const session = call.session()) session->write(call, {}, true);
}

void GrpcClient::cancel(GrpcCall& call) {
  if (call.client_ != this) return;
  if (Http2Session* const session = call.session()) session->cancel(call);
  unlink(call);
}

void GrpcClient::end_call(GrpcCall& call) {
  call.ended_ = Clock::now();
  if (call.outgoing_.capacity() > kKeptBufferBytes) std::string().swap(call.outgoing_);
  unlink(call);
  call.on_end();
}

void GrpcClient::end_soon(GrpcCall& call, int code, std::string message) {
  call.status_ = {code, std::move(message), {}};
  call.verdict_ = true;
  call.deadline_ = Clock::time_point::min();
  arm_deadline(Clock::now());
}

void GrpcClient::arm_deadline(Clock::time_point deadline) {
  // One timer for all calls: with a usual timeout of two minutes, a timer for each would pile up a million of them.
  if (deadline_timer_ != 0 && next_deadline_ <= deadline) return;
  loop_.cancel(deadline_timer_);
  next_deadline_ = deadline;
  deadline_timer_ = loop_.call_at(deadline, [this] {
    deadline_timer_ = 0;
    expire_calls();
  });
}

void GrpcClient::expire_calls() {
  const Clock::time_point now = Clock::now();
  const std::shared_ptr<GrpcClient*> self = self_;
  Clock::time_point next = Clock::time_point::max();
  for (GrpcCall* call = first_call_; call != nullptr;) {
    if (call->deadline_ > now) {
      next = std::min(next, call->deadline_);
      call = call->next_;
      continue;
    }
    if (!call->verdict_) call->status_ = {grpc_status::kDeadlineExceeded, "context deadline exceeded", {}};
    if (Http2Session* const session = call->session()) session->cancel(*call);
    end_call(*call);
    if (*self == nullptr) return;
    call = first_call_;
    next = Clock::time_point::max();
  }
  if (next != Clock::time_point::max()) arm_deadline(next);
}

}  // namespace gauntlet::engine::net
