#include "engine/script/json/shapes.hpp"

#include <algorithm>
#include <functional>

#include "engine/script/binding.hpp"
#include "engine/script/json/text.hpp"
#include "engine/script/value.hpp"

namespace gauntlet::engine::json {
namespace {

constexpr std::size_t kRecent = 64;

/// Where a template for these keys is, should it be among the recent ones.
std::size_t glance(std::span<const std::string_view> keys) {
  const std::string_view first = keys.front();
  const std::string_view last = keys.back();
  std::size_t hash = keys.size() * 31 + first.size() * 7 + last.size();
  if (!first.empty()) hash = hash * 5 + static_cast<unsigned char>(first.back());
  if (!last.empty()) hash = hash * 3 + static_cast<unsigned char>(last.front());
  return hash % kRecent;
}

/// An object put together key by key; takes over what `value_of` gives.
template <class ValueOf>
JSValue define(JSContext* context, std::span<const std::string_view> keys, ValueOf&& value_of) {
  const JSValue object = JS_NewObject(context);
  bool failed = JS_IsException(object);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const JSValue value = value_of(i);
    const JSAtom atom = failed ? JS_ATOM_NULL : JS_NewAtomLen(context, keys[i].data(), keys[i].size());
    if (atom == JS_ATOM_NULL) {
      failed = true;
      JS_FreeValue(context, value);
      continue;
    }
    failed = JS_DefinePropertyValue(context, object, atom, value, JS_PROP_C_W_E) < 0;
    JS_FreeAtom(context, atom);
  }
  if (!failed) return object;
  JS_FreeValue(context, object);
  return JS_EXCEPTION;
}

/// False when keys were equal: then values and properties do not correspond.
bool has_as_many_keys(JSContext* context, JSValueConst object, std::size_t count) {
  JSPropertyEnum* names = nullptr;
  std::uint32_t found = 0;
  if (JS_GetOwnPropertyNames(context, &names, &found, object, JS_GPN_STRING_MASK) < 0) {
    JS_FreeValue(context, JS_GetException(context));  // no memory: the caller does without
    return false;
  }
  JS_FreePropertyEnum(context, names, found);
  return found == count;
}

}  // namespace

void Shapes::register_class(JSContext* context) {
  if (JS_IsRegisteredClass(JS_GetRuntime(context), script::Class<Shapes>::id())) return;
  JSClassDef definition{};
  definition.class_name = "Shapes";
  definition.finalizer = [](JSRuntime* owner, JSValueConst value) {
    std::unique_ptr<Shapes> shapes(script::Class<Shapes>::of(value));
    if (shapes) shapes->clear(owner);
  };
  definition.gc_mark = [](JSRuntime* owner, JSValueConst value, JS_MarkFunc* mark) {
    const Shapes* shapes = script::Class<Shapes>::of(value);
    if (shapes == nullptr) return;
    for (const auto& [hash, each] : shapes->templates_) JS_MarkValue(owner, each->model, mark);
  };
  JS_NewClass(JS_GetRuntime(context), script::Class<Shapes>::id(), &definition);
}

Shapes* Shapes::of(JSContext* context) {
  register_class(context);
  const JSClassID id = script::Class<Shapes>::id();
  const script::Value holder(context, JS_GetClassProto(context, id));
  if (Shapes* shapes = script::Class<Shapes>::of(holder.get())) return shapes;
  const JSValue made = JS_NewObjectClass(context, static_cast<int>(id));
  if (JS_IsException(made)) return nullptr;
  auto* shapes = new Shapes;
  JS_SetOpaque(made, shapes);
  JS_SetClassProto(context, id, made);
  return shapes;
}

bool Shapes::Template::has(std::span<const std::string_view> others) const {
  if (others.size() != key_sizes.size()) return false;
  std::size_t at = 0;
  for (std::size_t i = 0; i < others.size(); ++i) {
    if (!is_same({keys.data() + at, key_sizes[i]}, others[i])) return false;
    at += key_sizes[i];
  }
  return true;
}

void Shapes::clear(JSRuntime* runtime) {
  std::fill(recent_.begin(), recent_.end(), nullptr);
  for (const auto& [hash, each] : templates_) JS_FreeValueRT(runtime, each->model);
  templates_.clear();
}

const Shapes::Template* Shapes::find_or_make(JSContext* context, std::span<const std::string_view> keys) {
  if (keys.size() > kMaxKeys) return nullptr;
  std::string joined;
  std::vector<std::uint32_t> sizes;
  for (const std::string_view key : keys) {
    joined.append(key);
    sizes.push_back(static_cast<std::uint32_t>(key.size()));
  }
  const std::uint64_t hash = std::hash<std::string_view>{}(joined) ^ sizes.size();
  for (auto [at, end] = templates_.equal_range(hash); at != end; ++at) {
    if (at->second->has(keys)) return at->second.get();
  }
  const JSValue model = define(context, keys, [](std::size_t) { return JS_UNDEFINED; });
  if (JS_IsException(model)) {
    JS_FreeValue(context, JS_GetException(context));
    return nullptr;
  }
  if (!has_as_many_keys(context, model, keys.size())) {
    JS_FreeValue(context, model);
    return nullptr;
  }
  if (templates_.size() >= kMaxTemplates) clear(JS_GetRuntime(context));
  return templates_.emplace(hash, std::make_unique<Template>(Template{std::move(joined), std::move(sizes), model}))->second.get();
}

JSValue Shapes::new_object(JSContext* context, std::span<const std::string_view> keys, JSValue* values) {
  if (keys.empty()) return JS_NewObject(context);
  if (recent_.empty()) recent_.resize(kRecent);
  const Template*& recent = recent_[glance(keys)];
  if (recent == nullptr || !recent->has(keys)) {
    const Template* const found = find_or_make(context, keys);
    if (found == nullptr) return define(context, keys, [&](std::size_t i) { return values[i]; });
    recent = found;
  }
  return JS_NewObjectLike(context, recent->model, values);
}

}  // namespace gauntlet::engine::json
