#include "engine/wire/grpc/client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <random>

#include "base/grpc/framing.hpp"
#include "engine/wire/http/http2_session.hpp"

namespace gauntlet::engine::wire {
namespace {

using Clock = base::EventLoop::Clock;

/// Buffers larger than this are given back after a call.
constexpr std::size_t kKeptBufferBytes = 64 * 1024;

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

double backoff_jitter() {
  thread_local std::minstd_rand random(std::random_device{}());
  return std::uniform_real_distribution(0.8, 1.2)(random);
}

}  // namespace

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
      if (*self != nullptr) (*self)->connection_failed(grpc_connection_error("transport: error while dialing: " + problem), false);
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
    return connection_failed(grpc_connection_error(fmt::format("{}{}", what, dialed.failure.cause)), was_connected);
  }
  if (options_.tls && dialed.stream->tls() != nullptr && dialed.stream->tls()->protocol != "h2") {
    return connection_failed(
        grpc_connection_error("transport: authentication handshake failed: credentials: cannot check peer: missing selected ALPN property"),
        true);
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
    connection_failed(grpc_connection_error("error reading server preface: " + cause), true);
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
    const auto prefix = base::grpc::prefix_of(message->size());
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
  const auto prefix = base::grpc::prefix_of(message.size());
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

void GrpcClient::close() {
  while (first_call_ != nullptr) {
    GrpcCall& call = *first_call_;
    if (Http2Session* const session = call.session()) session->cancel(call);
    call.status_ = {grpc_status::kCancelled, "grpc: the client connection is closing", {}};
    end_call(call);
  }
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

}  // namespace gauntlet::engine::wire
