#include "engine/script/json/document.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "engine/script/json/text.hpp"

namespace gauntlet::engine::json {
namespace {

/// Below it a text is made into values at once: it is done with sooner than its objects would be deferred.
constexpr std::size_t kDeferredFrom = 2048;
/// In a longer text, an object or array of this many words of the tape costs less than its deferral.
constexpr std::uint32_t kSmallContainer = 12;
/// What lies deeper is deferred, so that the recursion has an end.
constexpr int kMaxDepthAtOnce = 32;
/// An object with more keys makes its properties, with their hash table, before one is looked for.
constexpr std::uint32_t kMaxKeysRead = 32;
/// Documents kept by a thread for the next text.
constexpr std::size_t kMaxSpare = 4;
/// A script may keep a value of a text for long, and with it the document's memory: so that must not be many times what the
/// text needs, whatever was parsed before it.
constexpr std::size_t kMaxOverhang = 4;

std::vector<std::unique_ptr<Document>>& spare_documents() {
  thread_local std::vector<std::unique_ptr<Document>> spare;
  return spare;
}

simdjson::dom::parser& thread_parser() {
  thread_local simdjson::dom::parser parser;
  return parser;
}

std::uint64_t payload(std::uint64_t word) { return word & 0x00ff'ffff'ffff'ffffULL; }

/// Whether a number -0 may stand in the text: simdjson reads it as the integer 0 and the sign is lost.
bool may_have_negative_zero(std::string_view text) {
  for (auto at = text.find("-0"); at != std::string_view::npos; at = text.find("-0", at + 2)) {
    if (at + 2 >= text.size()) return true;
    const char next = text[at + 2];
    if (next == ',' || next == '}' || next == ']' || next == ' ' || next == '\n' || next == '\r' || next == '\t') return true;
  }
  return false;
}

}  // namespace

/// Makes one container, and what is inside it as far as it is small.
class Level {
 public:
  Level(JSContext* context, Document& document) : context_(context), document_(document), scratch_(thread_scratch()) {}

  JSValue container(std::uint32_t place, int depth = 0) {
    const bool is_object = document_.is_object(place);
    const std::uint32_t end = document_.after(place) - 1;
    auto& [values, keys] = scratch_;
    const std::size_t first_value = values.size();
    const std::size_t first_key = keys.size();
    for (std::uint32_t at = place + 1; at < end; at = document_.after(at)) {
      if (is_object) keys.push_back(document_.bytes(at++));
      const JSValue value = element(at, depth + 1);
      if (JS_IsException(value)) {
        for (std::size_t i = first_value; i < values.size(); ++i) JS_FreeValue(context_, values[i]);
        values.resize(first_value);
        keys.resize(first_key);
        return JS_EXCEPTION;
      }
      values.push_back(value);
    }
    JSValue* const own = values.data() + first_value;
    const auto count = static_cast<int>(values.size() - first_value);
    const JSValue made = is_object ? document_.shapes_->new_object(context_, std::span(keys).subspan(first_key), own)
                                   : JS_NewArrayFrom(context_, count, own);
    values.resize(first_value);
    keys.resize(first_key);
    return made;
  }

  JSValue element(std::uint32_t place, int depth) {
    place = document_.resolved(place);
    const char type = document_.type(place);
    if (type != '{' && type != '[') return document_.scalar(context_, place);
    const bool at_once = depth < kMaxDepthAtOnce && document_.after(place) - place <= document_.made_at_once_;
    return at_once ? container(place, depth) : document_.defer(context_, place);
  }

 private:
  /// What containers that are being made have so far, the innermost one's last. Empty between calls.
  struct Scratch {
    std::vector<JSValue> values;
    std::vector<std::string_view> keys;
  };
  static Scratch& thread_scratch() {
    thread_local Scratch scratch;
    return scratch;
  }

  JSContext* context_;
  Document& document_;
  Scratch& scratch_;
};

struct Document::Methods {
  static JSValue make(JSContext* context, void* owner, std::uint32_t place) {
    return Level(context, *static_cast<Document*>(owner)).container(place);
  }
  static int read(JSContext* context, void* owner, std::uint32_t place, JSAtom atom, JSValue* value) {
    return static_cast<Document*>(owner)->read(context, place, atom, value);
  }
  static void release(JSRuntime* runtime, void* owner) { static_cast<Document*>(owner)->release(runtime); }

