#include "engine/api/websocket/ws.hpp"

#include <fmt/format.h>

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/duration.hpp"
#include "base/event_loop.hpp"
#include "engine/api/core/inbox.hpp"
#include "engine/api/core/network_string.hpp"
#include "engine/api/http/state.hpp"
#include "engine/api/websocket/session.hpp"
#include "engine/script/binding.hpp"
#include "engine/script/fiber/fiber.hpp"
#include "engine/users/vu_context.hpp"

namespace gauntlet::engine::api {
namespace {

using metrics::MetricId;
using script::Call;
using script::Value;
using wire::WebSocketOpcode;
using Clock = base::EventLoop::Clock;
namespace close_code = wire::close_code;

enum Event : std::size_t { open, message, binary_message, ping, pong, close_event, error_event, event_count };
constexpr std::array<std::string_view, event_count> kEventNames = {"open", "message", "binaryMessage", "ping", "pong", "close", "error"};

/// One ws.connect() from its call to its return: what comes from the connection and the timers waits in an inbox until
/// the script's fiber takes it.
class Session final : private wire::WebSocket::Listener {
 public:
  Session(HttpState& state, wire::Dialer& dialer, std::string url, const WebSocketParams& params)
      : vu_(state.vu()), session_(state, dialer, *this, std::move(url), params, false) {}
  ~Session() override {
    for (const auto& [id, timer] : timers_) vu_.loop().cancel(timer.pending);
  }

  WebSocketSession& connection() { return session_; }

  /// False when interrupted.
  bool connect(const WebSocketParams& params) {
    session_.connect(params);
    while (!is_decided_) {
      if (!wait()) return false;
    }
    session_.record_handshake();
    return true;
  }

  bool was_cut() const { return is_cut_; }
  bool is_open() { return session_.socket().is_open() || !inbox_.empty(); }

  /// Runs the script's handlers until the session is over. JS_EXCEPTION when one threw or the iteration was cut short.
  JSValue run() {
    if (!emit(Event::open)) return leave_by_exception();
    while (!is_over_) {
      if (!due_timers_.empty()) {
        const std::uint64_t timer = due_timers_.front();
        due_timers_.pop_front();
        if (!run_timer(timer)) return leave_by_exception();
        if (is_over_) break;
      }
      if (inbox_.empty()) {
        if (due_timers_.empty() && !wait()) {
          close(close_code::kGoingAway, false);
          is_cut_ = true;
          return vu_.throw_interrupted();
        }
        continue;
      }
      Item item = inbox_.pop();
      if (inbox_.has_room()) session_.socket().resume();
      if (!handle(item)) return leave_by_exception();
    }
    return JS_UNDEFINED;
  }

  /// Closes while the script's exception is kept.
  JSValue leave_by_exception() {
    const Value exception(context(), JS_GetException(context()));
    is_cut_ = JS_IsUncatchableError(exception.get());
    if (!close(close_code::kGoingAway, !is_cut_)) JS_FreeValue(context(), JS_GetException(context()));
    return JS_Throw(context(), exception.dup());
  }

  /// The session ends; its close handlers run. False when one threw.
  bool close(int code, bool tells_script = true) {
    if (is_over_) return true;
    is_over_ = true;
    const auto problem = session_.socket().close(static_cast<std::uint16_t>(code), {});
    if (!tells_script) return true;
    if (problem && !emit_error(*problem)) return false;
    const std::array<Value, 1> arguments{Value(context(), JS_NewInt32(context(), code))};
    return emit(Event::close_event, arguments);
  }

  bool send(WebSocketOpcode opcode, std::string_view bytes) {
    const auto problem = session_.socket().send(opcode, bytes);
    session_.record(MetricId::ws_msgs_sent, 1);  // k6 counts those that fail, too
    return !problem || emit_error(*problem);
  }

  bool send_ping() {
    const std::string id = std::to_string(++pings_);
    if (const auto problem = session_.socket().send(WebSocketOpcode::ping, id)) return emit_error(*problem);
    pings_under_way_.emplace(id, Clock::now());
    return true;
  }

  void add_handler(std::size_t event, Value function) { handlers_[event].push_back(std::move(function)); }

  void start_timer(Value callback, std::chrono::nanoseconds delay, bool repeats) {
    const std::uint64_t id = ++last_timer_;
    timers_.emplace(id, Timer{std::move(callback), delay, repeats, 0});
    arm(id);
  }

  void mark(JSRuntime* runtime, JS_MarkFunc* mark_value) const {
    for (const auto& list : handlers_) {
      for (const Value& handler : list) JS_MarkValue(runtime, handler.get(), mark_value);
    }
    for (const auto& [id, timer] : timers_) JS_MarkValue(runtime, timer.callback.get(), mark_value);
  }

