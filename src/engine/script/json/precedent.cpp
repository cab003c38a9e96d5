#include "engine/script/json/precedent.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "engine/script/json/scan.hpp"

namespace gauntlet::engine::json {
namespace {

/// Bytes of an element: shorter ones are sooner parsed than noted, of longer ones the elements inside are, if there are any.
constexpr std::uint32_t kShortestElement = 32;
constexpr std::uint32_t kLongestWhole = 1024;
constexpr std::uint32_t kLongestElement = 4096;
/// Texts of a size that go by after one was like none, until one becomes the next precedent: doubled each time, and an eighth less each
/// time that one was like it. To become a precedent costs more than a text that is like one saves, so it is done where more than five of
/// six are like it, and else hardly ever. In sixteenths: whole numbers would round the eighth away.
constexpr std::uint32_t kText = 16;
constexpr std::uint32_t kLongestWait = 256 * kText;
/// With more changed than a quarter, the text is parsed sooner as a whole.
constexpr std::size_t kMostChanged = 4;

/// One precedent for each power of two of the texts' sizes.
struct Slot {
  std::shared_ptr<const Precedent> precedent;
  std::uint32_t wait = 1;       // texts, while there is none
  std::uint32_t begun = kText;  // what `wait` begins with
};

Slot& slot_of(std::size_t text_bytes) {
  static_assert(std::bit_width(Precedent::kLongestText) < 32);
  thread_local std::array<Slot, 32> slots;
  return slots[std::bit_width(text_bytes)];
}

bool has_size(std::size_t text_bytes) { return text_bytes >= Precedent::kShortestText && text_bytes <= Precedent::kLongestText; }

/// Whether the text has these bytes there.
bool has(std::string_view text, std::size_t at, std::string_view bytes) {
  return at <= text.size() && text.size() - at >= bytes.size() && std::memcmp(text.data() + at, bytes.data(), bytes.size()) == 0;
}

}  // namespace

std::shared_ptr<const Precedent> Precedent::of(std::string_view text, Changed& changed, std::string& joined) {
  if (!has_size(text.size())) return nullptr;
  Slot& slot = slot_of(text.size());
  if (!slot.precedent) return nullptr;
  if (slot.precedent->is_like(text, changed, joined)) {
    slot.begun = std::max(slot.begun - slot.begun / 8, kText);
    return slot.precedent;
  }
  slot.precedent.reset();
  slot.begun = std::min(slot.begun * 2, kLongestWait);
  slot.wait = slot.begun / kText;
  return nullptr;
}

bool Precedent::is_wanted(std::size_t text_bytes) { return has_size(text_bytes) && --slot_of(text_bytes).wait == 0; }

std::shared_ptr<const Precedent> Precedent::keep(std::string_view text, simdjson::dom::document& parsed) {
  Slot& slot = slot_of(text.size());
  slot.wait = kLongestWait / kText;
  const std::shared_ptr<Precedent> kept(new Precedent(text));
  if (kept->elements_.empty()) return nullptr;
  kept->parsed_ = std::exchange(parsed, simdjson::dom::document());
  return slot.precedent = kept;
}

/// Goes through a valid text and along its tape, on which a number takes two words and each other value, key and end one.
std::vector<Precedent::Element> Precedent::elements_of(std::string_view text) {
  struct Open {
    std::uint32_t begin, place;
    bool is_array;
  };
  std::vector<Open> open;
  std::vector<Element> found;
  std::uint32_t place = 1;
  for (std::size_t at = scan::skip_space(text, 0); at < text.size(); at = scan::skip_space(text, at)) {
    switch (const char c = text[at]) {
      case ',':
      case ':': ++at; break;
      case '{':
      case '[': open.push_back({static_cast<std::uint32_t>(at++), place++, c == '['}); break;
      case '}':
      case ']': {
        const Open closed = open.back();
        open.pop_back();
        ++place;
        const auto end = static_cast<std::uint32_t>(++at);
        const std::uint32_t size = end - closed.begin;
        if (closed.is_array || open.empty() || !open.back().is_array || size < kShortestElement || size > kLongestElement) break;
        const auto is_inside = [&] { return !found.empty() && found.back().begin > closed.begin; };
        if (size > kLongestWhole && is_inside()) break;
        while (is_inside()) found.pop_back();
        found.push_back({closed.begin, end, closed.place});
        break;
      }
      default: place += c == '-' || (c >= '0' && c <= '9') ? 2 : 1; at = scan::skip_value(text, at);
    }
  }
  return found;
}

bool Precedent::is_like(std::string_view text, Changed& changed, std::string& joined) const {
  changed.clear();
  joined.assign(1, '[');
  const std::string_view own(text_);
  std::size_t at = elements_.front().begin;
  if (!has(text, 0, own.substr(0, at))) return false;
  for (std::size_t i = 0; i < elements_.size(); ++i) {
    const auto [begin, end, place] = elements_[i];
    const std::size_t next = i + 1 < elements_.size() ? elements_[i + 1].begin : own.size();
    if (has(text, at, own.substr(begin, next - begin))) {
      at += next - begin;
      continue;
    }
    if (at >= text.size() || text[at] != '{') return false;
    const std::string_view within = text.substr(0, at + kLongestElement);
    const std::size_t other_end = scan::skip_value(within, at);
    if (other_end == within.size() || !has(text, other_end, own.substr(end, next - end))) return false;
    if (!changed.empty()) joined += ',';
    joined += text.substr(at, other_end - at);
    changed.push_back(place);
    if (joined.size() > own.size() / kMostChanged) return false;
    at = other_end + (next - end);
  }
  joined += ']';
  return at == text.size();
}

}  // namespace gauntlet::engine::json
