#include "engine/api/grpc/stream.hpp"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/event_loop.hpp"
#include "engine/api/core/inbox.hpp"
#include "engine/api/grpc/answer.hpp"
#include "engine/api/grpc/client.hpp"
#include "engine/api/grpc/decoder.hpp"
#include "engine/api/grpc/encoder.hpp"
#include "engine/api/grpc/params.hpp"
#include "engine/api/grpc/state.hpp"
#include "engine/plan/options.hpp"
#include "engine/script/async_context.hpp"
#include "engine/script/binding.hpp"
#include "engine/users/vu_context.hpp"

namespace gauntlet::engine::api {
namespace {

using script::Call;
using script::Value;
using Clock = base::EventLoop::Clock;

enum Event : std::size_t { on_data, on_error, on_end_of_stream, event_count };
constexpr const char* kEventNames[] = {"data", "error", "end"};

/// Handlers in the order in which they were added. Owned by the JavaScript object, so that the collector sees them.
struct ScriptStream {
  std::vector<script::Listener> handlers[event_count];
  std::shared_ptr<class RunningStream> running;  // shared with GrpcState, which keeps it while it runs

  void mark(JSRuntime* runtime, JS_MarkFunc* mark_value) const {
    for (const auto& list : handlers) {
      for (const script::Listener& handler : list) JS_MarkValue(runtime, handler.function().get(), mark_value);
    }
  }
};

/// The RPC behind a Stream. What comes from the connection is gathered while it is read, and told to the script on its
/// fiber at the end of the loop's round: handlers may do anything, close the connection included.
class RunningStream final : public GrpcState::Pending, private wire::GrpcCall, public std::enable_shared_from_this<RunningStream> {
 public:
  RunningStream(GrpcState& state, FoundMethod found, bool discards, GrpcSampleTags tags)
      : state_(state), found_(found), tags_(std::move(tags)), discards_(discards) {}

  void abandon() override {
    if (wire::GrpcCall::is_active()) client_->cancel(*this);
    is_over_ = true;
    inbox_.clear();
    client_object_ = Value();
    stream_object_ = Value();
  }

  void start(GrpcScriptClient& client, const Value& client_object, const Value& stream_object, const GrpcCallParams& params) {
    client_ = client.connection().get();
    client_object_ = client_object;
    stream_object_ = stream_object;
    operation_ = state_.vu().start_operation();
    tags_.count(metrics::MetricId::grpc_streams);
    const auto entries = params.metadata_entries();
    client_->start(*this,
                   {.path = found_.method->full_method,
                    .metadata = entries,
                    .timeout = params.timeout.value_or(std::chrono::nanoseconds(0)),
                    .unary = false},
                   nullptr, false);
  }

  /// False when a getter of the message threw.
  bool write(JSValueConst message) {
    if (JS_IsUndefined(message) || JS_IsNull(message)) {
      state_.vu().warn("can't send empty message", {{"streamMethod", found_.method->full_method}});
      return true;
    }
    if (!wire::GrpcCall::is_active() || sending_over_) return true;  // k6 ignores it, too
    std::string bytes;
    grpc::Encoder encoder(state_.names(), *found_.schema);
    if (!encoder.encode(*found_.method->input, message, bytes)) {
      if (encoder.problem().empty()) return false;
      if (!wire::GrpcCall::is_active()) return true;  // a getter of the message has closed the connection
      fail({wire::grpc_status::kUnknown, fmt::format("can't serialise request object to protocol buffer: {}", encoder.problem()), {}});
      return true;
    }
    if (!wire::GrpcCall::is_active() || sending_over_) return true;  // as above; or the stream
    if (client_->send(*this, bytes)) tags_.count(metrics::MetricId::grpc_streams_msgs_sent);
    return true;
  }

  void end_sending() {
    sending_over_ = true;
    if (wire::GrpcCall::is_active()) client_->finish_sending(*this);
  }

 private:
  void on_message(std::string_view bytes) override {
    if (!discards_) {
      if (const auto problem = grpc::check_wire(*found_.method->output, bytes)) {
        return fail_decoding(fmt::format("grpc: failed to unmarshal the received message: {}", *problem));
      }
    }
    if (discards_) bytes = {};
    inbox_.push(std::string(bytes), bytes.size());
    if (inbox_.is_full()) wire::GrpcCall::pause();
    tell_soon();
  }

