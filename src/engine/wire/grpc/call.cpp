#include "engine/wire/grpc/call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <charconv>

#include "base/base64.hpp"
#include "base/grpc/framing.hpp"
#include "base/gzip.hpp"
#include "base/http/reason_phrase.hpp"
#include "base/percent.hpp"
#include "base/text.hpp"
#include "engine/wire/grpc/client.hpp"
#include "engine/wire/http_head.hpp"

namespace gauntlet::engine::wire {
namespace {

using Clock = base::EventLoop::Clock;

constexpr std::size_t kMaxAttempts = 3;
/// Of a body that is no gRPC, shown in the error.
constexpr std::size_t kShownDataBytes = 1024;

constexpr base::Base64Form kBinaryHeader{.is_padded = false, .may_have_line_breaks = false};

/// With padding or without; nothing for what is no base64.
std::optional<std::string> decode_binary_header(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  return base::decode_base64(text, kBinaryHeader);
}

/// Ours or the protocol's: a script cannot set them.
bool is_reserved(std::string_view name) {
  return name.starts_with(':') || name == "content-type" || name == "user-agent" || name == "te" || name == "grpc-encoding" ||
         name == "grpc-message" || name == "grpc-message-type" || name == "grpc-status" || name == "grpc-timeout";
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

}  // namespace

std::string grpc_code_name(int code) {
  const std::string_view name = base::grpc::code_name(code);
  return name.empty() ? fmt::format("Code({})", code) : std::string(name);
}

std::string grpc_connection_error(std::string_view problem) { return fmt::format("connection error: desc = {}", go_quote(problem)); }

std::optional<std::string> invalid_metadata(std::span<const GrpcMetadata::Entry> metadata) {
  for (const auto& [name, value] : metadata) {
    if (name.starts_with(':')) continue;
    if (name.empty()) return "there is an empty key in the header";
    for (const char c : name) {
      if (!((c >= 'a' && c <= 'z') || base::is_digit(c) || c == '.' || c == '-' || c == '_')) {
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

void GrpcMetadata::clear() {
  text_.clear();
  entries_.clear();
}

void GrpcMetadata::add(std::string_view name, std::string_view value) {
  entries_.push_back(
      {static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(value.size())});
  text_.append(name).append(value);
}

GrpcMetadata::Entry GrpcMetadata::operator[](std::size_t index) const {
  const Range& range = entries_[index];
  const std::string_view text = text_;
  return {text.substr(range.begin, range.name_length), text.substr(range.begin + range.name_length, range.value_length)};
}

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
  http_problem_quotes_data_ = false;
  partial_.clear();
  undecoded_.clear();
  waiting_end_.reset();
  is_paused_ = false;
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
      status_.message = fmt::format("transport: the grpc-status {} is no number", go_quote(value));
      verdict_ = true;
    }
    return;
  }
  if (name == "grpc-message") {
    status_.message = base::percent_decode_grpc_message(value);
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
                              base::http::reason_phrase(http_status_), is_grpc ? "" : "; ", why);
  http_problem_quotes_data_ = !last;
  if (!last) http_problem_ += "\ndata: ";
  headers_.clear();
  trailers_.clear();
}

std::size_t GrpcCall::on_data(std::string_view bytes) {
  const std::size_t taken = read(bytes);
  undecoded_.append(bytes.substr(taken));
  return taken;
}

void GrpcCall::resume() {
  if (!is_paused_) return;
  is_paused_ = false;
  const std::string undecoded = std::exchange(undecoded_, {});
  const std::size_t taken = read(undecoded);
  if (client_ == nullptr) return;  // cancelled by a message
  undecoded_.assign(undecoded, taken);
  if (session() != nullptr) session()->take(*this, taken);
  if (undecoded_.empty() && waiting_end_) {
    conclude(*std::exchange(waiting_end_, std::nullopt));
    client_->end_call(*this);
  }
}

std::size_t GrpcCall::read(std::string_view bytes) {
  const std::size_t all = bytes.size();
  if (verdict_) return all;
  if (!http_problem_.empty()) {
    if (partial_.size() < kShownDataBytes) partial_.append(bytes.substr(0, kShownDataBytes - partial_.size()));
    return all;
  }
  using base::grpc::kPrefixBytes;
  const auto length_of = [](std::string_view prefix) -> std::size_t { return base::grpc::read_prefix(prefix).length; };
  while (!bytes.empty() && client_ != nullptr && !verdict_) {
    if (is_paused_) return all - bytes.size();
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
      if (partial_.size() < kPrefixBytes) return all;
      if ((partial_[0] & ~1) != 0) {
        refuse(grpc_status::kInternal, fmt::format("grpc: received unexpected payload format {}", static_cast<std::uint8_t>(partial_[0])));
        return all;
      }
      if (length_of(partial_) > client_->options().max_receive_bytes) {
        refuse(grpc_status::kResourceExhausted, fmt::format("grpc: received message larger than max ({} vs. {})", length_of(partial_),
                                                            client_->options().max_receive_bytes));
        return all;
      }
    }
    const std::size_t whole = kPrefixBytes + length_of(partial_);
    const std::size_t taken = std::min(bytes.size(), whole - partial_.size());
    partial_.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    if (partial_.size() < whole) return all;
    const std::string message = std::exchange(partial_, {});
    take_message(message[0] != 0, std::string_view(message).substr(kPrefixBytes));
  }
  return all;
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
    return refuse(grpc_status::kInternal,
                  fmt::format("grpc: Decompressor is not installed for grpc-encoding {}", go_quote(encoding_name_)));
  }
  thread_local base::Inflater gzip(base::ZlibFormat::gzip);
  const std::size_t limit = client_->options().max_receive_bytes;
  std::string plain;
  switch (gzip.read(message, limit, plain)) {
    case base::Inflated::ok: return on_message(plain);
    case base::Inflated::malformed: return refuse(grpc_status::kInternal, "grpc: failed to decompress the message: unexpected EOF");
    case base::Inflated::too_large:
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
  End how{end, session.loss().cause, session.goaway()};
  if (!undecoded_.empty() && !verdict_) {
    waiting_end_ = std::move(how);
    return;
  }
  conclude(how);
  client_->end_call(*this);
}

void GrpcCall::conclude(const End& how) {
  if (verdict_) return;
  const Http2End& end = how.http;
  const auto fail = [this](int code, std::string message) { status_ = {code, std::move(message), {}}; };
  const bool has_trailers = trailers_.size() != 0 || has_status_;
  switch (end.cause) {
    case Http2End::Cause::connection_lost: {
      std::string text = fmt::format("error reading from server: {}", how.loss);
      if (!how.goaway.empty()) text = fmt::format("closing transport due to: {}, {}", grpc_connection_error(text), how.goaway);
      return fail(grpc_status::kUnavailable, std::move(text));
    }
    case Http2End::Cause::refused:
      return fail(grpc_status::kUnavailable, "stream terminated by RST_STREAM with error code: REFUSED_STREAM");
    case Http2End::Cause::reset:
      if (!end.by_server) {
        return fail(grpc_status::kInternal,
                    fmt::format("the server broke the rules of HTTP/2 in this stream ({})", http2_error_name(end.error_code)));
      }
      return fail(code_of_reset(end.error_code),
                  fmt::format("stream terminated by RST_STREAM with error code: {}", http2_error_name(end.error_code)));
    case Http2End::Cause::complete: break;
  }
  if (!http_problem_.empty()) {
    if (http_problem_quotes_data_) http_problem_ += go_quote(partial_);
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

}  // namespace gauntlet::engine::wire
