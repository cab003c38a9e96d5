#include "engine/api/grpc/state.hpp"

#include <fmt/format.h>

#include "engine/api/grpc/client.hpp"
#include "engine/api/grpc/decoder.hpp"
#include "engine/plan/options.hpp"
#include "engine/users/shared_state.hpp"
#include "engine/users/vu_context.hpp"

namespace gauntlet::engine::api {
namespace {

constexpr std::array<const char*, GrpcState::kNameCount> kNames = {"message", "error", "headers", "trailers", "status", "code", "details"};

}  // namespace

void UnaryCall::reset() {
  output = nullptr;
  schema = nullptr;
  done = nullptr;
  message.clear();
  if (message.capacity() > CallPool::kMaxMessageBytes) message.shrink_to_fit();
}

void UnaryCall::on_message(std::string_view bytes) {
  if (output == nullptr) return;
  if (const auto problem = grpc::check_wire(*output, bytes)) {
    fail_decoding(fmt::format("grpc: failed to unmarshal the received message: {}", *problem));
  } else {
    message.assign(bytes);
  }
}

void UnaryCall::on_end() {
  const auto told = std::move(done);
  done = nullptr;
  told();
}

CallPool& CallPool::of_thread() {
  thread_local CallPool pool;
  return pool;
}

std::unique_ptr<UnaryCall> CallPool::take() {
  if (free_.empty()) return std::make_unique<UnaryCall>();
  auto call = std::move(free_.back());
  free_.pop_back();
  return call;
}

void CallPool::give_back(std::unique_ptr<UnaryCall> call) {
  if (free_.size() >= kMaxCalls || call->is_active()) return;
  call->reset();
  free_.push_back(std::move(call));
}

GrpcState::GrpcState(users::VuContext& vu)
    : vu_(vu), network_(vu.shared().get<Network>()), schemas_(vu.shared().get<grpc::SchemaCache>()), names_(vu.context()) {
  for (std::size_t i = 0; i < kNameCount; ++i) atoms_[i] = JS_NewAtom(vu.context(), kNames[i]);
  vu_.on_iteration_end([this](bool) { abandon_pending(); });
}

void GrpcState::abandon_pending() {
  const auto left = std::move(pending_);
  pending_.clear();
  for (const auto& work : left) work->abandon();
}

GrpcState::~GrpcState() {
  abandon_pending();
  for (GrpcScriptClient* const client : clients_) client->forget_state();
  for (const JSAtom atom : atoms_) JS_FreeAtom(vu_.context(), atom);
}

const grpc::Schema* GrpcState::keep(grpc::SchemaPtr schema) {
  for (const auto& kept : kept_schemas_) {
    if (kept == schema) return kept.get();
  }
  return kept_schemas_.emplace_back(std::move(schema)).get();
}

base::Expected<wire::Dialer*> GrpcState::dialer() {
  if (!dialer_) {
    TRY(network_.prepare(vu_.options()));
    dialer_ = std::make_unique<wire::Dialer>(vu_.loop(), network_.resolver(), network_.policy(), &network_.tls(), vu_.traffic(), vu_.id());
  }
  return dialer_.get();
}

GrpcState& grpc_state_of(JSContext* context) { return users::vu_of(context).slot<GrpcState>(); }

}  // namespace gauntlet::engine::api