 private:
  struct Timer {
    Value callback;
    std::chrono::nanoseconds delay;
    bool repeats;
    base::EventLoop::TimerId pending;
  };
  struct Item {
    enum class Kind : std::uint8_t { text, binary, ping, pong, end };
    Kind kind;
    std::string bytes;
    wire::WebSocketEnd end;
    Clock::time_point at{};
  };

  JSContext* context() const { return vu_.context(); }

  /// For something in the inbox, or the handshake's end; false when interrupted.
  bool wait() {
    fiber::Awaited<> signal;
    signal_ = &signal;
    const bool woken = signal.wait().has_value();
    signal_ = nullptr;
    return woken;
  }
  void wake() {
    if (fiber::Awaited<>* const signal = std::exchange(signal_, nullptr)) signal->complete();
  }

  void on_websocket_open() override { is_decided_ = true; }
  void on_websocket_failed() override { is_decided_ = true; }
  void receive(Item::Kind kind, std::string_view bytes, Clock::time_point at = {}) {
    inbox_.push({kind, std::string(bytes), {}, at}, bytes.size());
    if (inbox_.is_full()) session_.socket().pause();
  }
  void on_websocket_message(WebSocketOpcode opcode, std::string_view bytes) override {
    receive(opcode == WebSocketOpcode::text ? Item::Kind::text : Item::Kind::binary, bytes);
  }
  void on_websocket_ping(std::string_view) override { receive(Item::Kind::ping, {}); }
  void on_websocket_pong(std::string_view id) override { receive(Item::Kind::pong, id, Clock::now()); }
  void on_websocket_end(const wire::WebSocketEnd& end) override { inbox_.push({Item::Kind::end, {}, end, {}}); }
  void on_websocket_quiet() override { wake(); }

  void arm(std::uint64_t id) {
    Timer& timer = timers_.at(id);
    timer.pending = vu_.loop().call_after(timer.delay, [this, id] {
      due_timers_.push_back(id);
      wake();
    });
  }

  /// On the fiber. False when a handler threw.
  bool handle(Item& item) {
    JSContext* const context = this->context();
    switch (item.kind) {
      case Item::Kind::text: {
        session_.record(MetricId::ws_msgs_received, 1);
        if (handlers_[Event::message].empty()) return true;
        const std::array<Value, 1> arguments{Value(context, new_network_string(context, item.bytes))};
        return emit(Event::message, arguments);
      }
      case Item::Kind::binary: {
        session_.record(MetricId::ws_msgs_received, 1);
        const std::array<Value, 1> arguments{Value(context, script::adopt_array_buffer(context, std::move(item.bytes)))};
        if (arguments[0].is_exception()) return false;
        return emit(Event::binary_message, arguments);
      }
      case Item::Kind::ping: return emit(Event::ping);
      case Item::Kind::pong: {
        if (const auto sent = pings_under_way_.find(item.bytes); sent != pings_under_way_.end()) {
          session_.record(MetricId::ws_ping, base::milliseconds_of(item.at - sent->second));
          pings_under_way_.erase(sent);
        }
        return emit(Event::pong);
      }
      case Item::Kind::end: return handle_end(item.end);
    }
    return true;
  }

  /// On the fiber. False when the callback threw.
  bool run_timer(std::uint64_t id) {
    const auto found = timers_.find(id);
    if (found == timers_.end()) return true;
    const Value callback = found->second.callback;
    if (found->second.repeats) arm(id);
    else timers_.erase(found);
    const Value result(context(), JS_Call(context(), callback.get(), JS_UNDEFINED, 0, nullptr));
    return !result.is_exception();
  }

  bool handle_end(const wire::WebSocketEnd& end) {
    // Only a close that nobody asked for is an error to the script.
    if (end.code && *end.code != close_code::kNormal && *end.code != close_code::kGoingAway && !emit_error(end.error)) return false;
    if (!end.code && !emit_error(end.closed_by_us ? "websocket: close sent" : end.error)) return false;
    if (is_over_) return true;
    is_over_ = true;
    const std::array<Value, 1> arguments{Value(context(), JS_NewInt32(context(), end.code.value_or(close_code::kGoingAway)))};
    return emit(Event::close_event, arguments);
  }

  bool emit_error(std::string_view text) {
    JSContext* const context = this->context();
    if (handlers_[Event::error_event].empty()) return true;
    Value error(context, JS_NewObject(context));
    Value described(context, script::new_string(context, text));
    JSValueConst data[] = {described.get()};
    const auto give_text = [](JSContext* where, JSValueConst, int, JSValueConst*, int, JSValueConst* kept) {
      return JS_DupValue(where, kept[0]);
    };
    error.set("error", Value(context, JS_NewCFunctionData(context, give_text, 0, 0, 1, data)));
    JS_DefinePropertyValueStr(context, error.get(), "toString", JS_NewCFunctionData(context, give_text, 0, 0, 1, data),
                              JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE);
    const std::array<Value, 1> arguments{std::move(error)};
    return emit(Event::error_event, arguments);
  }

