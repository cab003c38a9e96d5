#include "engine/api/websocket/websockets.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
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
#include "engine/api/http/body.hpp"
#include "engine/api/http/state.hpp"
#include "engine/api/websocket/blob.hpp"
#include "engine/api/websocket/session.hpp"
#include "engine/script/async_context.hpp"
#include "engine/script/binding.hpp"
#include "engine/script/value.hpp"
#include "engine/users/vu_context.hpp"
#include "engine/wire/url.hpp"

namespace gauntlet::engine::api {
namespace {

using metrics::MetricId;
using script::Call;
using script::Value;
using wire::WebSocketOpcode;
using Clock = base::EventLoop::Clock;
namespace close_code = wire::close_code;

enum Event : std::size_t { open, message, error_event, close_event, ping, pong, event_count };
constexpr std::array<const char*, event_count> kEventNames = {"open", "message", "error", "close", "ping", "pong"};

enum class ReadyState : std::uint8_t { connecting, open, closing, closed };

class Connection;

/// The script's WebSocket. Owned by its JavaScript object, so that the collector sees its handlers.
struct ScriptSocket {
  std::array<script::Listener, event_count> on;  // the on... properties
  std::array<std::vector<script::Listener>, event_count> listeners;
  bool gives_array_buffers = false;
  std::shared_ptr<Connection> connection;  // shared with Connections, which keeps it while it is open

  void mark(JSRuntime* runtime, JS_MarkFunc* mark_value) const {
    for (const script::Listener& handler : on) JS_MarkValue(runtime, handler.function().get(), mark_value);
    for (const auto& list : listeners) {
      for (const script::Listener& handler : list) JS_MarkValue(runtime, handler.function().get(), mark_value);
    }
  }
};

/// A virtual user's connections that are not closed: vu.slot<Connections>().
class Connections {
 public:
  explicit Connections(users::VuContext& vu) {
    vu.on_iteration_end([this](bool) { abandon_all(); });
  }
  ~Connections() { abandon_all(); }
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  void keep(std::shared_ptr<Connection> connection) { open_.push_back(std::move(connection)); }
  void drop(const Connection* connection) {
    std::erase_if(open_, [&](const auto& each) { return each.get() == connection; });
  }

 private:
  void abandon_all();

  std::vector<std::shared_ptr<Connection>> open_;
};

/// What comes from the connection is gathered while it is read and told to the script on its fiber.
class Connection final : private wire::WebSocket::Listener, public std::enable_shared_from_this<Connection> {
 public:
  Connection(HttpState& state, wire::Dialer& dialer, std::string url, const WebSocketParams& params)
      : vu_(state.vu()), operation_(vu_.start_operation()), session_(state, dialer, *this, std::move(url), params, true) {}

  void connect(const WebSocketParams& params, Value object) {
    object_ = std::move(object);
    session_.connect(params);
  }
  /// Lets go of the network and of the script's values, without a word.
  void abandon() {
    session_.socket().abandon();
    state_ = ReadyState::closed;
    inbox_.clear();
    object_ = Value();
  }

  ReadyState state() const { return state_; }
  const std::string& url() const { return session_.url(); }
  wire::WebSocket& socket() { return session_.socket(); }

  void send(WebSocketOpcode opcode, std::string_view bytes) {
    if (session_.socket().send(opcode, bytes)) return;  // it is closing: told by the close event
    session_.record(MetricId::ws_msgs_sent, 1);
  }
  void send_ping() {
    const std::string id = std::to_string(++pings_);
    pings_under_way_.emplace(id, Clock::now());
    send(WebSocketOpcode::ping, id);
  }
  void close(int code, std::string reason) {
    if (state_ == ReadyState::connecting) {
      close_code_ = code;
      close_reason_ = std::move(reason);
    } else {
      send_close(code, reason);
    }
    state_ = ReadyState::closing;
  }

