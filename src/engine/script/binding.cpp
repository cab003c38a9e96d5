#include "engine/script/binding.hpp"

#include <atomic>
#include <utility>

namespace gauntlet::engine::script {
namespace detail {

JSClassID next_class_id() {
  static std::atomic<JSClassID> next = [] {
    // The first id that is free in a fresh runtime.
    JSRuntime* runtime = JS_NewRuntime();
    JSClassID first = 0;
    JS_NewClassID(runtime, &first);
    JS_FreeRuntime(runtime);
    return first;
  }();
  return next.fetch_add(1);
}

JSValue throw_wrong_self(JSContext* context) { return throw_type_error(context, "the method was called on an object of another kind"); }

void register_class(JSContext* context, JSClassID id, const JSClassDef& definition, Value prototype) {
  if (JS_NewClass(JS_GetRuntime(context), id, &definition) < 0) {
    JS_ThrowOutOfMemory(context);
  } else {
    JS_SetClassProto(context, id, prototype.release());
  }
}

void register_plain_class(JSContext* context, JSClassID id, JSClassDef definition) {
  if (JS_IsRegisteredClass(JS_GetRuntime(context), id)) return;
  definition.class_name = "Object";
  const Value plain(context, JS_NewObject(context));
  register_class(context, id, definition, Value(context, JS_GetPrototype(context, plain.get())));
}

void define_class(JSContext* context, JSClassID id, const JSClassDef& definition, std::span<const Member> members) {
  JSRuntime* runtime = JS_GetRuntime(context);
  if (JS_IsRegisteredClass(runtime, id)) return;
  // Whole or not at all: what is registered is not looked at again.
  Value prototype(context, JS_NewObject(context));
  if (prototype.is_exception() ||
      JS_SetPropertyFunctionList(context, prototype.get(), members.data(), static_cast<int>(members.size())) < 0)
    return;
  register_class(context, id, definition, std::move(prototype));
}

}  // namespace detail

void Module::exports(std::span<const Member> members) {
  JS_SetPropertyFunctionList(context_, object_.get(), members.data(), static_cast<int>(members.size()));
}

Value Module::constructor_of(const Value& prototype, std::string_view name) {
  JSPropertyDescriptor found{};
  const JSAtom atom = JS_NewAtom(context_, "constructor");
  const int is_there = JS_GetOwnProperty(context_, &found, prototype.get(), atom);
  JS_FreeAtom(context_, atom);
  if (is_there <= 0) return {context_, JS_UNDEFINED};
  Value constructor(context_, found.value);
  JS_FreeValue(context_, found.getter);
  JS_FreeValue(context_, found.setter);
  const Value its_name = constructor.property("name");
  return its_name.is_string() && Text(context_, its_name.get()).view() == name ? std::move(constructor) : Value(context_, JS_UNDEFINED);
}

void Module::link_constructor(const Value& constructor, const Value& prototype) {
  JS_SetConstructor(context_, constructor.get(), prototype.get());
}

Deferred::Deferred(JSContext* context) {
  JSValue functions[2] = {JS_UNDEFINED, JS_UNDEFINED};
  promise_ = Value(context, JS_NewPromiseCapability(context, functions));
  resolve_ = Value(context, functions[0]);
  reject_ = Value(context, functions[1]);
}

void Deferred::resolve(Value value) {
  if (value.is_exception()) return reject(Value(value.context(), JS_GetException(value.context())));
  const Value held = std::move(value);  // its getter `then` may let go of everything else
  JSValueConst arguments[] = {held.get()};
  const Value ignored(resolve_.context(), JS_Call(resolve_.context(), resolve_.get(), JS_UNDEFINED, 1, arguments));
}

void Deferred::reject(Value reason) {
  const Value held = std::move(reason);
  JSValueConst arguments[] = {held.get()};
  const Value ignored(reject_.context(), JS_Call(reject_.context(), reject_.get(), JS_UNDEFINED, 1, arguments));
}

void Deferred::mark(JSRuntime* runtime, JS_MarkFunc* visit) const {
  JS_MarkValue(runtime, promise_.get(), visit);
  JS_MarkValue(runtime, resolve_.get(), visit);
  JS_MarkValue(runtime, reject_.get(), visit);
}

JSValue resolved(JSContext* context, JSValue value) {
  Deferred deferred(context);
  deferred.resolve(Value(context, value));
  return deferred.promise();
}

JSValue rejected(JSContext* context) {
  Deferred deferred(context);
  deferred.reject(Value(context, JS_GetException(context)));
  return deferred.promise();
}

}  // namespace gauntlet::engine::script
