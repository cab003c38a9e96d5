#include "engine/api/grpc/answer.hpp"

#include <fmt/format.h>

#include <array>

#include "engine/api/core/network_string.hpp"
#include "engine/api/grpc/decoder.hpp"
#include "engine/script/binding.hpp"
#include "engine/script/value.hpp"
#include "engine/users/vu_context.hpp"
#include "engine/wire/grpc/protobuf_wire.hpp"

namespace gauntlet::engine::api {
namespace {

using script::Value;

struct Answer {
  PooledCall call;
  bool discarded = false;
  std::array<JSValue, GrpcState::answer_end> made;  // uninitialised until somebody looks

  Answer() { made.fill(JS_UNINITIALIZED); }
};

Answer* answer_of(JSValueConst value) { return script::Class<Answer>::of(value); }

void set(JSContext* context, JSValueConst object, JSAtom atom, JSValue value) {
  JS_DefinePropertyValue(context, object, atom, value, JS_PROP_C_W_E);
}

/// {name: [values]}
JSValue make_metadata(JSContext* context, const wire::GrpcMetadata& metadata) {
  const JSValue object = JS_NewObject(context);
  for (std::size_t i = 0; i < metadata.size(); ++i) {
    const JSAtom name = JS_NewAtomLen(context, metadata[i].name.data(), metadata[i].name.size());
    Value list(context, JS_GetProperty(context, object, name));
    if (!list.is_array()) {
      list = Value(context, JS_NewArray(context));
      set(context, object, name, list.dup());
    }
    std::int64_t length = 0;
    JS_GetLength(context, list.get(), &length);
    JS_DefinePropertyValueUint32(context, list.get(), static_cast<std::uint32_t>(length), new_network_string(context, metadata[i].value),
                                 JS_PROP_C_W_E);
    JS_FreeAtom(context, name);
  }
  return object;
}

/// google.rpc.Status: the details (field 3) are Any messages. Those of types that nobody knows are left out.
JSValue make_details(GrpcState& state, const wire::GrpcStatus& status, const grpc::Schema* schema) {
  JSContext* const context = state.vu().context();
  const JSValue list = JS_NewArray(context);
  const grpc::MessageType* const any = schema == nullptr ? nullptr : schema->find_message("google.protobuf.Any");
  if (any == nullptr) return list;
  std::uint32_t count = 0;
  grpc::WireReader reader(status.details);
  while (!reader.at_end()) {
    std::uint32_t number = 0;
    grpc::WireType type{};
    std::string_view bytes;
    if (!reader.take_tag(number, type)) break;
    if (number != 3 || type != grpc::WireType::bytes) {
      if (!reader.skip(number, type)) break;
      continue;
    }
    if (!reader.take_bytes(bytes)) break;
    const JSValue detail = grpc::Decoder(state.names(), *schema).decode(*any, bytes);
    if (JS_IsException(detail)) {
      JS_FreeValue(context, JS_GetException(context));
    } else {
      JS_DefinePropertyValueUint32(context, list, count++, detail, JS_PROP_C_W_E);
    }
  }
  return list;
}

JSValue make(GrpcState& state, const Answer& answer, std::size_t name) {
  JSContext* const context = state.vu().context();
  const UnaryCall& call = *answer.call;
  switch (name) {
    case GrpcState::message:
      if (answer.discarded) return JS_NULL;
      return grpc::Decoder(state.names(), *call.schema).decode(*call.output, call.message);
    case GrpcState::error: return call.status().code == 0 ? JS_NULL : new_grpc_error(state, call.status(), call.schema);
    case GrpcState::headers: return make_metadata(context, call.headers());
    case GrpcState::trailers: return make_metadata(context, call.trailers());
    case GrpcState::status: return JS_NewInt32(context, call.status().code);
    default: return JS_UNDEFINED;
  }
}

JSValue read(JSContext* context, Answer& answer, std::size_t name) {
  JSValue& place = answer.made[name];
  if (JS_IsUninitialized(place)) {
    const JSValue value = script::unless_thrown(context, make(grpc_state_of(context), answer, name));
    if (JS_IsException(value)) return value;
    place = value;
  }
  return JS_DupValue(context, place);
}

std::size_t index_of(JSContext* context, JSAtom atom) {
  const GrpcState& state = grpc_state_of(context);
  if (atom == state.atom(GrpcState::status)) return GrpcState::status;
  std::size_t name = 0;
  while (name < GrpcState::answer_end && state.atom(name) != atom) ++name;
  return name;
}

JSValue get_property(JSContext* context, JSValueConst object, JSAtom atom, JSValueConst) {
  const std::size_t name = index_of(context, atom);
  if (name < GrpcState::answer_end) return read(context, *answer_of(object), name);
  const Value prototype(context, JS_GetPrototype(context, object));
  return prototype.is_object() ? JS_GetProperty(context, prototype.get(), atom) : JS_UNDEFINED;
}

int get_own_property(JSContext* context, JSPropertyDescriptor* descriptor, JSValueConst object, JSAtom atom) {
  const std::size_t name = index_of(context, atom);
  if (name >= GrpcState::answer_end) return 0;
  if (descriptor != nullptr) {
    *descriptor = {JS_PROP_WRITABLE | JS_PROP_ENUMERABLE, read(context, *answer_of(object), name), JS_UNDEFINED, JS_UNDEFINED};
    if (JS_IsException(descriptor->value)) return -1;
  }
  return 1;
}

int get_own_property_names(JSContext* context, JSPropertyEnum** names, std::uint32_t* count, JSValueConst) {
  auto* const list = static_cast<JSPropertyEnum*>(js_malloc(context, sizeof(JSPropertyEnum) * GrpcState::answer_end));
  if (list == nullptr) return -1;
  const GrpcState& state = grpc_state_of(context);
  for (std::size_t i = 0; i < GrpcState::answer_end; ++i) list[i] = {true, JS_DupAtom(context, state.atom(i))};
  *names = list;
  *count = GrpcState::answer_end;
  return 0;
}

int write(JSContext* context, JSValueConst object, JSAtom atom, JSValueConst value) {
  const std::size_t name = index_of(context, atom);
  if (name >= GrpcState::answer_end) {
    const Value text(context, JS_AtomToString(context, atom));
    script::throw_type_error(context, fmt::format("Cannot assign to property {} of a host object", script::Text(text).view()));
    return -1;
  }
  JS_FreeValue(context, std::exchange(answer_of(object)->made[name], JS_DupValue(context, value)));
  return 1;
}

int set_property(JSContext* context, JSValueConst object, JSAtom atom, JSValueConst value, JSValueConst, int) {
  return write(context, object, atom, value);
}

int define_own_property(JSContext* context, JSValueConst object, JSAtom atom, JSValueConst value, JSValueConst, JSValueConst, int flags) {
  return (flags & JS_PROP_HAS_VALUE) != 0 ? write(context, object, atom, value) : 1;
}

int delete_property(JSContext* context, JSValueConst, JSAtom atom) { return index_of(context, atom) >= GrpcState::answer_end ? 1 : 0; }

void finalize(JSRuntime* runtime, JSValueConst value) {
  const std::unique_ptr<Answer> answer(answer_of(value));
  if (!answer) return;
  for (const JSValue made : answer->made) JS_FreeValueRT(runtime, made);
}

void mark(JSRuntime* runtime, JSValueConst value, JS_MarkFunc* mark_value) {
  const Answer* const answer = answer_of(value);
  if (answer == nullptr) return;
  for (const JSValue made : answer->made) JS_MarkValue(runtime, made, mark_value);
}

JSClassExoticMethods kExotic = {
    .get_own_property = &get_own_property,
    .get_own_property_names = &get_own_property_names,
    .delete_property = &delete_property,
    .define_own_property = &define_own_property,
    .has_property = nullptr,
    .get_property = &get_property,
    .set_property = &set_property,
    .is_array = false,
};

}  // namespace

void define_grpc_answer(JSContext* context) {
  JSClassDef definition{};
  definition.finalizer = &finalize;
  definition.gc_mark = &mark;
  definition.exotic = &kExotic;
  script::detail::register_plain_class(context, script::Class<Answer>::id(), definition);
}

JSValue new_grpc_answer(JSContext* context, PooledCall call, bool discarded) {
  auto answer = std::make_unique<Answer>();
  answer->call = std::move(call);
  answer->discarded = discarded;
  const JSValue value = JS_NewObjectClass(context, static_cast<int>(script::Class<Answer>::id()));
  if (!JS_IsException(value)) JS_SetOpaque(value, answer.release());
  return value;
}

JSValue new_grpc_error(GrpcState& state, const wire::GrpcStatus& status, const grpc::Schema* schema) {
  JSContext* const context = state.vu().context();
  const JSValue object = JS_NewObject(context);
  set(context, object, state.atom(GrpcState::code), JS_NewInt32(context, status.code));
  set(context, object, state.atom(GrpcState::details), make_details(state, status, schema));
  set(context, object, state.atom(GrpcState::message), new_network_string(context, status.message));
  return object;
}

}  // namespace gauntlet::engine::api
