#include "base/text.hpp"

#include <numeric>
#include <vector>

#include "base/utf8.hpp"

namespace gauntlet::base {
namespace {

/// Letters to add, leave out, change or swap with the next until one is the other, whatever their case.
std::size_t differing_letters(std::string_view one, std::string_view other) {
  std::vector<std::size_t> before_last, last(other.size() + 1), now(other.size() + 1);
  std::iota(last.begin(), last.end(), 0);
  for (std::size_t i = 1; i <= one.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= other.size(); ++j) {
      const auto same = [&](std::size_t a, std::size_t b) { return lower_case(one[a - 1]) == lower_case(other[b - 1]); };
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (same(i, j) ? 0 : 1)});
      if (i > 1 && j > 1 && same(i, j - 1) && same(i - 1, j)) now[j] = std::min(now[j], before_last[j - 2] + 1);
    }
    before_last = last;
    std::swap(last, now);
  }
  return last.back();
}

}  // namespace

bool is_text(std::string_view bytes) { return bytes.find('\0') == std::string_view::npos && is_utf8(bytes); }

std::size_t json_depth(std::string_view text) {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '"':
        while (++i < text.size() && text[i] != '"') {
          if (text[i] == '\\') ++i;
        }
        break;
      case '[':
      case '{': deepest = std::max(deepest, ++depth); break;
      case ']':
      case '}': depth -= depth > 0 ? 1 : 0; break;
      default: break;
    }
  }
  return deepest;
}

std::string_view nearest_name(std::string_view word, std::span<const std::string_view> names) {
  constexpr std::size_t kLongestName = 64;  // the time grows with the product of both lengths
  std::string_view nearest;
  std::size_t fewest = std::min<std::size_t>(3, word.size() / 3 + 1);
  for (const std::string_view name : names) {
    const std::size_t differing = word.size() > kLongestName ? fewest : differing_letters(word, name);
    if (differing >= fewest) continue;
    fewest = differing;
    nearest = name;
  }
  return nearest;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> names) {
  const std::string_view name = nearest_name(word, names);
  return name.empty() ? std::string() : "; did you mean " + std::string(name) + "?";
}

}  // namespace gauntlet::base
