#include "engine/script/json/syntax_error.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace gauntlet::engine::json {
namespace {

/// Checks JSON byte by byte in the way of Go's encoding/json, to say what it would say.
class Checker {
 public:
  explicit Checker(std::string_view text) : text_(text) {}

  /// Empty when the text is JSON. `offset` is how many bytes had been read, the offending one included.
  std::string check(std::size_t& offset) {
    skip_space();
    if (value()) {
      skip_space();
      if (at_ < text_.size()) refuse("after top-level value");
    }
    offset = at_;
    return problem_;
  }

 private:
  /// Go's own limit.
  static constexpr std::size_t kMaxDepth = 10'000;

  bool is_end() const { return at_ >= text_.size(); }
  char here() const { return text_[at_]; }
  void skip_space() {
    while (!is_end() && (here() == ' ' || here() == '\t' || here() == '\r' || here() == '\n')) ++at_;
  }

  static std::string quoted(char c) {
    if (c == '\'') return "'\\''";
    if (c == '"') return "'\"'";
    switch (c) {
      case '\n': return "'\\n'";
      case '\r': return "'\\r'";
      case '\t': return "'\\t'";
      case '\\': return "'\\\\'";
      default: break;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return fmt::format("'\\x{:02x}'", byte);
    if (byte < 0x80) return fmt::format("'{}'", c);
    // Go takes the byte for a Latin-1 character.
    return byte < 0xa0 || byte == 0xad
               ? fmt::format("'\\u00{:02x}'", byte)
               : fmt::format("'{}{}'", static_cast<char>(0xc0 | byte >> 6), static_cast<char>(0x80 | (byte & 0x3f)));
  }

  bool refuse(std::string_view context) {
    // At its end Go feeds the scanner a blank, which ends numbers and literals; inside strings and containers it says so.
    if (is_end()) return end_of_input();
    problem_ = fmt::format("invalid character {} {}", quoted(here()), context);
    ++at_;
    return false;
  }
  bool end_of_input() {
    problem_ = "unexpected end of JSON input";
    return false;
  }
  /// For numbers and literals, whose end a blank may be.
  bool refuse_or_blank(std::string_view context) {
    if (!is_end()) return refuse(context);
    problem_ = fmt::format("invalid character ' ' {}", context);
    return false;
  }

  /// One value with all that is in it. What is open is in a list, not on the stack: a stranger's text says how deep it goes.
  bool value() {
    for (;;) {
      if (is_end()) return end_of_input();
      if (here() == '{' || here() == '[') {
        if (!open()) return false;
        if (is_end()) return end_of_input();
        if (here() != closing()) {
          if (closing() == '}' && !key()) return false;
          continue;
        }
      } else if (!scalar()) {
        return false;
      }
      if (!next()) return problem_.empty();
    }
  }

  /// Past the end of a value: true where a further one begins; false at the end of all, or with a problem.
  bool next() {
    for (; !open_.empty(); open_.pop_back(), ++at_) {
      skip_space();
      if (is_end()) return end_of_input();
      if (here() == closing()) continue;
      const bool in_object = closing() == '}';
      if (here() != ',') return refuse(in_object ? "after object key:value pair" : "after array element");
      ++at_;
      skip_space();
      return !in_object || key();
    }
    return false;
  }

  char closing() const { return open_.back() == '{' ? '}' : ']'; }

  bool open() {
    if (open_.size() >= kMaxDepth) {
      problem_ = "exceeded max depth";
      return false;
    }
    open_ += here();
    ++at_;
    skip_space();
    return true;
  }

  bool key() {
    if (is_end()) return end_of_input();
    if (here() != '"') return refuse("looking for beginning of object key string");
    if (!string()) return false;
    skip_space();
    if (is_end()) return end_of_input();
    if (here() != ':') return refuse("after object key");
    ++at_;
    skip_space();
    return true;
  }

  bool scalar() {
    switch (here()) {
      case '"': return string();
      case 't': return literal("true");
      case 'f': return literal("false");
      case 'n': return literal("null");
      default: break;
    }
    if (here() == '-' || base::is_digit(here())) return number();
    return refuse("looking for beginning of value");
  }

  bool string() {
    ++at_;
    for (; !is_end(); ++at_) {
      const char c = here();
      if (c == '"') {
        ++at_;
        return true;
      }
      if (static_cast<unsigned char>(c) < 0x20) return refuse("in string literal");
      if (c != '\\') continue;
      ++at_;
      if (is_end()) return end_of_input();
      if (here() == 'u') {
        for (int i = 0; i < 4; ++i) {
          ++at_;
          if (is_end()) return end_of_input();
          if (base::hex_value(here()) < 0) return refuse("in \\u hexadecimal character escape");
        }
      } else if (std::string_view("bfnrt\\/\"").find(here()) == std::string_view::npos) {
        return refuse("in string escape code");
      }
    }
    return end_of_input();
  }

  bool literal(std::string_view word) {
    for (std::size_t i = 0; i < word.size(); ++i, ++at_) {
      if (is_end() || here() != word[i]) return refuse_or_blank(fmt::format("in literal {} (expecting '{}')", word, word[i]));
    }
    return true;
  }

  bool digits() {
    const std::size_t start = at_;
    while (!is_end() && base::is_digit(here())) ++at_;
    return at_ > start;
  }

  bool number() {
    if (here() == '-') {
      ++at_;
      if (is_end() || here() < '0' || here() > '9') return refuse_or_blank("in numeric literal");
    }
    if (here() == '0') ++at_;
    else digits();
    if (!is_end() && here() == '.') {
      ++at_;
      if (!digits()) return refuse_or_blank("after decimal point in numeric literal");
    }
    if (!is_end() && (here() == 'e' || here() == 'E')) {
      ++at_;
      if (!is_end() && (here() == '+' || here() == '-')) ++at_;
      if (!digits()) return refuse_or_blank("in exponent of numeric literal");
    }
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string open_;  // brackets and braces
  std::string problem_;
};

}  // namespace

std::string syntax_problem(std::string_view text) {
  std::size_t offset = 0;
  return Checker(text).check(offset);
}

std::string describe_syntax_error(std::string_view text) {
  std::size_t offset = 0;
  std::string problem = Checker(text).check(offset);
  if (problem.empty()) problem = "the text cannot be parsed";
  int line = 1;
  std::size_t line_start = 0;
  for (std::size_t i = 0; i < offset && i < text.size(); ++i) {
    if (text[i] != '\n') continue;
    ++line;
    line_start = i + 1;
  }
  // A line break that is itself the fault counts as the first character of the line that it begins.
  const std::size_t character = line > 1 && offset == line_start ? 1 : offset - line_start;
  return fmt::format("cannot parse json due to an error at line {}, character {} , error: {}", line, character, problem);
}

}  // namespace gauntlet::engine::json
