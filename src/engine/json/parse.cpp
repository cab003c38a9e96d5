#include "engine/json/parse.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/js/binding.hpp"
#include "engine/js/value.hpp"

namespace gauntlet::engine::json {
namespace {

using js::Value;

/// Key sequences remembered per context. A body whose objects are all different from each other gains nothing by them.
constexpr std::size_t kMaxTemplates = 256;
constexpr std::size_t kMaxTemplateKeys = 64;
/// The parser's own memory is about ten times the text; what a huge text needed is given back.
constexpr std::size_t kMaxKeptText = 4U << 20U;
/// Nesting that the quick path takes; simdjson's default.
constexpr std::size_t kMaxDepth = 1024;

bool is_ascii(const char* text, std::size_t size) {
  std::uint64_t high = 0;
  std::size_t i = 0;
  for (; i + 32 <= size; i += 32) {
    std::array<std::uint64_t, 4> words;
    std::memcpy(words.data(), text + i, sizeof words);
    high |= words[0] | words[1] | words[2] | words[3];
  }
  for (; i + 8 <= size; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text + i, sizeof word);
    high |= word;
  }
  for (; i < size; ++i) high |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[i]));
  return (high & 0x8080808080808080ULL) == 0;
}

template <class Word>
bool same_ends(const char* a, const char* b, std::size_t size) {
  std::array<Word, 4> words;
  std::memcpy(&words[0], a, sizeof(Word));
  std::memcpy(&words[1], b, sizeof(Word));
  std::memcpy(&words[2], a + size - sizeof(Word), sizeof(Word));
  std::memcpy(&words[3], b + size - sizeof(Word), sizeof(Word));
  return words[0] == words[1] && words[2] == words[3];
}

