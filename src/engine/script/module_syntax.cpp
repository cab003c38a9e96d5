#include "engine/script/module_syntax.hpp"

#include <array>
#include <cctype>
#include <cstddef>
#include <vector>

namespace gauntlet::engine::script {
namespace {

bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' || (c & 0x80) != 0; }

/// After one of these words a slash starts a regular expression.
bool wants_operand(std::string_view word) {
  static constexpr std::array kWords = {"return", "typeof", "case",       "in",   "of", "delete", "void",
                                        "throw",  "new",    "instanceof", "else", "do", "yield",  "await"};
  for (const char* candidate : kWords) {
    if (word == candidate) return true;
  }
  return false;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool finds_module_syntax() {
    skip_hashbang();
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (std::isspace(static_cast<unsigned char>(c)) != 0) {
        ++at_;
      } else if (c == '/' && (peek(1) == '/' || peek(1) == '*')) {
        skip_comment();
      } else if (c == '"' || c == '\'') {
        skip_string(c);
        operand_before_ = true;
      } else if (c == '`') {
        ++at_;
        skip_template();
      } else if (c == '/') {
        if (operand_before_) {
          ++at_;
          operand_before_ = false;
        } else {
          skip_regular_expression();
          operand_before_ = true;
        }
      } else if (is_name(c)) {
        if (word_is_module_syntax()) return true;
      } else {
        punctuation(c);
      }
    }
    return false;
  }

 private:
  char peek(std::size_t ahead) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void skip_hashbang() {
    if (text_.substr(0, 2) == "#!") at_ = std::min(text_.find('\n'), text_.size());
  }

  void skip_comment() {
    const bool line = peek(1) == '/';
    const std::size_t end = line ? text_.find('\n', at_) : text_.find("*/", at_ + 2);
    at_ = end == std::string_view::npos ? text_.size() : end + (line ? 1 : 2);
  }

  void skip_string(char quote) {
    for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    ++at_;
  }

  /// Up to the closing backtick, or into a `${`, whose closing brace leads back here.
  void skip_template() {
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == '`') {
        ++at_;
        operand_before_ = true;
        return;
      } else if (text_[at_] == '$' && peek(1) == '{') {
        at_ += 2;
        template_depths_.push_back(depth_++);
        operand_before_ = false;
        return;
      }
    }
  }

  void skip_regular_expression() {
    bool in_class = false;
    for (++at_; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
      const char c = text_[at_];
      if (c == '\\') {
        ++at_;
      } else if (c == '[') {
        in_class = true;
      } else if (c == ']') {
        in_class = false;
      } else if (c == '/' && !in_class) {
        ++at_;
        return;
      }
    }
  }

  void punctuation(char c) {
    ++at_;
    if (c == '{' || c == '(' || c == '[') ++depth_;
    if (c == '}' || c == ')' || c == ']') {
      --depth_;
      if (c == '}' && !template_depths_.empty() && template_depths_.back() == depth_) {
        template_depths_.pop_back();
        skip_template();
        return;
      }
    }
    operand_before_ = c == ')' || c == ']' || c == '}';
    after_dot_ = c == '.';
  }

  bool word_is_module_syntax() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_name(text_[at_])) ++at_;
    const std::string_view word = text_.substr(begin, at_ - begin);
    const bool member = after_dot_;
    after_dot_ = false;
    operand_before_ = !wants_operand(word);
    if (member) return false;
    if (word != "import" && word != "export") return false;
    std::size_t next = at_;
    while (next < text_.size() && std::isspace(static_cast<unsigned char>(text_[next])) != 0) ++next;
    const char follows = next < text_.size() ? text_[next] : '\0';
    if (word == "import") {
      if (follows == '.') return true;  // import.meta
      return depth_ == 0 && follows != '(' && follows != ':' && follows != '=';
    }
    return depth_ == 0 && (follows == '{' || follows == '*' || is_name(follows));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::vector<int> template_depths_;
  bool operand_before_ = false;  // what came last is a value, so a slash divides
  bool after_dot_ = false;
};

}  // namespace

bool is_es_module(std::string_view text) { return Scanner(text).finds_module_syntax(); }

}  // namespace gauntlet::engine::script