  void on_end() override {
    ended_ = true;
    outcome_ = wire::GrpcCall::status();
    tell_soon();
  }

  /// Our own end of it.
  void fail(wire::GrpcStatus status) {
    client_->cancel(*this);
    ended_ = true;
    failed_here_ = true;
    outcome_ = std::move(status);
    tell_soon();
  }

  void tell_soon() {
    if (telling_) return;
    telling_ = true;
    state_.vu().loop().at_end_of_round([self = weak_from_this()] {
      if (const auto stream = self.lock()) stream->tell();
    });
  }

  void tell() {
    operation_.deliver([self = shared_from_this()] { self->call_handlers(); });
  }

  /// On the fiber. A handler's exception stays pending and ends the iteration. What the turn is too
  /// short for goes to the back of the line.
  void call_handlers() {
    JSContext* const context = state_.vu().context();
    const auto until = Clock::now() + kTellingTurn;
    const Value handlers_owner = stream_object_;  // which a handler may let go of by ending everything
    while (!inbox_.empty() && !is_over_) {
      const std::string bytes = inbox_.pop();
      if (inbox_.has_room()) wire::GrpcCall::resume();
      // The only answer to a stream of ours comes with the outcome; those before it do not know theirs.
      const bool is_only_answer = ended_ && !found_.method->server_stream;
      tags_.count(metrics::MetricId::grpc_streams_msgs_received, is_only_answer ? std::optional(outcome_.code) : std::nullopt);
      Value message(
          context, discards_ ? JS_NewObject(context) : grpc::Decoder(state_.names(), *found_.schema).decode(*found_.method->output, bytes));
      if (message.is_exception() || !call(Event::on_data, std::move(message))) return;
      if (Clock::now() > until) break;
    }
    telling_ = false;
    if (is_over_) return;
    if (!inbox_.empty()) {
      telling_ = true;
      return tell();
    }
    if (!ended_) return;
    is_over_ = true;
    if (!failed_here_) tags_.record_call(outcome_.code, wire::GrpcCall::started(), wire::GrpcCall::ended());
    if (outcome_.code != 0 && !call_error_handlers()) return;
    if (!call(Event::on_end_of_stream, Value(context, JS_NewObject(context)))) return;
    abandon();
    state_.drop(this);
    operation_.drop();
  }

  bool call_error_handlers() {
    JSContext* const context = state_.vu().context();
    if (script()->handlers[Event::on_error].empty()) {
      state_.vu().warn(fmt::format("no handlers for error registered, but an error happened: {}", describe_rpc_error(outcome_)),
                       {{"streamMethod", found_.method->full_method}});
      return true;
    }
    Value error(context, new_grpc_error(state_, outcome_, found_.schema));
    const std::string text = fmt::format("code: {}, message: {}", outcome_.code, outcome_.message);
    Value described(context, script::new_string(context, text));
    const auto give_text = [](JSContext* where, JSValueConst, int, JSValueConst*, int, JSValueConst* data) {
      return JS_DupValue(where, data[0]);
    };
    JSValueConst data[] = {described.get()};
    error.set("error", Value(context, JS_NewCFunctionData(context, give_text, 0, 0, 1, data)));
    JS_DefinePropertyValueStr(context, error.get(), "toString", JS_NewCFunctionData(context, give_text, 0, 0, 1, data),
                              JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE);
    return call(Event::on_error, std::move(error));
  }

  /// Calls the handlers of an event with (argument, {ts}); false when one threw.
  bool call(Event event, Value argument) {
    JSContext* const context = state_.vu().context();
    const auto& handlers = script()->handlers[event];
    if (handlers.empty()) return true;
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
    Value about(context, JS_NewObject(context));
    about.set("ts", Value(context, JS_NewInt64(context, now.count())));
    if (JS_HasException(context)) return false;  // there was no memory for what they are to be told
    JSValueConst arguments[] = {argument.get(), about.get()};
    for (std::size_t i = 0; i < handlers.size(); ++i) {  // by index: a handler may add another
      if (script::Listener(handlers[i]).call(arguments).is_exception()) return false;
    }
    return true;
  }

