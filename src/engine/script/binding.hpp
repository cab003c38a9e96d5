#pragma once
// How natives are given to scripts. A module or class is a static table of members; functions come into being only
// when a script touches them, so a table costs a virtual user almost nothing.
//
//   JSValue b64encode(script::Call call) { script::Text text(call.context, call.arg(0)); ... }
//   const script::Member kExports[] = {script::function<&b64encode>("b64encode", 2)};
//   void init(script::Module& module) { module.exports(kExports); }
//
//   struct Response { int status; ... };
//   JSValue status(script::Self<Response> self) { return JS_NewInt32(self.context, self->status); }
//   JSValue json(script::Self<Response> self, script::Call call) { ... }
//   const script::Member kResponse[] = {script::getter<&status>("status"), script::method<&json>("json", 1)};
//   script::Class<Response>::define(context, "Response", kResponse);
//   return script::Class<Response>::create(context, std::make_unique<Response>(...));
//
// A native returns an owned JSValue, or JS_EXCEPTION after a throw_*(). Once an exception is pending, whatever threw it,
// the script gets that: a native that makes an object need not look at each step, of which any may find no memory. It
// must not let a C++ exception out. It may suspend its fiber. Functions called with `new` get `call.is_construct()`.
//
// What a native reads of its arguments may run the script's code (getters, toString(), proxies), which may call any
// other native, this object's too. So it reads first and looks at its own objects then, or holds what it uses.
#include <quickjs.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/script/value.hpp"

namespace gauntlet::engine::script {

/// One call of a native. Arguments that the script left out are undefined.
struct Call {
  JSContext* context;
  JSValueConst self;  // `this`; for constructors new.target
  int count;
  JSValueConst* arguments;

  JSValueConst arg(int index) const { return index < count ? arguments[index] : JS_UNDEFINED; }
  bool has(int index) const { return index < count && !JS_IsUndefined(arguments[index]) && !JS_IsNull(arguments[index]); }
  /// True in constructors that were called with `new`.
  bool is_construct() const { return !JS_IsUndefined(self); }
};

using Member = JSCFunctionListEntry;

/// `result`, or JS_EXCEPTION where an exception is pending.
inline JSValue unless_thrown(JSContext* context, JSValue result) {
  if (!JS_HasException(context)) return result;
  JS_FreeValue(context, result);
  return JS_EXCEPTION;
}

namespace detail {
template <auto native>
JSValue call_function(JSContext* context, JSValueConst self, int count, JSValueConst* arguments) {
  return unless_thrown(context, native(Call{context, self, count, arguments}));
}
/// A process-wide class id: QuickJS hands out ids per runtime, but a class must have the same one in all of them.
JSClassID next_class_id();
}  // namespace detail

/// A function that does not look at `this`.
template <auto native>
constexpr Member function(const char* name, std::uint8_t length) {
  Member member{};
  member.name = name;
  member.prop_flags = JS_PROP_C_W_E;
  member.def_type = JS_DEF_CFUNC;
  member.u.func.length = length;
  member.u.func.cproto = JS_CFUNC_generic;
  member.u.func.cfunc.generic = &detail::call_function<native>;
  return member;
}

/// A constructor: `new name(...)`; without `new` it throws a TypeError.
template <auto native>
constexpr Member constructor(const char* name, std::uint8_t length) {
  Member member = function<native>(name, length);
  member.u.func.cproto = JS_CFUNC_constructor;
  return member;
}

constexpr Member text_constant(const char* name, const char* value) {
  Member member{};
  member.name = name;
  member.prop_flags = JS_PROP_C_W_E;
  member.def_type = JS_DEF_PROP_STRING;
  member.u.str = value;
  return member;
}

constexpr Member int_constant(const char* name, std::int32_t value) {
  Member member{};
  member.name = name;
  member.prop_flags = JS_PROP_C_W_E;
  member.def_type = JS_DEF_PROP_INT32;
  member.u.i32 = value;
  return member;
}

/// A C++ type whose objects scripts hold. The object is owned by its JavaScript value and destroyed with it.
/// A T that keeps script::Values must declare `void mark(JSRuntime*, JS_MarkFunc*)` for the garbage collector.
template <class T>
class Class {
 public:
  /// Registers the class in the context's runtime once and sets the prototype's members; later calls do nothing.
  static void define(JSContext* context, const char* name, std::span<const Member> members);
  /// A new object; define() must have been called in this runtime.
  static JSValue create(JSContext* context, std::unique_ptr<T> object) {
    return create_with_prototype(context, std::move(object), JS_UNDEFINED);
  }
  /// For constructors: `new_target`'s prototype makes subclasses in scripts work.
  static JSValue construct(const Call& call, std::unique_ptr<T> object) {
    Value prototype(call.context, JS_GetPropertyStr(call.context, call.self, "prototype"));
    if (prototype.is_exception()) return JS_EXCEPTION;
    return create_with_prototype(call.context, std::move(object), prototype.get());
  }
  /// The C++ object of a value, or nullptr when it is something else. Does not throw.
  static T* of(JSValueConst value) { return static_cast<T*>(JS_GetOpaque(value, id())); }
  /// The prototype object, for linking a constructor to it. Owned by the caller.
  static JSValue prototype(JSContext* context) { return JS_GetClassProto(context, id()); }
  static JSClassID id() {
    static const JSClassID id = detail::next_class_id();
    return id;
  }

