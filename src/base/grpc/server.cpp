#include "base/grpc/server.hpp"

#include <cassert>
#include <set>

#include "base/grpc/call_state.hpp"
#include "base/grpc/framing.hpp"

namespace gauntlet::base::grpc {
namespace {

std::string_view type_name(MethodKind kind) {
  switch (kind) {
    case MethodKind::unary: return "unary";
    case MethodKind::server_stream: return "server_stream";
    case MethodKind::bidirectional: return "bidi_stream";
  }
  return "unary";
}

}  // namespace

void Method::count_handled(int code) {
  if (handled_family == nullptr) return;
  metrics::Counter*& counter = handled[static_cast<std::size_t>(code)];
  if (counter == nullptr) counter = &handled_family->with({type_name(kind), service, name, code_name(code)});
  counter->increment();
}

Server::Server(ServerOptions options) : state_(std::make_unique<State>(std::move(options))) {}
Server::~Server() = default;

void Server::unary(std::string_view method, UnaryHandler handler) { state_->add(method, MethodKind::unary).unary = std::move(handler); }

void Server::server_streaming(std::string_view method, UnaryHandler handler) {
  state_->add(method, MethodKind::server_stream).unary = std::move(handler);
}

void Server::bidirectional(std::string_view method, StreamHandler handler) {
  state_->add(method, MethodKind::bidirectional).stream = std::move(handler);
}

std::vector<std::string> Server::services() const {
  std::set<std::string> names;
  for (const auto& [path, method] : state_->methods) names.insert(method->service);
  return {names.begin(), names.end()};
}

http::StreamService* Server::streams() { return state_.get(); }

Method& Server::State::add(std::string_view path, MethodKind kind) {
  const std::size_t slash = path.rfind('/');
  assert(path.size() > 2 && path.front() == '/' && slash > 1 && slash + 1 < path.size());
  auto method = std::make_unique<Method>();
  method->path = path;
  method->service = path.substr(1, slash - 1);
  method->name = path.substr(slash + 1);
  method->kind = kind;
  if (options.metrics != nullptr) {
    metrics::Registry& registry = *options.metrics;
    const std::initializer_list<std::string_view> labels{type_name(kind), method->service, method->name};
    const std::vector<std::string> names{"grpc_type", "grpc_service", "grpc_method"};
    method->started = &registry.counter("grpc_server_started_total", "Calls started on the server.", names).with(labels);
    method->received = &registry.counter("grpc_server_msg_received_total", "Messages received by the server.", names).with(labels);
    method->sent = &registry.counter("grpc_server_msg_sent_total", "Messages sent by the server.", names).with(labels);
    method->handled_family = &registry.counter("grpc_server_handled_total", "Calls completed on the server, by status code.",
                                               {"grpc_type", "grpc_service", "grpc_method", "grpc_code"});
    method->handled[0] = &method->handled_family->with({type_name(kind), method->service, method->name, code_name(0)});
  }
  Method& added = *method;
  const bool is_new = methods.emplace(std::string(path), std::move(method)).second;
  assert(is_new && "the method is registered twice");
  static_cast<void>(is_new);
  return added;
}

bool Server::State::wants(const http::Request& request) const {
  constexpr std::string_view kType = "application/grpc";
  const auto type = request.header("content-type");
  return type && type->starts_with(kType) && (type->size() == kType.size() || (*type)[kType.size()] == '+' || (*type)[kType.size()] == ';');
}

http::StreamReceiver* Server::State::begin(http::Stream& stream) {
  const auto found = methods.find(stream.request().path());
  const CallPtr call = pool->take();
  Call::State& state = *call->state_;
  state.begin(*this, found == methods.end() ? nullptr : found->second.get(), stream);
  return state.open() ? &state : nullptr;
}

}  // namespace gauntlet::base::grpc
