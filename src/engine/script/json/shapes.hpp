#pragma once
// Plain objects from lists of keys and values. Objects of JSON texts mostly have the keys of others: the interpreter's
// hidden shape of such a list of keys is remembered, and a further object takes it in place of being put together key by key.
#include <quickjs.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gauntlet::engine::json {

/// The shapes of one context, which owns them.
class Shapes {
 public:
  /// Registers their class, unless that was done.
  static void register_class(JSContext* context);
  /// Made on first use; nullptr with an exception pending when there is no memory.
  static Shapes* of(JSContext* context);

  /// An object that has `keys` (UTF-8) in their order; of equal keys the last one's value counts, at the place of the
  /// first, as JSON.parse has it. Takes over the values, one to a key, also where it fails: JS_EXCEPTION.
  JSValue new_object(JSContext* context, std::span<const std::string_view> keys, JSValue* values);

 private:
  /// An object with these keys, whose shape others take.
  struct Template {
    std::string keys;  // one after the other
    std::vector<std::uint32_t> key_sizes;
    JSValue model = JS_UNDEFINED;

    bool has(std::span<const std::string_view> others) const;
  };
  /// Lists of keys remembered. A body whose objects are all different from each other gains nothing by more.
  static constexpr std::size_t kMaxTemplates = 256;
  static constexpr std::size_t kMaxKeys = 64;

  const Template* find_or_make(JSContext* context, std::span<const std::string_view> keys);
  void clear(JSRuntime* runtime);

  std::unordered_multimap<std::uint64_t, std::unique_ptr<Template>> templates_;
  std::vector<const Template*> recent_;  // by a glance at the keys; empty before the first object
};

}  // namespace gauntlet::engine::json
