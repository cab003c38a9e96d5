#pragma once
// A JSON text that has been parsed and not yet been made into JavaScript values: simdjson's tape, which scripts read where
// they look. A body has some twenty thousand values, and a check looks at one.
//
// What a script gets are deferred objects and arrays (js/patches/0008-deferred-objects.patch): ordinary ones that make
// their properties, one level of the text, when a script does more with them than read single values. Small ones and
// those of short texts are made at once.
#include <quickjs.h>
#include <simdjson.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/script/json/known_strings.hpp"
#include "engine/script/json/precedent.hpp"
#include "engine/script/json/shapes.hpp"
#include "engine/script/native_memory.hpp"

namespace gauntlet::engine::json {

/// Shared by the deferred objects of one text, and gone with the last of them. All belong to one thread.
class Document {
 public:
  enum class Outcome {
    done,
    unsure,  ///< the interpreter's own parser must decide: no JSON, or none that is certain to be read alike
    thrown,  ///< an exception is pending
  };
  /// The parser's own memory and a document's are each about ten times the text; what a longer one needed is given back.
  static constexpr std::size_t kMaxKeptText = 4U << 20U;

  /// The value of a text that has simdjson's padding behind it.
  static Outcome parse(JSContext* context, std::string_view padded_text, JSValue& result);

 private:
  friend class Level;
  struct Methods;

  /// Added to places that are on the precedent's tape.
  static constexpr std::uint32_t kOfPrecedent = std::uint32_t{1} << 31U;

  /// A document that is nobody's for a text of so many bytes, mostly one whose memory was used before.
  static Document* take(std::size_t text_bytes);
  static void give_back(Document* document);
  /// A document of the text, parsed, and where its value is; nullptr if that is not certain.
  static Document* read_text(std::string_view padded_text, std::uint32_t& root);
  /// The same by the precedent that it is like, if there is one.
  static Document* read_like_precedent(std::string_view text);
  bool parse_own(std::string_view padded_text);
  void release(JSRuntime* runtime);

  bool is_object(std::uint32_t place) const { return type(place) == '{'; }
  char type(std::uint32_t place) const { return static_cast<char>(word(place) >> 56U); }
  std::uint64_t word(std::uint32_t place) const { return tapes_[place >> 31U][place & ~kOfPrecedent]; }
  /// Where the value is that stands at this place: elsewhere, if it is one that the precedent has another of.
  std::uint32_t resolved(std::uint32_t place) const;
  /// The place behind the value.
  std::uint32_t after(std::uint32_t place) const;
  /// Of a string or a key.
  std::string_view bytes(std::uint32_t place) const;
  /// The number of a container's elements or members.
  std::uint32_t count(std::uint32_t place) const;
  JSValue scalar(JSContext* context, std::uint32_t place);
  JSValue defer(JSContext* context, std::uint32_t place);
  int read(JSContext* context, std::uint32_t place, JSAtom atom, JSValue* value);

  /// An element that differs from the precedent's at that place of its tape; `own` is on this document's.
  struct Replaced {
    std::uint32_t place, own;
  };

  std::array<const std::uint64_t*, 2> tapes_{};  // its own, the precedent's
  std::shared_ptr<const Precedent> precedent_;
  std::vector<Replaced> replaced_;  // in ascending order
  simdjson::dom::document parsed_;
  script::NativeMemory memory_;
  Shapes* shapes_ = nullptr;
  KnownStrings strings_;
  std::uint32_t users_ = 0;
  std::uint32_t made_at_once_ = 0;  // containers that take as many words of the tape or fewer are not deferred
};

}  // namespace gauntlet::engine::json
