#pragma once
// Bytes of JSON compared and turned into strings, some twenty thousand times to a body: without calls where it can be.
#include <quickjs.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace gauntlet::engine::json {

inline bool is_ascii(std::string_view text) {
  const char* const bytes = text.data();
  const std::size_t size = text.size();
  std::uint64_t high = 0;
  std::size_t i = 0;
  for (; i + 32 <= size; i += 32) {
    std::array<std::uint64_t, 4> words;
    std::memcpy(words.data(), bytes + i, sizeof words);
    high |= words[0] | words[1] | words[2] | words[3];
  }
  for (; i + 8 <= size; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + i, sizeof word);
    high |= word;
  }
  for (; i < size; ++i) high |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i]));
  return (high & 0x8080808080808080ULL) == 0;
}

template <class Word>
bool has_same_ends(const char* a, const char* b, std::size_t size) {
  std::array<Word, 4> words;
  std::memcpy(&words[0], a, sizeof(Word));
  std::memcpy(&words[1], b, sizeof(Word));
  std::memcpy(&words[2], a + size - sizeof(Word), sizeof(Word));
  std::memcpy(&words[3], b + size - sizeof(Word), sizeof(Word));
  return words[0] == words[1] && words[2] == words[3];
}

/// Equality of keys.
inline bool is_same(std::string_view a, std::string_view b) {
  const std::size_t size = a.size();
  if (size != b.size()) return false;
  if (size > 16) return std::memcmp(a.data(), b.data(), size) == 0;
  if (size >= 8) return has_same_ends<std::uint64_t>(a.data(), b.data(), size);
  if (size >= 4) return has_same_ends<std::uint32_t>(a.data(), b.data(), size);
  for (std::size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

/// A string from valid UTF-8; quicker than the interpreter's constructor for long ASCII.
inline JSValue new_utf8_string(JSContext* context, std::string_view text) {
  return is_ascii(text) ? JS_NewStringASCII(context, text.data(), text.size()) : JS_NewStringLen(context, text.data(), text.size());
}

}  // namespace gauntlet::engine::json