 private:
  struct Item {
    enum class Kind : std::uint8_t { open, failed, text, binary, ping, pong, end };
    Kind kind;
    std::string bytes;
    wire::WebSocketEnd end;
    Clock::time_point at{};
  };

  JSContext* context() const { return vu_.context(); }
  ScriptSocket& script() { return *script::Class<ScriptSocket>::of(object_.get()); }

  void send_close(int code, std::string_view reason) {
    if (!session_.socket().close(static_cast<std::uint16_t>(code), reason)) session_.record(MetricId::ws_msgs_sent, 1);
  }

  void receive(Item::Kind kind, std::string_view bytes, Clock::time_point at = {}) {
    inbox_.push({kind, std::string(bytes), {}, at}, bytes.size());
    if (inbox_.is_full()) session_.socket().pause();
  }
  void on_websocket_open() override { inbox_.push({Item::Kind::open, {}, {}, {}}); }
  void on_websocket_failed() override { inbox_.push({Item::Kind::failed, {}, {}, {}}); }
  void on_websocket_message(WebSocketOpcode opcode, std::string_view bytes) override {
    receive(opcode == WebSocketOpcode::text ? Item::Kind::text : Item::Kind::binary, bytes);
  }
  void on_websocket_ping(std::string_view) override { receive(Item::Kind::ping, {}); }
  void on_websocket_pong(std::string_view id) override { receive(Item::Kind::pong, id, Clock::now()); }
  void on_websocket_end(const wire::WebSocketEnd& end) override { inbox_.push({Item::Kind::end, {}, end, {}}); }
  void on_websocket_quiet() override { tell_soon(); }

  void tell_soon() {
    if (inbox_.empty() || is_telling_) return;
    is_telling_ = true;
    operation_.deliver([self = shared_from_this()] { self->tell(); });
  }

  /// On the fiber. A handler's exception stays pending and ends the iteration. What the turn is too
  /// short for goes to the back of the line.
  void tell() {
    const auto until = Clock::now() + kTellingTurn;
    while (!inbox_.empty()) {
      Item item = inbox_.pop();
      if (inbox_.has_room()) session_.socket().resume();
      if (!handle(item)) return;
      if (Clock::now() > until) break;
    }
    is_telling_ = false;
    if (state_ != ReadyState::closed) return tell_soon();
    object_ = Value();
    vu_.slot<Connections>().drop(this);
    operation_.drop();
  }

  bool handle(Item& item) {
    JSContext* const context = this->context();
    switch (item.kind) {
      case Item::Kind::open:
        session_.record_handshake();
        if (state_ == ReadyState::closing) {  // closed before it was open
          send_close(close_code_, close_reason_);
          return true;
        }
        state_ = ReadyState::open;
        return emit(Event::open, new_event(Event::open));
      case Item::Kind::failed: {
        session_.record_handshake();
        state_ = ReadyState::closed;
        // As in browsers, where nobody is told why: the reason says it.
        const std::string why = session_.socket().failure().cause;
        return emit_error(why) && emit_close(close_code::kAbnormal, why);
      }
      case Item::Kind::text:
      case Item::Kind::binary: {
        session_.record(MetricId::ws_msgs_received, 1);
        Value event = new_event(Event::message);
        Value data(context, item.kind == Item::Kind::text  ? new_network_string(context, item.bytes)
                            : script().gives_array_buffers ? script::adopt_array_buffer(context, std::move(item.bytes))
                                                           : new_blob(context, std::move(item.bytes)));
        if (data.is_exception()) return false;
        event.set("data", std::move(data));
        event.set("origin", session_.url());
        return emit(Event::message, std::move(event));
      }
      case Item::Kind::ping: return emit(Event::ping, new_event(Event::ping));
      case Item::Kind::pong:
        if (const auto sent = pings_under_way_.find(item.bytes); sent != pings_under_way_.end()) {
          session_.record(MetricId::ws_ping, base::milliseconds_of(item.at - sent->second));
          pings_under_way_.erase(sent);
        }
        return emit(Event::pong, new_event(Event::pong));
      case Item::Kind::end: {
        session_.record_duration();
        state_ = ReadyState::closed;
        const auto code = item.end.code;
        if (code && *code != close_code::kNormal && *code != close_code::kGoingAway && !emit_error(item.end.error)) return false;
        return emit_close(code, item.end.reason);
      }
    }
    return true;
  }

