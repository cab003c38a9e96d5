#pragma once
// Colours of the terminal (ECMA-48 SGR sequences), or none.
#include <string>
#include <string_view>

namespace gauntlet::engine::sinks {

class Paint {
 public:
  explicit Paint(bool color) : color_(color) {}

  std::string bold(std::string_view text) const { return in("1", text); }
  std::string dim(std::string_view text) const { return in("2", text); }
  std::string red(std::string_view text) const { return in("31", text); }
  std::string green(std::string_view text) const { return in("32", text); }
  std::string yellow(std::string_view text) const { return in("33", text); }
  std::string white(std::string_view text) const { return in("37", text); }
  std::string cyan(std::string_view text) const { return in("36", text); }
  /// `codes` as in "2;36".
  std::string in(std::string_view codes, std::string_view text) const {
    if (!color_) return std::string(text);
    return std::string("\x1b[").append(codes).append("m").append(text).append("\x1b[0m");
  }
  bool color() const { return color_; }

 private:
  bool color_;
};

/// Characters as the terminal shows them: UTF-8 sequences count as one.
inline std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  for (const char c : text) width += (static_cast<unsigned char>(c) & 0xc0U) != 0x80U ? 1U : 0U;
  return width;
}
/// Blanks that fill `text` up to `width`.
inline std::string fill(std::string_view text, std::size_t width) {
  const std::size_t has = width_of(text);
  return std::string(has < width ? width - has : 0, ' ');
}

}  // namespace gauntlet::engine::sinks