  static constexpr JSDeferredMethods kTable{&make, &read, &release};
};

Document* Document::take(std::size_t text_bytes) {
  auto& spare = spare_documents();
  auto best = spare.end();
  for (auto each = spare.begin(); each != spare.end(); ++each) {
    const std::size_t capacity = (*each)->parsed_.capacity();
    if (capacity < text_bytes || capacity > std::max(kMaxOverhang * text_bytes, kDeferredFrom)) continue;
    if (best == spare.end() || capacity < (*best)->parsed_.capacity()) best = each;
  }
  if (best == spare.end()) return new Document;
  Document* const taken = best->release();
  spare.erase(best);
  return taken;
}

void Document::release(JSRuntime* runtime) {
  if (--users_ > 0) return;
  memory_ = script::NativeMemory();
  precedent_.reset();
  replaced_.clear();
  strings_.clear(runtime);
  give_back(this);
}

void Document::give_back(Document* document) {
  std::unique_ptr<Document> given(document);
  auto& spare = spare_documents();
  if (given->parsed_.capacity() == 0 || given->parsed_.capacity() > kMaxKeptText) return;
  if (spare.size() == kMaxSpare) spare.erase(spare.begin());  // of a size that was not asked for since
  spare.push_back(std::move(given));
}

std::uint32_t Document::resolved(std::uint32_t place) const {
  if (replaced_.empty() || place < kOfPrecedent) return place;
  const auto found = std::ranges::lower_bound(replaced_, place, {}, &Replaced::place);
  return found != replaced_.end() && found->place == place ? found->own : place;
}

std::uint32_t Document::after(std::uint32_t place) const {
  switch (type(place)) {
    case '{':
    case '[': return static_cast<std::uint32_t>(word(place)) | (place & kOfPrecedent);
    case 'l':
    case 'u':
    case 'd': return place + 2;
    default: return place + 1;
  }
}

std::string_view Document::bytes(std::uint32_t place) const {
  const std::uint8_t* const strings = place < kOfPrecedent ? parsed_.string_buf.get() : precedent_->strings();
  const auto* const at = reinterpret_cast<const char*>(strings) + payload(word(place));
  std::uint32_t size = 0;
  std::memcpy(&size, at, sizeof size);
  return {at + sizeof size, size};
}

std::uint32_t Document::count(std::uint32_t place) const {
  constexpr std::uint32_t kUncounted = 0xff'ffff;  // that many or more
  const auto said = static_cast<std::uint32_t>(word(place) >> 32U) & kUncounted;
  if (said < kUncounted) return said;
  std::uint32_t counted = 0;
  const std::uint32_t end = after(place) - 1;
  for (std::uint32_t at = place + 1; at < end; at = after(at)) {
    if (is_object(place)) ++at;
    ++counted;
  }
  return counted;
}

JSValue Document::scalar(JSContext* context, std::uint32_t place) {
  switch (type(place)) {
    case '"': return strings_.get(context, bytes(place));
    case 'l': return JS_NewInt64(context, static_cast<std::int64_t>(word(place + 1)));
    case 'u': return JS_NewFloat64(context, static_cast<double>(word(place + 1)));
    case 'd': return JS_NewFloat64(context, std::bit_cast<double>(word(place + 1)));
    case 't': return JS_TRUE;
    case 'f': return JS_FALSE;
    default: return JS_NULL;
  }
}

JSValue Document::defer(JSContext* context, std::uint32_t place) {
  const JSValue made =
      is_object(place) ? JS_NewDeferredObject(context, this, place) : JS_NewDeferredArray(context, count(place), this, place);
  if (!JS_IsException(made)) ++users_;
  return made;
}

int Document::read(JSContext* context, std::uint32_t place, JSAtom atom, JSValue* value) {
  const std::uint8_t* characters = nullptr;
  std::uint32_t size = 0;
  const int kind = JS_GetAtomCharacters(context, atom, &characters, &size);
  if (kind <= 0) return kind;
  if (!is_object(place)) return 0;  // an array's length is there, and indexes are no characters
  const std::string_view wanted(reinterpret_cast<const char*>(characters), size);
  if (count(place) > kMaxKeysRead || !is_ascii(wanted)) return -1;
  std::uint32_t found = 0;  // of equal keys the last one counts
  const std::uint32_t end = after(place) - 1;
  for (std::uint32_t at = place + 1; at < end; at = after(at)) {
    if (is_same(bytes(at++), wanted)) found = at;
  }
  if (found == 0) return 0;
  if (const char type = this->type(found); type == '{' || type == '[') return -1;  // which must be the same one each time
  *value = scalar(context, found);
  return 1;
}

bool Document::parse_own(std::string_view padded_text) {
  simdjson::dom::parser& parser = thread_parser();
  const bool valid = parser.parse_into_document(parsed_, padded_text.data(), padded_text.size(), false).error() == simdjson::SUCCESS;
  if (padded_text.size() > kMaxKeptText) parser = simdjson::dom::parser();
  tapes_ = {parsed_.tape.get(), nullptr};
  return valid;
}

Document* Document::read_like_precedent(std::string_view text) {
  thread_local Precedent::Changed changed;
  thread_local std::string joined;
  auto precedent = Precedent::of(text, changed, joined);
  if (!precedent || may_have_negative_zero(joined)) return nullptr;
  const std::size_t size = joined.size();
  joined.append(simdjson::SIMDJSON_PADDING, '\0');
  Document* const document = take(size);
  if (!document->parse_own(std::string_view(joined).substr(0, size)) || document->count(1) != changed.size()) {
    give_back(document);
    return nullptr;
  }
  std::uint32_t own = 2;  // the array's first
  for (const std::uint32_t place : changed) {
    document->replaced_.push_back({place | kOfPrecedent, own});
    own = document->after(own);
  }
  document->tapes_[1] = precedent->tape();
  document->precedent_ = std::move(precedent);
  return document;
}

Document* Document::read_text(std::string_view padded_text, std::uint32_t& root) {
  root = 1 | kOfPrecedent;
  if (Document* const like = read_like_precedent(padded_text)) return like;
  if (padded_text.starts_with("\xef\xbb\xbf") || may_have_negative_zero(padded_text)) return nullptr;
  Document* const document = take(padded_text.size());
  if (!document->parse_own(padded_text)) {
    give_back(document);
    return nullptr;
  }
  if (Precedent::is_wanted(padded_text.size())) document->precedent_ = Precedent::keep(padded_text, document->parsed_);
  if (document->precedent_) document->tapes_ = {nullptr, document->precedent_->tape()};
  else root = 1;
  return document;
}

Document::Outcome Document::parse(JSContext* context, std::string_view padded_text, JSValue& result) {
  Shapes* const shapes = Shapes::of(context);
  if (shapes == nullptr) return Outcome::thrown;
  std::uint32_t root = 0;
  Document* const document = read_text(padded_text, root);
  if (document == nullptr) return Outcome::unsure;
  ++document->users_;  // until the root has been made
  const bool is_short = padded_text.size() < kDeferredFrom;
  document->made_at_once_ = is_short ? std::numeric_limits<std::uint32_t>::max() : kSmallContainer;
  document->shapes_ = shapes;
  JS_SetDeferredMethods(JS_GetRuntime(context), &Methods::kTable);
  result = Level(context, *document).element(root, 0);
  auto outcome = JS_IsException(result) ? Outcome::thrown : Outcome::done;
  // A precedent's tape counts for each who holds on to it.
  const std::size_t tape_bytes = payload(document->word(root - 1)) * sizeof(std::uint64_t);
  if (outcome == Outcome::done && document->users_ > 1 && !document->memory_.charge(context, tape_bytes + padded_text.size())) {
    JS_FreeValue(context, result);
    result = JS_UNDEFINED;
    outcome = Outcome::thrown;
  }
  document->release(JS_GetRuntime(context));
  return outcome;
}

}  // namespace gauntlet::engine::json