  /// {type, target, timestamp}
  Value new_event(std::size_t event) {
    JSContext* const context = this->context();
    Value made(context, JS_NewObject(context));
    made.set("type", std::string_view(kEventNames[event]));
    made.set("target", object_);
    made.set("timestamp",
             Value(context, JS_NewFloat64(context, base::milliseconds_of(std::chrono::system_clock::now().time_since_epoch()))));
    return made;
  }

  bool emit_error(std::string_view text) {
    Value event = new_event(Event::error_event);
    event.set("error", text);
    return emit(Event::error_event, std::move(event));
  }

  bool emit_close(std::optional<int> code, std::string_view reason) {
    Value event = new_event(Event::close_event);
    if (code) event.set("code", Value(context(), JS_NewInt32(context(), *code)));
    event.set("reason", reason);
    return emit(Event::close_event, std::move(event));
  }

  /// The listeners in the order in which they were added, then on...; false when one threw.
  bool emit(std::size_t event, Value argument) {
    if (JS_HasException(context())) return false;  // there was no memory for what they are to be told
    JSValueConst arguments[] = {argument.get()};
    const auto call = [&](script::Listener listener) { return !listener.call(arguments).is_exception(); };
    if (const script::Listener& handler = script().on[event]; !handler.function().is_undefined() && !call(handler)) return false;
    for (std::size_t i = 0; object_.is_object() && i < script().listeners[event].size(); ++i) {  // by index: a handler may add another
      if (!call(script().listeners[event][i])) return false;
    }
    return true;
  }