  ScriptStream* script() { return script::Class<ScriptStream>::of(stream_object_.get()); }

  GrpcState& state_;
  FoundMethod found_;
  GrpcSampleTags tags_;
  bool discards_;
  bool sending_over_ = false;
  bool telling_ = false;
  bool ended_ = false;
  bool failed_here_ = false;
  bool is_over_ = false;
  wire::GrpcClient* client_ = nullptr;
  wire::GrpcStatus outcome_;
  Inbox<std::string> inbox_;
  users::Operation operation_;
  Value client_object_;  // whose connection is used
  Value stream_object_;  // whose handlers are called
};

JSValue new_stream(Call call) {
  JSContext* const context = call.context;
  GrpcScriptClient* const client = script::Class<GrpcScriptClient>::of(call.arg(0));
  if (client == nullptr) return script::throw_error(context, "invalid GRPC Stream's client: empty gRPC client");
  GrpcState& state = client->state();
  constexpr const char* kNotConnected = "invalid GRPC Stream's client: no gRPC connection, you must call connect first";
  if (client->connection() == nullptr) return script::throw_error(context, kNotConnected);
  const script::Text name(context, call.arg(1));
  if (name.failed()) return JS_EXCEPTION;
  const FoundMethod found = client->find(name);
  if (found.method == nullptr) {
    return script::throw_error(
        context, fmt::format("invalid GRPC Stream's method: method \"{}\" not found in file descriptors", full_method_name(name)));
  }
  GrpcCallParams params;
  if (const auto parsed = parse_call_params(context, call.arg(2), params); !parsed) {
    return parsed.error().message.empty()
               ? JS_EXCEPTION
               : script::throw_error(context, fmt::format("invalid GRPC Stream's parameters: {}", parsed.error().message));
  }
  auto made = std::make_unique<ScriptStream>();
  ScriptStream& script = *made;
  Value object(context, script::Class<ScriptStream>::construct(call, std::move(made)));
  if (object.is_exception()) return JS_EXCEPTION;
  if (JS_HasException(context)) return JS_EXCEPTION;
  if (client->connection() == nullptr) return script::throw_error(context, kNotConnected);  // a getter has closed it meanwhile
  GrpcSampleTags tags(state.vu(), found.method, client->connection()->options().address, std::move(params.tags), true);
  script.running = std::make_shared<RunningStream>(state, found, params.discard_message, std::move(tags));
  state.keep(script.running);
  script.running->start(*client, Value::copy(context, call.arg(0)), object, params);
  return object.release();
}

JSValue on(script::Self<ScriptStream> self, Call call) {
  const script::Text event(self.context, call.arg(0));
  if (event.failed()) return JS_EXCEPTION;
  if (!JS_IsFunction(self.context, call.arg(1))) {
    return script::throw_type_error(self.context, fmt::format("the handler of '{}' is no function", event.view()));
  }
  for (std::size_t i = 0; i < event_count; ++i) {
    if (event.view() == kEventNames[i]) {
      self->handlers[i].emplace_back(self.context, call.arg(1));
      return JS_UNDEFINED;
    }
  }
  users::vu_of(self.context)
      .warn(fmt::format("can't register {} event handler: unknown GRPC stream's event type: {}", event.view(), event.view()));
  return JS_UNDEFINED;
}

JSValue write(script::Self<ScriptStream> self, Call call) { return self->running->write(call.arg(0)) ? JS_UNDEFINED : JS_EXCEPTION; }

JSValue end(script::Self<ScriptStream> self, Call) {
  self->running->end_sending();
  return JS_UNDEFINED;
}

const script::Member kMembers[] = {
    script::method<&on>("on", 2),
    script::method<&write>("write", 1),
    script::method<&end>("end", 0),
};

}  // namespace

void export_grpc_stream(script::Module& module) {
  script::Class<ScriptStream>::define(module.context(), "Stream", kMembers);
  module.export_class<ScriptStream, &new_stream>("Stream", 3);
}

}  // namespace gauntlet::engine::api