  bool emit(std::size_t event, std::span<const Value> arguments = {}) {
    if (JS_HasException(context())) return false;  // there was no memory for what they are to be told
    std::vector<JSValueConst> values;
    for (const Value& argument : arguments) values.push_back(argument.get());
    for (std::size_t i = 0; i < handlers_[event].size(); ++i) {  // by index: a handler may add another
      const Value handler = handlers_[event][i];
      const Value result(context(), JS_Call(context(), handler.get(), JS_UNDEFINED, static_cast<int>(values.size()), values.data()));
      if (result.is_exception()) return false;
    }
    return true;
  }

  users::VuContext& vu_;
  WebSocketSession session_;
  std::array<std::vector<Value>, event_count> handlers_;
  Inbox<Item> inbox_;
  std::deque<std::uint64_t> due_timers_;  // one of them, then one of the inbox, in turns
  fiber::Awaited<>* signal_ = nullptr;    // set while the fiber waits
  std::map<std::string, Clock::time_point> pings_under_way_;
  std::uint64_t pings_ = 0;
  std::map<std::uint64_t, Timer> timers_;
  std::uint64_t last_timer_ = 0;
  bool is_decided_ = false;
  bool is_over_ = false;
  bool is_cut_ = false;
};

/// The object that the setup function gets; does nothing once the session is over.
struct Socket {
  std::shared_ptr<Session> session;  // shared with connect(), which lets go of it at its end

  void mark(JSRuntime* runtime, JS_MarkFunc* mark_value) const {
    if (session) session->mark(runtime, mark_value);
  }
};

using Self = script::Self<Socket>;

JSValue result_of(bool succeeded) { return succeeded ? JS_UNDEFINED : JS_EXCEPTION; }

JSValue on(Self self, Call call) {
  const script::Text name(call.context, call.arg(0));
  if (name.failed()) return JS_EXCEPTION;
  for (std::size_t i = 0; i < event_count; ++i) {
    if (self->session && name.view() == kEventNames[i] && JS_IsFunction(call.context, call.arg(1))) {
      self->session->add_handler(i, Value::copy(call.context, call.arg(1)));
    }
  }
  return JS_UNDEFINED;
}

JSValue send(Self self, Call call) {
  if (!self->session) return JS_UNDEFINED;
  if (call.count == 0) return result_of(self->session->send(WebSocketOpcode::text, {}));
  const script::Text text(call.context, call.arg(0));
  if (text.failed()) return JS_EXCEPTION;
  return result_of(self->session->send(WebSocketOpcode::text, text));
}

JSValue send_binary(Self self, Call call) {
  if (call.count == 0) return script::throw_error(call.context, "missing argument, expected ArrayBuffer");
  std::size_t size = 0;
  const std::uint8_t* bytes = JS_IsArrayBuffer(call.arg(0)) ? JS_GetArrayBuffer(call.context, &size, call.arg(0)) : nullptr;
  if (!JS_IsArrayBuffer(call.arg(0))) {
    std::string type = "undefined";
    if (JS_IsObject(call.arg(0))) {
      const Value constructor(call.context, JS_GetPropertyStr(call.context, call.arg(0), "constructor"));
      type = script::Text(constructor.property("name")).str();
    } else if (JS_IsString(call.arg(0))) {
      type = "String";
    } else if (JS_IsNumber(call.arg(0))) {
      type = "Number";
    } else if (JS_IsBool(call.arg(0))) {
      type = "Boolean";
    }
    return script::throw_error(call.context, fmt::format("expected ArrayBuffer as argument, received: {}", type));
  }
  if (!self->session) return JS_UNDEFINED;
  return result_of(self->session->send(WebSocketOpcode::binary, {reinterpret_cast<const char*>(bytes), size}));
}

JSValue send_ping(Self self, Call) { return self->session ? result_of(self->session->send_ping()) : JS_UNDEFINED; }

JSValue close(Self self, Call call) {
  if (!self->session) return JS_UNDEFINED;
  std::int32_t code = close_code::kGoingAway;
  if (call.has(0) && JS_ToInt32(call.context, &code, call.arg(0)) < 0) return JS_EXCEPTION;
  return result_of(self->session->close(code));
}

JSValue start_timer(Self self, const Call& call, const char* name, bool repeats) {
  double delay_ms = 0;
  if (JS_ToFloat64(call.context, &delay_ms, call.arg(1)) < 0) return JS_EXCEPTION;
  if (!(delay_ms > 0))
    return script::throw_error(call.context, fmt::format("{} requires a >0 timeout parameter, received {:.2f}", name, delay_ms));
  if (!JS_IsFunction(call.context, call.arg(0)))
    return script::throw_type_error(call.context, fmt::format("{} needs a function as its first argument", name));
  constexpr double kLongestMs = 1e12;
  if (self->session) {
    self->session->start_timer(Value::copy(call.context, call.arg(0)),
                               std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(delay_ms, kLongestMs) * 1e6)), repeats);
  }
  return JS_UNDEFINED;
}