 private:
  static JSValue create_with_prototype(JSContext* context, std::unique_ptr<T> object, JSValueConst prototype) {
    if (!JS_IsRegisteredClass(JS_GetRuntime(context), id())) return JS_EXCEPTION;  // define() found no memory, and threw
    const JSValue value =
        JS_IsObject(prototype) ? JS_NewObjectProtoClass(context, prototype, id()) : JS_NewObjectClass(context, static_cast<int>(id()));
    if (!JS_IsException(value)) JS_SetOpaque(value, object.release());
    return value;
  }
};

/// `this` of a method or getter, already checked to be a T.
template <class T>
struct Self {
  JSContext* context;
  JSValueConst value;
  T* object;
  T* operator->() const { return object; }
  T& operator*() const { return *object; }
};

namespace detail {
template <class T, class R, class... Rest>
T self_type(R (*)(Self<T>, Rest...));
template <auto native>
using SelfOf = decltype(self_type(native));

JSValue throw_wrong_self(JSContext* context);

template <auto native>
JSValue call_method(JSContext* context, JSValueConst self, int count, JSValueConst* arguments) {
  using T = SelfOf<native>;
  T* object = Class<T>::of(self);
  if (object == nullptr) return throw_wrong_self(context);
  return unless_thrown(context, native(Self<T>{context, self, object}, Call{context, self, count, arguments}));
}
template <auto native>
JSValue call_getter(JSContext* context, JSValueConst self) {
  using T = SelfOf<native>;
  T* object = Class<T>::of(self);
  if (object == nullptr) return JS_UNDEFINED;  // a look at the prototype itself, as console.log does
  return unless_thrown(context, native(Self<T>{context, self, object}));
}
template <auto native>
JSValue call_setter(JSContext* context, JSValueConst self, JSValueConst value) {
  using T = SelfOf<native>;
  T* object = Class<T>::of(self);
  if (object == nullptr) return throw_wrong_self(context);
  return unless_thrown(context, native(Self<T>{context, self, object}, value));
}

template <class T>
void finalize_object(JSRuntime*, JSValueConst value) {
  delete static_cast<T*>(JS_GetOpaque(value, Class<T>::id()));
}
template <class T>
void mark_object(JSRuntime* runtime, JSValueConst value, JS_MarkFunc* mark) {
  if constexpr (requires(T & object) { object.mark(runtime, mark); }) {
    if (T* object = static_cast<T*>(JS_GetOpaque(value, Class<T>::id()))) object->mark(runtime, mark);
  }
}
/// Throws when there is no memory; then the class is not registered.
void register_class(JSContext* context, JSClassID id, const JSClassDef& definition, Value prototype);
/// The same for objects that look like plain ones: of class "Object", with its prototype. Nothing where the runtime has the class.
void register_plain_class(JSContext* context, JSClassID id, JSClassDef definition);
/// Untemplated part of Class<T>::define.
void define_class(JSContext* context, JSClassID id, const JSClassDef& definition, std::span<const Member> members);
}  // namespace detail

/// native: JSValue(Self<T>, Call).
template <auto native>
constexpr Member method(const char* name, std::uint8_t length) {
  Member member{};
  member.name = name;
  member.prop_flags = JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE;
  member.def_type = JS_DEF_CFUNC;
  member.u.func.length = length;
  member.u.func.cproto = JS_CFUNC_generic;
  member.u.func.cfunc.generic = &detail::call_method<native>;
  return member;
}

/// Of the object itself rather than of its class: Object.keys() and spread see it.
constexpr Member own(Member member) {
  member.prop_flags = JS_PROP_C_W_E;
  return member;
}

/// native: JSValue(Self<T>). Computed at each access; keep what is expensive in the object.
template <auto native>
constexpr Member getter(const char* name) {
  Member member{};
  member.name = name;
  member.prop_flags = JS_PROP_CONFIGURABLE | JS_PROP_ENUMERABLE;
  member.def_type = JS_DEF_CGETSET;
  member.u.getset.get.getter = &detail::call_getter<native>;
  return member;
}

/// A getter with a setter: JSValue(Self<T>, JSValueConst), which returns undefined or JS_EXCEPTION.
template <auto read, auto write>
constexpr Member accessor(const char* name) {
  Member member = getter<read>(name);
  member.u.getset.set.setter = &detail::call_setter<write>;
  return member;
}

template <class T>
void Class<T>::define(JSContext* context, const char* name, std::span<const Member> members) {
  JSClassDef definition{};
  definition.class_name = name;
  definition.finalizer = &detail::finalize_object<T>;
  definition.gc_mark = &detail::mark_object<T>;
  detail::define_class(context, id(), definition, members);
}

/// What a native module's init function fills: its named exports, which are the default export's properties, too.
class Module {
 public:
  explicit Module(JSContext* context) : context_(context), object_(context, JS_NewObject(context)) {}

