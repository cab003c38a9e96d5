#pragma once
// A text that was parsed, kept for the next one like it. A list that a server sends again differs in a few entries from the last;
// what equals the precedent's bytes is valid as it was, and its words on the tape are the same.
//
// Exact for any text: in a valid one, a valid object in place of another leaves it valid. So texts are alike when all is equal but
// whole objects that are elements of arrays, and only these are parsed.
#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gauntlet::engine::json {

class Precedent {
 public:
  /// Shorter texts are parsed in less time than their likes are looked for; longer ones take too much memory to be kept.
  static constexpr std::size_t kShortestText = 4096;
  static constexpr std::size_t kLongestText = std::size_t{1} << 20U;

  /// An element of the precedent that is another one in the text at hand, and its place on the precedent's tape. In ascending order.
  using Changed = std::vector<std::uint32_t>;

  /// The thread's precedent that the text is like; nullptr if there is none. `changed` are the elements in which they differ, `joined`
  /// the text's own elements in place of these, as one array, not yet validated.
  static std::shared_ptr<const Precedent> of(std::string_view text, Changed& changed, std::string& joined);

  /// Asked once of each valid text that is like none: whether it should become a precedent. Where texts do not repeat the answer is
  /// ever more seldom yes.
  static bool is_wanted(std::size_t text_bytes);
  /// Keeps a valid text with its tape for those to come, for those of about its size. nullptr, and nothing was taken, if it
  /// has no elements to recognise.
  static std::shared_ptr<const Precedent> keep(std::string_view text, simdjson::dom::document& parsed);

  const std::uint64_t* tape() const { return parsed_.tape.get(); }
  const std::uint8_t* strings() const { return parsed_.string_buf.get(); }

 private:
  struct Element {
    std::uint32_t begin, end;  // in the text
    std::uint32_t place;       // on the tape
  };

  explicit Precedent(std::string_view text) : text_(text), elements_(elements_of(text)) {}
  static std::vector<Element> elements_of(std::string_view text);
  bool is_like(std::string_view text, Changed& changed, std::string& joined) const;

  std::string text_;
  std::vector<Element> elements_;  // none inside another
  simdjson::dom::document parsed_;
};

}  // namespace gauntlet::engine::json
