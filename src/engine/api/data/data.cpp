#include "engine/api/data/data.hpp"

#include <fmt/format.h>

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/script/binding.hpp"
#include "engine/users/shared_state.hpp"
#include "engine/users/vu_context.hpp"

namespace gauntlet::engine::api {
namespace {

/// One element of a shared array: what reading it costs is decided once, when the array is made.
struct Element {
  bool is_text = false;  // `form` is the string itself, else JSON
  std::string form;
};

/// Immutable once made.
using Elements = std::vector<Element>;
using SharedElements = std::shared_ptr<const Elements>;  // shared: by the registry and every virtual user's object

/// The shared arrays of a test by name.
class Registry {
 public:
  SharedElements find(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto found = arrays_.find(name);
    return found == arrays_.end() ? nullptr : found->second;
  }
  /// The first one of a name stays.
  SharedElements keep(const std::string& name, SharedElements elements) {
    const std::lock_guard lock(mutex_);
    return arrays_.try_emplace(name, std::move(elements)).first->second;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, SharedElements> arrays_;
};

struct SharedArray {
  SharedElements elements;
};

JSClassID class_id();

const Elements& elements_of(JSValueConst object) { return *static_cast<SharedArray*>(JS_GetOpaque(object, class_id()))->elements; }

/// What is still to be frozen is in a list: on the stack, data that nest deeply would leave no room.
bool deep_freeze(JSContext* context, script::Value root) {
  std::vector<script::Value> left;
  left.push_back(std::move(root));
  while (!left.empty()) {
    const script::Value value = std::move(left.back());
    left.pop_back();
    if (!value.is_object()) continue;
    if (JS_FreezeObject(context, value.get()) < 0) return false;
    const bool listed = script::for_each_property(context, value.get(), [&](std::string_view, script::Value property) {
      left.push_back(std::move(property));
      return true;
    });
    if (!listed) return false;
  }
  return true;
}

/// A fresh, frozen copy of an element, as k6 gives at each access.
JSValue read_element(JSContext* context, const Element& element) {
  if (element.is_text) return script::new_string(context, element.form);
  // The JSON parser wants a terminating zero, which std::string has.
  script::Value value(context, JS_ParseJSON(context, element.form.data(), element.form.size(), "SharedArray"));
  if (value.is_exception() || !deep_freeze(context, value)) return JS_EXCEPTION;
  return value.release();
}

// The object looks like an array that cannot be changed. Index properties and `length` are its own, everything else
// comes from Array.prototype.

struct Key {
  enum class Kind { index, length, other } kind = Kind::other;
  std::uint32_t index = 0;
};

constexpr JSAtom kIntegerAtom = 1U << 31U;  // QuickJS keeps small integers in the atom itself

Key key_of(JSContext* context, JSAtom atom) {
  if ((atom & kIntegerAtom) != 0) return {Key::Kind::index, atom & ~kIntegerAtom};
  const script::Value name(context, JS_AtomToValue(context, atom));
  if (!name.is_string()) return {};
  return {script::Text(name).view() == "length" ? Key::Kind::length : Key::Kind::other, 0};
}

JSValue own_value(JSContext* context, JSValueConst object, const Key& key) {
  const Elements& elements = elements_of(object);
  if (key.kind == Key::Kind::length) return JS_NewInt64(context, static_cast<std::int64_t>(elements.size()));
  if (key.kind == Key::Kind::index && key.index < elements.size()) return read_element(context, elements[key.index]);
  return JS_UNINITIALIZED;  // not an own property
}

int get_own_property(JSContext* context, JSPropertyDescriptor* descriptor, JSValueConst object, JSAtom atom) {
  const Key key = key_of(context, atom);
  if (descriptor == nullptr) {
    return key.kind == Key::Kind::length || (key.kind == Key::Kind::index && key.index < elements_of(object).size());
  }
  const JSValue value = own_value(context, object, key);
  if (JS_IsException(value)) return -1;
  if (JS_IsUninitialized(value)) return 0;
  descriptor->flags = key.kind == Key::Kind::index ? JS_PROP_ENUMERABLE | JS_PROP_CONFIGURABLE : 0;
  descriptor->value = value;
  descriptor->getter = JS_UNDEFINED;
  descriptor->setter = JS_UNDEFINED;
  return 1;
}

int get_own_property_names(JSContext* context, JSPropertyEnum** names, std::uint32_t* count, JSValueConst object) {
  const auto size = static_cast<std::uint32_t>(elements_of(object).size());
  auto* list = static_cast<JSPropertyEnum*>(js_malloc(context, sizeof(JSPropertyEnum) * (size + 1)));
  if (list == nullptr) return -1;
  for (std::uint32_t i = 0; i < size; ++i) list[i] = {true, JS_NewAtomUInt32(context, i)};
  list[size] = {false, JS_NewAtom(context, "length")};
  return script::give_names(context, list, size + 1, names, count);
}

JSValue get_property(JSContext* context, JSValueConst object, JSAtom atom, JSValueConst receiver) {
  const JSValue own = own_value(context, object, key_of(context, atom));
  if (!JS_IsUninitialized(own)) return own;
  (void)receiver;
  const script::Value prototype(context, JS_GetPrototype(context, object));
  return JS_GetProperty(context, prototype.get(), atom);
}

int has_property(JSContext* context, JSValueConst object, JSAtom atom) {
  if (get_own_property(context, nullptr, object, atom) == 1) return 1;
  const script::Value prototype(context, JS_GetPrototype(context, object));
  return JS_HasProperty(context, prototype.get(), atom);
}

int refuse(JSContext* context) {
  script::throw_type_error(context, "SharedArray is immutable");
  return -1;
}
int set_property(JSContext* context, JSValueConst, JSAtom, JSValueConst, JSValueConst, int) { return refuse(context); }
int delete_property(JSContext* context, JSValueConst, JSAtom) { return refuse(context); }
int define_own_property(JSContext* context, JSValueConst, JSAtom, JSValueConst, JSValueConst, JSValueConst, int) { return refuse(context); }

JSClassID class_id() { return script::Class<SharedArray>::id(); }

void define_class(JSContext* context) {
  JSRuntime* runtime = JS_GetRuntime(context);
  if (JS_IsRegisteredClass(runtime, class_id())) return;
  static JSClassExoticMethods exotic = [] {
    JSClassExoticMethods methods{};
    methods.get_own_property = &get_own_property;
    methods.get_own_property_names = &get_own_property_names;
    methods.delete_property = &delete_property;
    methods.define_own_property = &define_own_property;
    methods.has_property = &has_property;
    methods.get_property = &get_property;
    methods.set_property = &set_property;
    methods.is_array = true;
    return methods;
  }();
  JSClassDef definition{};
  definition.class_name = "Array";
  definition.finalizer = &script::detail::finalize_object<SharedArray>;
  definition.exotic = &exotic;
  const script::Value global(context, JS_GetGlobalObject(context));
  script::detail::register_class(context, class_id(), definition, global.property("Array").property("prototype"));
}

/// What would be an empty object as JSON although there is something in it; "" for anything else.
std::string_view kind_that_json_loses(JSValueConst value) {
  if (JS_IsArrayBuffer(value)) return "an ArrayBuffer";
  if (JS_GetTypedArrayType(value) >= 0) return "a typed array";
  if (JS_IsDataView(value)) return "a DataView";
  if (JS_IsMap(value)) return "a Map";
  return JS_IsSet(value) ? "a Set" : "";
}

/// Whether `element`, whose JSON is `json`, is whole in it; with an exception pending when not.
bool survives_as_json(JSContext* context, std::int64_t index, const script::Value& element, std::string_view json) {
  // Most elements have nothing like it in them and are not walked. Those that are have no circles: there is JSON of the same walk.
  if (json.find("{}") == std::string_view::npos && json.find("{\"0\":") == std::string_view::npos) return true;
  std::vector<script::Value> left{element};
  while (!left.empty()) {
    const script::Value value = std::move(left.back());
    left.pop_back();
    if (!value.is_object() || value.property("toJSON").is_function()) continue;
    if (const auto kind = kind_that_json_loses(value.get()); !kind.empty()) {
      script::throw_type_error(context,
                               fmt::format("element {} of the SharedArray has {} in it, which would be lost: its elements are kept as "
                                           "JSON, so give texts (k6/encoding's b64encode), numbers, lists and plain objects",
                                           index, kind));
      return false;
    }
    const bool listed = script::for_each_property(context, value.get(), [&](std::string_view, script::Value property) {
      left.push_back(std::move(property));
      return true;
    });
    if (!listed) return false;
  }
  return true;
}

/// The elements of what the script's function returned; nullptr with an exception pending when it is no array.
SharedElements make_elements(JSContext* context, JSValueConst array) {
  if (!JS_IsArray(array)) {
    script::throw_error(context, "only arrays can be made into SharedArray");
    return nullptr;
  }
  std::int64_t length = 0;
  if (JS_GetLength(context, array, &length) < 0) return nullptr;
  if (length > script::kMaxListLength) {
    script::throw_range_error(context, fmt::format("a SharedArray can have at most {} elements", script::kMaxListLength));
    return nullptr;
  }
  auto elements = std::make_shared<Elements>();
  elements->reserve(static_cast<std::size_t>(length));
  for (std::int64_t i = 0; i < length; ++i) {
    const script::Value value(context, JS_GetPropertyInt64(context, array, i));
    if (value.is_exception()) return nullptr;
    if (value.is_string()) {
      elements->push_back({true, script::Text(value).str()});
    } else {
      const auto json = script::to_json(context, value.get());
      if (json && !survives_as_json(context, i, value, *json)) return nullptr;
      elements->push_back({false, json.value_or("null")});
    }
  }
  return elements;
}

JSValue new_object(JSContext* context, SharedElements elements) {
  return script::Class<SharedArray>::create(context, std::make_unique<SharedArray>(SharedArray{std::move(elements)}));
}

JSValue construct(script::Call call) {
  JSContext* context = call.context;
  users::VuContext& vu = users::vu_of(context);
  if (!vu.in_init()) return script::throw_error(context, "new SharedArray must be called in the init context");
  const script::Text name(context, call.has(0) ? call.arg(0) : JS_UNDEFINED);
  if (!call.has(0) || name.view().empty()) {
    return script::throw_error(context, "empty name provided to SharedArray's constructor");
  }
  if (!JS_IsFunction(context, call.arg(1))) {
    return script::throw_error(context, "a function is expected as the second argument of SharedArray's constructor");
  }
  if (JS_IsAsyncFunction(call.arg(1))) {
    return script::throw_error(context, "SharedArray constructor does not support async functions as second argument");
  }
  auto& registry = vu.shared().get<Registry>();
  SharedElements elements = registry.find(name.str());
  if (!elements) {
    const script::Value made(context, JS_Call(context, call.arg(1), JS_UNDEFINED, 0, nullptr));
    if (made.is_exception()) return JS_EXCEPTION;
    elements = make_elements(context, made.get());
    if (!elements) return JS_EXCEPTION;
    elements = registry.keep(name.str(), std::move(elements));
  }
  return new_object(context, std::move(elements));
}

const script::Member kExports[] = {script::constructor<&construct>("SharedArray", 2)};

}  // namespace

void define_shared_array(JSContext* context) { define_class(context); }

JSValue find_shared_array(JSContext* context, const std::string& name) {
  SharedElements elements = users::vu_of(context).shared().get<Registry>().find(name);
  return elements ? new_object(context, std::move(elements)) : JS_UNDEFINED;
}

JSValue new_shared_array(JSContext* context, const std::string& name, JSValueConst array) {
  SharedElements elements = make_elements(context, array);
  if (!elements) return JS_EXCEPTION;
  return new_object(context, users::vu_of(context).shared().get<Registry>().keep(name, std::move(elements)));
}

void init_data(script::Module& module) {
  define_class(module.context());
  module.exports(kExports);
}

}  // namespace gauntlet::engine::api