  JSContext* context() const { return context_; }
  /// `members` must be static.
  void exports(std::span<const Member> members);
  /// A constructor whose `prototype` is that of `Class<T>`.
  template <class T, auto native>
  void export_class(const char* name, std::uint8_t length, std::span<const Member> statics = {}) {
    const Value prototype(context_, Class<T>::prototype(context_));
    // A second module that exports the class exports the same constructor: the prototype may be shared by then.
    if (Value known = constructor_of(prototype, name); !known.is_undefined()) return export_value(name, std::move(known));
    Value function(context_, JS_NewCFunction2(context_, &detail::call_function<native>, name, length, JS_CFUNC_constructor, 0));
    link_constructor(function, prototype);
    JS_SetPropertyFunctionList(context_, function.get(), statics.data(), static_cast<int>(statics.size()));
    export_value(name, std::move(function));
  }
  /// Takes over `value`.
  void export_value(const char* name, Value value) { object_.set(name, std::move(value)); }
  /// The default export is this instead of the object with all exports.
  void export_default(Value value) { default_ = std::move(value); }

  const Value& object() const { return object_; }
  const Value& default_export() const { return default_.is_undefined() ? object_ : default_; }

 private:
  void link_constructor(const Value& constructor, const Value& prototype);
  /// The prototype's own, if it has this name; else undefined.
  Value constructor_of(const Value& prototype, std::string_view name);

  JSContext* context_;
  Value object_;
  Value default_;
};

/// A promise that a native returns and settles later, on the virtual user's fiber (users::Operation says how).
class Deferred {
 public:
  explicit Deferred(JSContext* context);
  /// The promise; a reference for the caller to return.
  JSValue promise() const { return promise_.dup(); }
  /// Rejects with the pending exception where `value` is JS_EXCEPTION.
  void resolve(Value value);
  void reject(Value reason);
  void mark(JSRuntime* runtime, JS_MarkFunc* mark) const;

 private:
  Value promise_;
  Value resolve_;
  Value reject_;
};

/// Promises that are settled already: with a value, which is taken over, or with the pending exception.
JSValue resolved(JSContext* context, JSValue value);
JSValue rejected(JSContext* context);

}  // namespace gauntlet::engine::script