JSValue set_timeout(Self self, Call call) { return start_timer(self, call, "setTimeout", false); }
JSValue set_interval(Self self, Call call) { return start_timer(self, call, "setInterval", true); }

/// {url, status, headers, body, error}
JSValue new_answer(JSContext* context, WebSocketSession& session, bool was_open) {
  wire::WebSocket& socket = session.socket();
  const wire::ResponseHead& head = socket.head();
  Value answer(context, JS_NewObject(context));
  answer.set("url", was_open ? std::string_view(session.url()) : std::string_view());
  answer.set("status", Value(context, JS_NewInt32(context, head.status)));
  Value headers(context, JS_NewObject(context));
  std::map<std::string, std::string> joined;
  wire::for_each_field(head.fields, [&](std::string_view name, std::string_view value) {
    std::string& known = joined[wire::canonical_field_name(name)];
    if (!known.empty()) known += ", ";
    known += value;
  });
  for (const auto& [name, value] : joined) headers.set(name, Value(context, new_network_string(context, value)));
  answer.set("headers", std::move(headers));
  answer.set("body", Value(context, new_network_string(context, socket.handshake_body())));
  // An answer that is no upgrade speaks for itself.
  answer.set("error", was_open || head.status != 0 ? std::string_view() : std::string_view(socket.failure().cause));
  return answer.release();
}

JSValue connect(Call call) {
  JSContext* const context = call.context;
  users::VuContext& vu = users::vu_of(context);
  if (vu.in_init()) return script::throw_error(context, "using websockets in the init context is not supported");
  if (call.count != 2 && call.count != 3) return script::throw_error(context, "invalid number of arguments to ws.connect");
  const JSValueConst setup = call.arg(call.count - 1);
  if (!JS_IsFunction(context, setup)) return script::throw_error(context, "last argument to ws.connect must be a function");
  const script::Text url(context, call.arg(0));
  if (url.failed()) return JS_EXCEPTION;
  HttpState& state = vu.slot<HttpState>();
  const auto params =
      parse_websocket_params(state, context, call.count == 3 ? call.arg(1) : JS_UNDEFINED, "ws.connect() metric tags", false);
  if (!params) return params.error().message.empty() ? JS_EXCEPTION : script::throw_error(context, params.error().message);
  const auto dialer = state.dialer();
  if (!dialer) return script::throw_error(context, dialer.error().message);

  const auto session = std::make_shared<Session>(state, **dialer, url.str(), *params);
  if (!session->connect(*params)) return vu.throw_interrupted();
  WebSocketSession& connection = session->connection();
  const bool was_open = session->is_open();
  JSValue outcome = JS_UNDEFINED;
  if (was_open) {
    auto made = std::make_unique<Socket>();
    Socket& socket = *made;
    socket.session = session;
    const Value object(context, script::Class<Socket>::create(context, std::move(made)));
    if (object.is_exception()) return session->leave_by_exception();
    JSValueConst arguments[] = {object.get()};
    const Value result(context, JS_Call(context, setup, JS_UNDEFINED, 1, arguments));
    outcome = result.is_exception() ? session->leave_by_exception() : session->run();
    socket.session.reset();  // the script may keep the object
  }
  if (!session->was_cut()) connection.record_duration();
  if (JS_IsException(outcome)) return JS_EXCEPTION;
  return new_answer(context, connection, was_open);
}

const script::Member kSocket[] = {
    script::method<&close>("close", 1),
    script::method<&on>("on", 2),
    script::method<&send_ping>("ping", 0),
    script::method<&send>("send", 1),
    script::method<&send_binary>("sendBinary", 1),
    script::method<&set_interval>("setInterval", 2),
    script::method<&set_timeout>("setTimeout", 2),
};

const script::Member kExports[] = {script::function<&connect>("connect", 3)};

}  // namespace

void init_ws(script::Module& module) {
  script::Class<Socket>::define(module.context(), "Socket", kSocket);
  module.exports(kExports);
}

}  // namespace gauntlet::engine::api
