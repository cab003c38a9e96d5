#pragma once
// Strings of a JSON text that may come again: lists say "completed", "WALLET" or "" for each of their entries. One that
// comes again is the same string once more, for the price of a comparison. Strings have no identity that a script sees.
#include <quickjs.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/script/json/text.hpp"

namespace gauntlet::engine::json {

class KnownStrings {
 public:
  KnownStrings() = default;
  KnownStrings(const KnownStrings&) = delete;
  KnownStrings& operator=(const KnownStrings&) = delete;

  /// A string of these bytes: simdjson's, which stay in place until clear() and have their size, 4 bytes, before them.
  JSValue get(JSContext* context, std::string_view bytes) {
    if (bytes.size() > kLongest) return new_utf8_string(context, bytes);
    if (known_.empty()) known_.resize(kSlots);
    Known& known = known_[slot_of(bytes)];
    if (known.bytes.data() != nullptr && is_same(known.bytes, bytes)) return JS_DupValue(context, known.value);
    const JSValue made = new_utf8_string(context, bytes);
    if (JS_IsException(made)) return made;
    if (known.bytes.data() != nullptr) JS_FreeValue(context, known.value);
    known = {bytes, JS_DupValue(context, made)};
    return made;
  }

  /// Lets go of all strings.
  void clear(JSRuntime* runtime) {
    for (Known& known : known_) {
      if (known.bytes.data() != nullptr) JS_FreeValueRT(runtime, known.value);
      known.bytes = {};
    }
  }

 private:
  struct Known {
    std::string_view bytes;
    JSValue value = JS_UNDEFINED;
  };
  static constexpr std::size_t kLongest = 48;
  static constexpr std::size_t kSlots = 256;

  /// From the size and the first and last bytes, read with the size in one word.
  static std::size_t slot_of(std::string_view bytes) {
    std::uint64_t head = 0;
    std::uint64_t tail = 0;
    std::memcpy(&head, bytes.data() - sizeof(std::uint32_t), sizeof head);
    if (bytes.size() >= 4) std::memcpy(&tail, bytes.data() + bytes.size() - sizeof tail, sizeof tail);
    else head &= (std::uint64_t{1} << (32 + 8 * bytes.size())) - 1;
    return ((head ^ (tail << 1U)) * 0x9e3779b97f4a7c15ULL) >> 56U;
  }

  std::vector<Known> known_;
};

}  // namespace gauntlet::engine::json
