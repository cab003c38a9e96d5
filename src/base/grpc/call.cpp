#include "base/grpc/call.hpp"

#include <fmt/format.h>
#include <google/protobuf/message_lite.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/grpc/call_state.hpp"
#include "base/grpc/framing.hpp"
#include "base/gzip.hpp"
#include "base/percent.hpp"
#include "base/text.hpp"

namespace gauntlet::base::grpc {
namespace {

constexpr std::size_t kKeptInputBytes = 16 * 1024;
// Of a stream whose client asks on: while so much waits for it to read, no further question is answered.
constexpr std::size_t kAnswersAhead = 64 * 1024;
constexpr http::Stream::Field kStatus200{":status", "200"};
constexpr http::Stream::Field kContentType{"content-type", "application/grpc"};
constexpr http::Stream::Field kAcceptEncoding{"grpc-accept-encoding", "identity,gzip"};
constexpr std::array<std::string_view, 17> kCodes{"0", "1",  "2",  "3",  "4",  "5",  "6",  "7", "8",
                                                  "9", "10", "11", "12", "13", "14", "15", "16"};

// Of a status message. grpc's clients take 8 KiB of trailers, a byte may become three in them, and nghttp2 sends no more
// than 64 KiB; a text that repeats the request would be as long as that.
constexpr std::size_t kMaxStatusBytes = 2048;

constexpr std::string_view kUnreadAnswers = "the client does not read its answers";
constexpr std::string_view kTooManyMessages = "more than one request message in a call that takes one";

int number(ErrorKind kind) { return static_cast<int>(kind); }

/// The status message as it is sent; a long one ends in "...", not inside a character.
std::string status_message(std::string_view text) {
  if (text.size() <= kMaxStatusBytes) return percent_encode_grpc_message(text);
  std::size_t end = kMaxStatusBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
  return percent_encode_grpc_message(text.substr(0, end)) + "...";
}

}  // namespace

// ---- the pool

CallPool::~CallPool() {
  for (Call* call : free_) delete call;
}

CallPtr CallPool::take() {
  Call* call = nullptr;
  if (free_.empty()) {
    call = new Call();
  } else {
    call = free_.back();
    free_.pop_back();
  }
  call->state_->pool = shared_from_this();
  return CallPtr(call);
}

void CallPool::give_back(Call* call) {
  if (free_.size() >= kKept) {
    delete call;
    return;
  }
  call->state_->clear();
  free_.push_back(call);
}

Call::Call() : state_(std::make_unique<State>(*this)) {}
Call::~Call() = default;

void Call::release(Call* call) {
  State& state = *call->state_;
  if (state.open()) {
    ++call->references_;  // ending it may hand out pointers again
    state.end(number(ErrorKind::internal), "the call was dropped without an answer");
    if (--call->references_ != 0) return;
  }
  const std::shared_ptr<CallPool> pool = std::move(state.pool);
  pool->give_back(call);
}

// ---- what handlers use

std::string_view Call::method() const { return state_->head.path(); }
std::optional<std::string_view> Call::metadata(std::string_view name) const { return state_->head.header(name); }
std::size_t Call::metadata_occurrences(std::string_view name) const { return state_->head.header_occurrences(name); }
std::string_view Call::message() const { return state_->message; }
std::optional<EventLoop::Clock::time_point> Call::deadline() const { return state_->deadline; }
EventLoop::Clock::time_point Call::received() const { return state_->received; }
bool Call::finished() const { return state_->finished; }
bool Call::cancelled() const { return state_->cancelled; }
void Call::on_cancel(std::function<void()> callback) { state_->on_cancel = std::move(callback); }
EventLoop& Call::loop() const { return *state_->loop; }

bool Call::parse(google::protobuf::MessageLite& into) {
  const std::string_view bytes = state_->message;
  if (into.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return true;
  fail(ErrorKind::invalid_argument, "the request is not a " + into.GetTypeName());
  return false;
}

bool Call::send(std::string_view message) {
  State& state = *state_;
  if (!state.open()) return false;
  char* to = state.message_space(message.size());
  if (to == nullptr) return false;
  message.copy(to, message.size());
  state.stream->output_ready();
  return true;
}

bool Call::send(const google::protobuf::MessageLite& message) {
  State& state = *state_;
  if (!state.open()) return false;
  char* to = state.message_space(message.ByteSizeLong());
  if (to == nullptr) return false;
  message.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(to));
  state.stream->output_ready();
  return true;
}

void Call::finish(std::string_view message) {
  if (send(message)) state_->end(0, {});
}

void Call::finish(const google::protobuf::MessageLite& message) {
  if (send(message)) state_->end(0, {});
}

void Call::finish() {
  if (state_->open()) state_->end(0, {});
}

void Call::fail(ErrorKind kind, std::string_view message) {
  if (state_->open()) state_->end(number(kind), message);
}

// ---- State

void Call::State::clear() {
  server = nullptr;
  method = nullptr;
  stream = nullptr;
  loop = nullptr;
  head.clear();
  if (input.capacity() > kKeptInputBytes) free_memory(input);
  input.clear();
  input_read = 0;
  free_memory(inflated);
  message = {};
  deadline.reset();
  on_cancel = nullptr;
  accepts_gzip_input = head_sent = finished = cancelled = half_closed = going_on = false;
}

void Call::State::begin(Server::State& its_server, Method* its_method, http::Stream& its_stream) {
  server = &its_server;
  method = its_method;
  stream = &its_stream;
  loop = &stream->loop();
  stream->swap_request(head);
  trace = http::Trace(head);
  self = CallPtr(&call);
  received = loop->now();
  if (method == nullptr) {
    end(number(ErrorKind::unimplemented), fmt::format("unknown method {}", head.path()));
    return;
  }
  if (method->started != nullptr) method->started->increment();
  if (head.method() != "POST") {
    end(number(ErrorKind::unimplemented), "gRPC calls are POST requests");
    return;
  }
  if (const auto encoding = head.header("grpc-encoding"); encoding && *encoding != "identity") {
    if (*encoding != "gzip") {
      end(number(ErrorKind::unimplemented), fmt::format("grpc-encoding '{}' is not supported", *encoding));
      return;
    }
    accepts_gzip_input = true;
  }
  if (const auto timeout = head.header("grpc-timeout")) {
    const auto wait = parse_timeout(*timeout);
    if (!wait) {
      end(number(ErrorKind::internal), fmt::format("malformed grpc-timeout '{}'", *timeout));
      return;
    }
    deadline = received + *wait;
    stream->wheel().arm(*this, *deadline);
  }
  if (method->kind == MethodKind::bidirectional) stream->set_open_ended();
}

void Call::State::on_data(std::string_view bytes) {
  const CallPtr keep(&call);
  input.append(bytes);
  if (method->kind == MethodKind::bidirectional) {
    deliver_messages();
  } else if (have_message() && input.size() > kPrefixBytes + read_prefix(input).length) {
    end(number(ErrorKind::unimplemented), kTooManyMessages);
  }
}

bool Call::State::have_message() {
  const std::string_view rest = std::string_view(input).substr(input_read);
  if (rest.size() < kPrefixBytes) return false;
  const Prefix prefix = read_prefix(rest);
  if (prefix.length > server->options.max_message_bytes) {
    end(number(ErrorKind::resource_exhausted),
        fmt::format("received message of {} bytes is larger than {}", prefix.length, server->options.max_message_bytes));
    return false;
  }
  return rest.size() - kPrefixBytes >= prefix.length;
}

bool Call::State::open_message() {
  const std::string_view rest = std::string_view(input).substr(input_read);
  const Prefix prefix = read_prefix(rest);
  const std::string_view bytes = rest.substr(kPrefixBytes, prefix.length);
  input_read += kPrefixBytes + prefix.length;
  if (prefix.compressed == 0) {
    message = bytes;
  } else if (prefix.compressed != 1 || !accepts_gzip_input) {
    end(number(ErrorKind::internal), "compressed message without grpc-encoding");
    return false;
  } else {
    thread_local Inflater inflater(ZlibFormat::gzip_or_zlib);
    switch (inflater.read(bytes, server->options.max_message_bytes, inflated)) {
      case Inflated::ok: message = inflated; break;
      case Inflated::malformed: end(number(ErrorKind::internal), "malformed gzip message"); return false;
      case Inflated::too_large:
        end(number(ErrorKind::resource_exhausted),
            fmt::format("received message is larger than {} bytes when decompressed", server->options.max_message_bytes));
        return false;
    }
  }
  if (method->received != nullptr) method->received->increment();
  return true;
}

bool Call::State::answers_wait() const { return stream->pending_output() >= kAnswersAhead; }

void Call::State::deliver_messages() {
  while (open() && !answers_wait() && have_message()) {
    if (!open_message()) return;
    method->stream.on_message(CallPtr(&call));
    message = {};
  }
  if (!open()) return;
  stream->release_input(input_read);
  input.erase(0, input_read);
  input_read = 0;
  if (answers_wait()) {
    if (input.size() > server->options.max_message_bytes + kAnswersAhead) end(number(ErrorKind::resource_exhausted), kUnreadAnswers);
    return;
  }
  if (!half_closed) return;
  if (!input.empty()) {
    end(number(ErrorKind::internal), "the request ends inside a message");
  } else if (method->stream.on_half_close) {
    method->stream.on_half_close(CallPtr(&call));
  }
}

void Call::State::on_output_taken() {
  if (going_on || answers_wait() || (input.empty() && !half_closed)) return;
  going_on = true;
  loop->post([keep = CallPtr(&call)] {
    keep->state_->going_on = false;
    if (keep->state_->open()) keep->state_->deliver_messages();
  });
}

void Call::State::on_end() {
  const CallPtr keep(&call);
  half_closed = true;
  if (method->kind == MethodKind::bidirectional) {
    deliver_messages();
  } else {
    dispatch();
  }
}

void Call::State::dispatch() {
  if (!have_message()) {
    if (open()) {
      end(number(ErrorKind::internal), input.empty() ? "the call has no request message" : "the request ends inside its message");
    }
    return;
  }
  if (!open_message()) return;
  if (input_read != input.size()) {
    end(number(ErrorKind::unimplemented), kTooManyMessages);
    return;
  }
  // From here on the call lives as long as the handler keeps it.
  CallPtr handed = std::move(self);
  method->unary(std::move(handed));
}

void Call::State::on_closed() {
  stream = nullptr;
  cancel();
}

void Call::State::on_draining() {
  if (method->kind != MethodKind::unary) give_up(ErrorKind::unavailable, "the server is stopping");
}

void Call::State::on_timeout() { give_up(ErrorKind::deadline_exceeded, "deadline exceeded"); }

void Call::State::give_up(ErrorKind kind, std::string_view text) {
  const CallPtr keep(&call);
  const auto callback = std::exchange(on_cancel, nullptr);
  end(number(kind), text);
  finished = false;
  cancelled = true;
  if (callback) callback();
}

void Call::State::cancel() {
  const CallPtr keep(&call);
  stream = nullptr;
  cancelled = true;
  disarm();
  if (method != nullptr) method->count_handled(number(ErrorKind::cancelled));
  if (const auto callback = std::exchange(on_cancel, nullptr)) callback();
  self.reset();
}

void Call::State::send_answer_head() {
  if (head_sent) return;
  head_sent = true;
  send_fields({}, false);
}

void Call::State::send_fields(std::span<const http::Stream::Field> status, bool ends) {
  std::array<http::Stream::Field, 7> fields;
  std::size_t count = 0;
  fields[count++] = kStatus200;
  fields[count++] = kContentType;
  // Only who sends ids wants them back: a field costs a tenth of a small call.
  if (trace.has_clients_request_id()) fields[count++] = {"x-request-id", trace.request_id(), false};
  if (trace.has_parent()) fields[count++] = {"traceparent", trace.traceparent(), false};
  for (const http::Stream::Field& field : status) fields[count++] = field;
  stream->send_headers(std::span(fields).first(count), ends);
}

char* Call::State::message_space(std::size_t size) {
  if (stream->pending_output() > 0 && stream->pending_output() + size > server->options.max_buffered_stream_bytes) {
    end(number(ErrorKind::resource_exhausted), kUnreadAnswers);
    return nullptr;
  }
  send_answer_head();
  std::string& output = stream->output();
  const std::size_t offset = output.size();
  output.resize(offset + kPrefixBytes + size);
  std::ranges::copy(prefix_of(size), output.data() + offset);
  if (method->sent != nullptr) method->sent->increment();
  return output.data() + offset + kPrefixBytes;
}

void Call::State::end(int code, std::string_view text) {
  const std::string_view code_text = kCodes[static_cast<std::size_t>(code)];
  const std::string encoded = text.empty() ? std::string() : status_message(text);
  const http::Stream::Field status{"grpc-status", code_text};
  const http::Stream::Field reason{"grpc-message", encoded, false};
  if (head_sent) {
    const std::array both{status, reason};
    stream->send_trailers(std::span(both).first(encoded.empty() ? 1 : 2));
  } else if (code == number(ErrorKind::unimplemented)) {
    send_fields(std::array{status, reason, kAcceptEncoding}, true);
  } else if (encoded.empty()) {
    send_fields(std::array{status}, true);
  } else {
    send_fields(std::array{status, reason}, true);
  }
  if (method != nullptr) method->count_handled(code);
  if (server->options.observer) server->options.observer({head.path(), code, EventLoop::Clock::now() - received, trace});
  finished = true;
  on_cancel = nullptr;
  close();
}

void Call::State::close() {
  disarm();
  stream->detach();
  stream = nullptr;
  self.reset();
}

}  // namespace gauntlet::base::grpc