/// memcmp() for keys and short strings, some twenty thousand to a body: without the call.
inline bool is_same(const char* a, const char* b, std::size_t size) {
  if (size > 16) return std::memcmp(a, b, size) == 0;
  if (size >= 8) return same_ends<std::uint64_t>(a, b, size);
  if (size >= 4) return same_ends<std::uint32_t>(a, b, size);
  for (std::size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

/// Whether a number -0 may stand in the text: simdjson reads it as the integer 0 and the sign is lost.
bool may_have_negative_zero(std::string_view text) {
  for (auto at = text.find("-0"); at != std::string_view::npos; at = text.find("-0", at + 2)) {
    if (at + 2 >= text.size()) return true;
    const char next = text[at + 2];
    if (next == ',' || next == '}' || next == ']' || next == ' ' || next == '\n' || next == '\r' || next == '\t') return true;
  }
  return false;
}

/// The keys of an object in their order, and an object that has them, whose hidden shape others take.
struct Template {
  std::string keys;  // one after the other
  std::vector<std::uint32_t> key_sizes;
  JSValue model = JS_UNDEFINED;
};

/// The templates of one context, owned by an object that the context keeps.
class ShapeCache {
 public:
  /// Made on first use.
  static ShapeCache& of(JSContext* context) {
    const JSClassID id = js::Class<ShapeCache>::id();
    JSRuntime* const runtime = JS_GetRuntime(context);
    if (!JS_IsRegisteredClass(runtime, id)) {
      JSClassDef definition{};
      definition.class_name = "ShapeCache";
      definition.finalizer = [](JSRuntime* owner, JSValueConst value) {
        std::unique_ptr<ShapeCache> cache(js::Class<ShapeCache>::of(value));
        if (cache) cache->clear(owner);
      };
      definition.gc_mark = [](JSRuntime* owner, JSValueConst value, JS_MarkFunc* mark) {
        const ShapeCache* cache = js::Class<ShapeCache>::of(value);
        if (cache == nullptr) return;
        for (const auto& [hash, each] : cache->templates_) JS_MarkValue(owner, each->model, mark);
      };
      JS_NewClass(runtime, id, &definition);
    }
    const Value holder(context, JS_GetClassProto(context, id));
    if (ShapeCache* cache = js::Class<ShapeCache>::of(holder.get())) return *cache;
    const JSValue made = JS_NewObjectClass(context, static_cast<int>(id));
    auto* cache = new ShapeCache;
    JS_SetOpaque(made, cache);
    JS_SetClassProto(context, id, made);
    return *cache;
  }

  /// Once per parse, when no template is in use.
  void make_room(JSRuntime* runtime) {
    if (templates_.size() >= kMaxTemplates) clear(runtime);
  }
  bool has_room() const { return templates_.size() < kMaxTemplates; }

  const Template* find(std::string_view keys, const std::vector<std::uint32_t>& sizes, std::uint64_t hash) const {
    for (auto [at, end] = templates_.equal_range(hash); at != end; ++at) {
      if (at->second->keys == keys && at->second->key_sizes == sizes) return at->second.get();
    }
    return nullptr;
  }
  const Template* add(std::uint64_t hash, std::unique_ptr<Template> made) { return templates_.emplace(hash, std::move(made))->second.get(); }

 private:
  void clear(JSRuntime* runtime) {
    for (const auto& [hash, each] : templates_) JS_FreeValueRT(runtime, each->model);
    templates_.clear();
  }

  std::unordered_multimap<std::uint64_t, std::unique_ptr<Template>> templates_;
};

/// Strings of one parse that may come again: lists say "completed", "WALLET" or "" for each of their entries. One that
/// comes again is the same string once more, for the price of a comparison. Strings have no identity that a script sees.
class KnownStrings {
 public:
  /// Of a text as long as this, some will come again.
  static constexpr std::size_t kWorthwhileText = 2048;
  static constexpr std::size_t kLongest = 48;

  explicit KnownStrings(JSContext* context) : context_(context) {}
  ~KnownStrings() {
    for (const Known& known : known_) {
      if (known.bytes.data() != nullptr) JS_FreeValue(context_, known.value);
    }
  }
  KnownStrings(const KnownStrings&) = delete;
  KnownStrings& operator=(const KnownStrings&) = delete;

  /// `make()` or what it made for the same bytes before. The bytes are simdjson's and must stay in place.
  template <class Make>
  JSValue get(std::string_view bytes, Make&& make) {
    Known& known = known_[slot_of(bytes)];
    if (known.bytes.data() != nullptr) {
      if (known.bytes.size() == bytes.size() && is_same(known.bytes.data(), bytes.data(), bytes.size())) return JS_DupValue(context_, known.value);
      JS_FreeValue(context_, known.value);
      known.bytes = {};
    }
    const JSValue made = make();
    if (!JS_IsException(made)) known = {bytes, JS_DupValue(context_, made)};
    return made;
  }

 private:
  struct Known {
    std::string_view bytes;
    JSValue value = JS_UNDEFINED;
  };

  /// From the size and the first and last bytes. Before the bytes stands their size (bytes_at() says where), so that both
  /// are read at once.
  static std::size_t slot_of(std::string_view bytes) {
    std::uint64_t head = 0;
    std::uint64_t tail = 0;
    std::memcpy(&head, bytes.data() - sizeof(std::uint32_t), sizeof head);
    if (bytes.size() >= 4) std::memcpy(&tail, bytes.data() + bytes.size() - sizeof tail, sizeof tail);
    else head &= (std::uint64_t{1} << (32 + 8 * bytes.size())) - 1;
    return ((head ^ (tail << 1U)) * 0x9e3779b97f4a7c15ULL) >> 56U;
  }

  JSContext* context_;
  std::array<Known, 256> known_;
};

/// Values from simdjson's tape, bottom up: what is inside a container is made before the container.
class Builder {
 public:
  Builder(JSContext* context, const simdjson::dom::document& document, std::string_view text)
      : context_(context), cache_(ShapeCache::of(context)), tape_(document.tape.get()),
        strings_(reinterpret_cast<const char*>(document.string_buf.get())), text_(text) {
    cache_.make_room(JS_GetRuntime(context));
    if (text.size() >= KnownStrings::kWorthwhileText) known_.emplace(context);
  }
  ~Builder() {
    for (const JSValue value : values_) JS_FreeValue(context_, value);
  }
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  enum class Outcome { done, unsure, thrown };

  /// `unsure`: the plain parser must decide.
  Outcome build(JSValue& result) {
    // The first word is the root, whose payload says where the tape ends.
    const std::size_t end = payload(tape_[0]) - 1;
    for (std::size_t at = 1; at < end; ++at) {
      const std::uint64_t word = tape_[at];
      switch (static_cast<char>(word >> 56)) {
        case '{': open(true); break;
        case '[': open(false); break;
        case '}':
          if (!close_object()) return Outcome::thrown;
          break;
        case ']':
          if (!close_array()) return Outcome::thrown;
          break;
        case '"': {
          const char* const bytes = strings_ + payload(word);
          Frame* const frame = frames_.empty() ? nullptr : &frames_.back();
          if (frame != nullptr && frame->is_object && frame->wants_key) {
            take_key(*frame, bytes);
            break;
          }
          if (!push(string(bytes))) return Outcome::thrown;
          break;
        }
        case 'l': {
          const auto number = static_cast<std::int64_t>(tape_[++at]);
          if (number == 0 && !is_sure_about_zero()) return Outcome::unsure;
          push(JS_NewInt64(context_, number));
          break;
        }
        case 'u': push(JS_NewFloat64(context_, static_cast<double>(tape_[++at]))); break;
        case 'd': {
          double number = 0;
          std::memcpy(&number, &tape_[++at], sizeof number);
          push(JS_NewFloat64(context_, number));
          break;
        }
        case 't': push(JS_TRUE); break;
        case 'f': push(JS_FALSE); break;
        case 'n': push(JS_NULL); break;
        default: return Outcome::unsure;
      }
    }
    result = values_.back();
    values_.pop_back();
    return Outcome::done;
  }

 private:
  struct Frame {
    bool is_object;
    bool wants_key;
    bool matches;              // the keys so far are the first ones of `expected`
    std::uint32_t key_count;
    std::size_t first_value;
    std::size_t first_key;
    std::size_t key_offset;    // where in expected->keys the next one starts
    const Template* expected;
    std::size_t hint;          // in hints_
  };

  static std::size_t payload(std::uint64_t word) { return word & 0x00ff'ffff'ffff'ffffULL; }
  static std::string_view bytes_at(const char* place) {
    std::uint32_t size = 0;
    std::memcpy(&size, place, sizeof size);
    return {place + sizeof size, size};
  }

  bool is_sure_about_zero() {
    if (!knows_zeros_) {
      knows_zeros_ = true;
      has_negative_zero_ = may_have_negative_zero(text_);
    }
    return !has_negative_zero_;
  }

  bool push(JSValue value) {
    if (JS_IsException(value)) return false;
    values_.push_back(value);
    if (!frames_.empty()) frames_.back().wants_key = true;
    return true;
  }

  JSValue string(const char* place) {
    const std::string_view bytes = bytes_at(place);
    if (!known_ || bytes.size() > KnownStrings::kLongest) return new_string(bytes);
    return known_->get(bytes, [&] { return new_string(bytes); });
  }

  JSValue new_string(std::string_view bytes) const {
    return is_ascii(bytes.data(), bytes.size()) ? JS_NewStringASCII(context_, bytes.data(), bytes.size())
                                                : JS_NewStringLen(context_, bytes.data(), bytes.size());
  }

  void open(bool is_object) {
    // Brothers mostly have the same keys, and so have their children under the same key.
    const std::size_t under = frames_.empty() ? 0 : frames_.back().key_count % kHintsPerDepth;
    const std::size_t hint = frames_.size() * kHintsPerDepth + under;
    if (hints_.size() <= hint) hints_.resize((frames_.size() + 1) * kHintsPerDepth, nullptr);
    const Template* const expected = is_object ? hints_[hint] : nullptr;
    frames_.push_back({is_object, true, expected != nullptr, 0, values_.size(), keys_.size(), 0, expected, hint});
  }

  void take_key(Frame& frame, const char* place) {
    frame.wants_key = false;
    keys_.push_back(place);
    if (frame.matches) {
      const std::string_view key = bytes_at(place);
      const Template& expected = *frame.expected;
      frame.matches = frame.key_count < expected.key_sizes.size() && expected.key_sizes[frame.key_count] == key.size() &&
                      is_same(expected.keys.data() + frame.key_offset, key.data(), key.size());
      frame.key_offset += key.size();
    }
    ++frame.key_count;
  }

  bool close_array() {
    const Frame frame = frames_.back();
    frames_.pop_back();
    const std::size_t count = values_.size() - frame.first_value;
    const JSValue array = JS_NewArrayFrom(context_, static_cast<int>(count), values_.data() + frame.first_value);
    values_.resize(frame.first_value);
    return push(array);
  }

  bool close_object() {
    const Frame frame = frames_.back();
    frames_.pop_back();
    const Template* chosen = frame.matches && frame.key_count == frame.expected->key_sizes.size() ? frame.expected : nullptr;
    JSValue object = JS_UNDEFINED;
    if (chosen == nullptr && frame.key_count > 0) {
      chosen = find_or_make(frame, object);
      hints_[frame.hint] = chosen;
      if (JS_IsException(object)) return false;
    }
    if (JS_IsUndefined(object)) {
      if (frame.key_count == 0) {
        object = JS_NewObject(context_);
      } else {
        object = JS_NewObjectLike(context_, chosen->model, values_.data() + frame.first_value);
        values_.resize(frame.first_value);
      }
    }
    keys_.resize(frame.first_key);
    return push(object);
  }

  /// A template for the frame's keys; when there is none and can be none, `object` is made key by key.
  const Template* find_or_make(const Frame& frame, JSValue& object) {
    scratch_.clear();
    sizes_.clear();
    for (std::size_t i = frame.first_key; i < keys_.size(); ++i) {
      const std::string_view key = bytes_at(keys_[i]);
      scratch_.append(key);
      sizes_.push_back(static_cast<std::uint32_t>(key.size()));
    }
    const std::uint64_t hash = std::hash<std::string_view>{}(scratch_) ^ sizes_.size();
    if (const Template* known = cache_.find(scratch_, sizes_, hash)) return known;
    if (cache_.has_room() && sizes_.size() <= kMaxTemplateKeys) {
      const JSValue model = define(frame, [](std::size_t) { return JS_UNDEFINED; });
      if (!JS_IsException(model) && has_all_keys(model, sizes_.size())) {
        return cache_.add(hash, std::make_unique<Template>(Template{scratch_, sizes_, model}));
      }
      JS_FreeValue(context_, model);
    }
    object = define(frame, [&](std::size_t i) { return values_[frame.first_value + i]; });
    values_.resize(frame.first_value);
    return nullptr;
  }

  /// An object with the frame's keys. The last of equal keys counts, at the place of the first: as the plain parser
  /// defines them.
  template <class ValueOf>
  JSValue define(const Frame& frame, ValueOf&& value_of) {
    const JSValue object = JS_NewObject(context_);
    for (std::size_t i = frame.first_key; i < keys_.size(); ++i) {
      const std::string_view key = bytes_at(keys_[i]);
      const JSAtom atom = JS_NewAtomLen(context_, key.data(), key.size());
      JS_DefinePropertyValue(context_, object, atom, value_of(i - frame.first_key), JS_PROP_C_W_E);
      JS_FreeAtom(context_, atom);
    }
    return object;
  }

  /// False when keys were equal: then values and properties do not correspond.
  bool has_all_keys(JSValueConst object, std::size_t count) const {
    JSPropertyEnum* names = nullptr;
    std::uint32_t found = 0;
    if (JS_GetOwnPropertyNames(context_, &names, &found, object, JS_GPN_STRING_MASK) < 0) return false;
    JS_FreePropertyEnum(context_, names, found);
    return found == count;
  }

  JSContext* context_;
  ShapeCache& cache_;
  const std::uint64_t* tape_;
  const char* strings_;
  std::string_view text_;
  std::vector<JSValue> values_;
  std::vector<const char*> keys_;
  std::vector<Frame> frames_;
  static constexpr std::size_t kHintsPerDepth = 16;
  std::vector<const Template*> hints_;  // the last object's template, by depth and by its key's number
  std::optional<KnownStrings> known_;
  std::string scratch_;
  std::vector<std::uint32_t> sizes_;
  bool knows_zeros_ = false;
  bool has_negative_zero_ = false;
};

/// The parser of this thread, whose memory is kept from text to text.
simdjson::dom::parser& thread_parser() {
  thread_local simdjson::dom::parser parser;
  return parser;
}

std::string& thread_copy() {
  thread_local std::string copy;
  return copy;
}

/// The quick path. `unsure` for everything that is not certain to be taken as the plain parser would.
Builder::Outcome parse_quickly(JSContext* context, std::string_view text, Padding padding, JSValue& result) {
  if (text.starts_with("\xef\xbb\xbf")) return Builder::Outcome::unsure;
  if (padding == Padding::absent) {
    std::string& copy = thread_copy();
    copy.assign(text);
    copy.append(simdjson::SIMDJSON_PADDING, '\0');
    text = std::string_view(copy).substr(0, text.size());
  }
  simdjson::dom::parser& parser = thread_parser();
  auto outcome = Builder::Outcome::unsure;
  if (parser.parse(text.data(), text.size(), false).error() == simdjson::SUCCESS) {
    outcome = Builder(context, parser.doc, text).build(result);
  }
  if (text.size() > kMaxKeptText) {
    parser = simdjson::dom::parser();
    thread_copy() = std::string();
  }
  return outcome;
}

struct Source {
  const void* string = nullptr;
  std::string_view bytes;
};
Source& thread_source() {
  thread_local Source source;
  return source;
}

/// JSON.parse(text, reviver); data[0] is the plain one.
JSValue json_parse(JSContext* context, JSValueConst self, int count, JSValueConst* arguments, int, JSValueConst* data) {
  if (count >= 1 && JS_IsString(arguments[0]) && (count == 1 || JS_IsUndefined(arguments[1]))) {
    JSValue result = JS_UNDEFINED;
    auto outcome = Builder::Outcome::unsure;
    if (const std::string_view bytes = SourceLink::find(arguments[0]); !bytes.empty()) {
      outcome = parse_quickly(context, bytes, Padding::present, result);
    } else {
      const js::Text text(context, arguments[0]);
      if (text.failed()) return JS_EXCEPTION;
      outcome = parse_quickly(context, text, Padding::absent, result);
    }
    if (outcome == Builder::Outcome::done) return result;
    if (outcome == Builder::Outcome::thrown) return JS_EXCEPTION;
  }
  return JS_Call(context, data[0], self, count, arguments);
}

}  // namespace

JSValue parse(JSContext* context, std::string_view text, Padding padding) {
  JSValue result = JS_UNDEFINED;
  switch (parse_quickly(context, text, padding, result)) {
    case Builder::Outcome::done: return result;
    case Builder::Outcome::thrown: return JS_EXCEPTION;
    case Builder::Outcome::unsure: break;
  }
  const std::string terminated(text);
  return JS_ParseJSON(context, terminated.c_str(), terminated.size(), "<json>");
}

void install(JSContext* context) {
  const Value global(context, JS_GetGlobalObject(context));
  const Value object = global.property("JSON");
  Value plain = object.property("parse");
  JSValueConst data[] = {plain.get()};
  const JSValue quick = JS_NewCFunctionData(context, &json_parse, 2, 0, 1, data);
  JS_DefinePropertyValueStr(context, quick, "name", js::new_string(context, "parse"), JS_PROP_CONFIGURABLE);
  JS_DefinePropertyValueStr(context, object.get(), "parse", quick, JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE);
}

JSValue new_utf8_string(JSContext* context, std::string_view text) {
  return is_ascii(text.data(), text.size()) ? JS_NewStringASCII(context, text.data(), text.size())
                                            : JS_NewStringLen(context, text.data(), text.size());
}

void SourceLink::remember(JSValueConst string, std::string_view padded_bytes) {
  // Ropes are flattened into another string later; bodies are none.
  if (JS_VALUE_GET_TAG(string) == JS_TAG_STRING) thread_source() = {JS_VALUE_GET_PTR(string), padded_bytes};
}

void SourceLink::forget(std::string_view padded_bytes) {
  if (thread_source().bytes.data() == padded_bytes.data()) thread_source() = {};
}

std::string_view SourceLink::find(JSValueConst string) {
  const Source& source = thread_source();
  return JS_VALUE_GET_TAG(string) == JS_TAG_STRING && JS_VALUE_GET_PTR(string) == source.string ? source.bytes : std::string_view();
}

}  // namespace gauntlet::engine::json