  users::VuContext& vu_;
  users::Operation operation_;
  WebSocketSession session_;
  ReadyState state_ = ReadyState::connecting;
  bool is_telling_ = false;
  int close_code_ = close_code::kNormal;
  std::string close_reason_;
  Inbox<Item> inbox_;
  std::map<std::string, Clock::time_point> pings_under_way_;
  std::uint64_t pings_ = 0;
  Value object_;  // whose handlers are called
};

void Connections::abandon_all() {
  for (const auto& connection : open_) connection->abandon();
  open_.clear();
}

using Self = script::Self<ScriptSocket>;

/// The second argument: a string, or a list of them.
base::Expected<std::string> subprotocols(JSContext* context, JSValueConst value) {
  if (JS_IsUndefined(value) || JS_IsNull(value)) return std::string();
  if (!JS_IsArray(value)) return script::Text(context, value).str();
  std::string list;
  const std::int64_t length = script::list_length(context, value);
  for (std::int64_t i = 0; i < length; ++i) {
    const Value item(context, JS_GetPropertyInt64(context, value, i));
    if (item.is_exception()) return base::fail(base::ErrorKind::invalid_argument, "");
    list += (list.empty() ? "" : ",") + script::Text(item).str();
  }
  return list;
}

JSValue make(Call call) {
  JSContext* const context = call.context;
  users::VuContext& vu = users::vu_of(context);
  if (call.count == 0) return script::throw_error(context, "WebSocket requires a url");
  if (vu.in_init()) return script::throw_error(context, "using websockets in the init context is not supported");
  const script::Text given_url(context, call.arg(0));
  if (given_url.failed()) return JS_EXCEPTION;
  const auto url = wire::Url::parse(given_url);
  if (!url)
    return script::throw_error(
        context, fmt::format("WebSocket requires valid url, but got {}", wire::go_quote(wire::hide_password(given_url.str()))));
  if (url->scheme != "ws" && url->scheme != "wss") {
    return script::throw_error(context,
                               fmt::format("WebSocket requires url with scheme ws or wss, but got {}", wire::go_quote(url->scheme)));
  }
  if (!url->fragment.empty())
    return script::throw_error(context, fmt::format("WebSocket requires no url fragment, but got {}", wire::go_quote(url->fragment)));
  HttpState& state = vu.slot<HttpState>();
  auto params = parse_websocket_params(state, context, call.arg(2), "WebSocket tags option", true);
  if (!params) return params.error().message.empty() ? JS_EXCEPTION : script::throw_error(context, params.error().message);
  const auto protocols = subprotocols(context, call.arg(1));
  if (!protocols) return JS_EXCEPTION;
  if (!protocols->empty()) params->fields.set("Sec-WebSocket-Protocol", *protocols);
  const auto dialer = state.dialer();
  if (!dialer) return script::throw_error(context, dialer.error().message);

  auto made = std::make_unique<ScriptSocket>();
  ScriptSocket& script = *made;
  Value object(context, script::Class<ScriptSocket>::construct(call, std::move(made)));
  if (object.is_exception()) return JS_EXCEPTION;
  script.connection = std::make_shared<Connection>(state, **dialer, given_url.str(), *params);
  vu.slot<Connections>().keep(script.connection);
  script.connection->connect(*params, object);
  return object.release();
}

JSValue add_event_listener(Self self, Call call) {
  const script::Text name(call.context, call.arg(0));
  if (name.failed()) return JS_EXCEPTION;
  if (!JS_IsFunction(call.context, call.arg(1))) {
    return script::throw_type_error(
        call.context, fmt::format("addEventListener() takes a name and a function, not {}", script::kind_of(call.context, call.arg(1))));
  }
  for (std::size_t i = 0; i < event_count; ++i) {
    if (name.view() != kEventNames[i]) continue;
    self->listeners[i].emplace_back(call.context, call.arg(1));
    return JS_UNDEFINED;
  }
  users::vu_of(call.context).warn(fmt::format("can't add event handler: unknown event type: {}", name.view()));
  return JS_UNDEFINED;
}

JSValue require_open(Self self) {
  return self->connection->state() == ReadyState::open ? JS_UNDEFINED : script::throw_error(self.context, "InvalidStateError");
}

JSValue send(Self self, Call call) {
  if (JS_IsException(require_open(self))) return JS_EXCEPTION;
  const JSValueConst given = call.arg(0);
  if (JS_IsString(given)) {
    const script::Text text(call.context, given);
    self->connection->send(WebSocketOpcode::text, text);
  } else if (const auto bytes = script::bytes_of(call.context, given)) {
    self->connection->send(WebSocketOpcode::binary, {reinterpret_cast<const char*>(bytes->data()), bytes->size()});
  } else if (const Blob* blob = script::Class<Blob>::of(given)) {
    self->connection->send(WebSocketOpcode::binary, blob->bytes);
  } else {
    return script::throw_error(call.context,
                               fmt::format("send() takes a text, a buffer or a Blob, not {}", script::kind_of(call.context, given)));
  }
  return JS_UNDEFINED;
}

JSValue send_ping(Self self, Call) {
  if (JS_IsException(require_open(self))) return JS_EXCEPTION;
  self->connection->send_ping();
  return JS_UNDEFINED;
}

JSValue close(Self self, Call call) {
  int code = close_code::kNormal;
  if (JS_IsNumber(call.arg(0))) {
    JS_ToInt32(call.context, &code, call.arg(0));
    if (code != close_code::kNormal && (code < 3000 || code > 4999)) {
      return script::throw_error(
          call.context, fmt::format("InvalidAccessError: Failed to execute 'close' on 'WebSocket': The close code must be either 1000, or "
                                    "between 3000 and 4999. {} is neither",
                                    code));
    }
  }
  std::string reason;
  if (call.has(1)) reason = script::Text(call.context, call.arg(1)).str();
  if (self->connection->state() <= ReadyState::open) self->connection->close(code, std::move(reason));
  return JS_UNDEFINED;
}

JSValue url(Self self) { return script::new_string(self.context, self->connection->url()); }
JSValue ready_state(Self self) { return JS_NewInt32(self.context, static_cast<int>(self->connection->state())); }
JSValue buffered_amount(Self self) {
  return JS_NewInt64(self.context, static_cast<std::int64_t>(self->connection->socket().unsent_bytes()));
}
JSValue extensions(Self self) { return JS_NewArray(self.context); }
JSValue protocol(Self self) { return script::new_string(self.context, self->connection->socket().subprotocol()); }
JSValue binary_type(Self self) { return script::new_string(self.context, self->gives_array_buffers ? "arraybuffer" : "blob"); }

JSValue set_binary_type(Self self, JSValueConst value) {
  const script::Text type(self.context, value);
  if (type.failed()) return JS_EXCEPTION;
  if (type.view() != "blob" && type.view() != "arraybuffer") {
    return script::throw_error(self.context,
                               fmt::format("unknown binaryType {}, the supported ones are \"blob\" and \"arraybuffer\"", type.view()));
  }
  self->gives_array_buffers = type.view() == "arraybuffer";
  return JS_UNDEFINED;
}

template <std::size_t event>
JSValue handler(Self self) {
  const Value& function = self->on[event].function();
  return function.is_undefined() ? JS_NULL : function.dup();
}

template <std::size_t event>
JSValue set_handler(Self self, JSValueConst value) {
  if (JS_IsUndefined(value) || JS_IsNull(value)) {
    self->on[event] = script::Listener();
    return JS_UNDEFINED;
  }
  if (!JS_IsFunction(self.context, value))
    return script::throw_error(self.context, fmt::format("a value for 'on{}' should be callable", kEventNames[event]));
  self->on[event] = script::Listener(self.context, value);
  return JS_UNDEFINED;
}

const script::Member kMembers[] = {
    script::method<&add_event_listener>("addEventListener", 2),
    script::method<&send>("send", 1),
    script::method<&send_ping>("ping", 0),
    script::method<&close>("close", 2),
    script::getter<&url>("url"),
    script::getter<&ready_state>("readyState"),
    script::getter<&buffered_amount>("bufferedAmount"),
    script::getter<&extensions>("extensions"),
    script::getter<&protocol>("protocol"),
    script::accessor<&binary_type, &set_binary_type>("binaryType"),
    script::accessor<&handler<message>, &set_handler<message>>("onmessage"),
    script::accessor<&handler<error_event>, &set_handler<error_event>>("onerror"),
    script::accessor<&handler<open>, &set_handler<open>>("onopen"),
    script::accessor<&handler<close_event>, &set_handler<close_event>>("onclose"),
    script::accessor<&handler<ping>, &set_handler<ping>>("onping"),
    script::accessor<&handler<pong>, &set_handler<pong>>("onpong"),
};

const script::Member kStates[] = {
    script::int_constant("CONNECTING", 0),
    script::int_constant("OPEN", 1),
    script::int_constant("CLOSING", 2),
    script::int_constant("CLOSED", 3),
};

}  // namespace

void init_websockets(script::Module& module) {
  script::Class<ScriptSocket>::define(module.context(), "WebSocket", kMembers);
  module.export_class<ScriptSocket, &make>("WebSocket", 3, kStates);
  export_blob(module);
}

void init_experimental_websockets(script::Module& module) {
  const users::VuContext& vu = users::vu_of(module.context());
  if (vu.id() == 0) {
    vu.warn("k6/experimental/websockets is deprecated and will be removed in a future release. Please use k6/websockets instead.");
  }
  init_websockets(module);
}

}  // namespace gauntlet::engine::api
