#include "engine/api/html/selector.hpp"

#include <algorithm>
#include <cctype>
#include <regex>
#include <string>

#include "base/text.hpp"
#include "engine/api/html/patience.hpp"

namespace gauntlet::engine::html {
namespace {

constexpr int kMaxDepth = 32;                 // of :not(:has(...)) and their kind
constexpr std::size_t kMaxRegexInput = 4096;  // std::regex descends recursively, a step a character

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }
bool is_name_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || (c & 0x80) != 0; }

bool has_word(std::string_view list, std::string_view word) {
  for (std::size_t at = 0; at < list.size();) {
    while (at < list.size() && is_space(list[at])) ++at;
    std::size_t end = at;
    while (end < list.size() && !is_space(list[end])) ++end;
    if (end > at && list.substr(at, end - at) == word) return true;
    at = end;
  }
  return false;
}

std::string own_text(const Node& node) {
  std::string out;
  for (const Node* child : node.children) {
    if (child->kind == Node::Kind::text) out += child->text;
  }
  return out;
}

bool is_one_of(std::string_view name, std::initializer_list<const char*> names) {
  return std::any_of(names.begin(), names.end(), [&](const char* each) { return name == each; });
}

}  // namespace

enum class PseudoKind {
  empty,
  root,
  only_child,
  only_of_type,
  nth,
  input,
  link,
  enabled,
  disabled,
  checked,
  negation,
  has,
  has_child,
  contains,
  contains_own,
  matches,
  matches_own,
  lang,
};

struct Pseudo {
  PseudoKind kind;
  std::shared_ptr<const Selector> inner;  // shared: simple selectors are copied while they are collected
  std::string text;
  std::shared_ptr<const std::regex> pattern;  // shared: as inner
  int step = 0;
  int offset = 0;
  bool from_end = false;
  bool of_type = false;
};

struct AttributeTest {
  std::string name;
  char operation = 0;  // 0 for presence, else the first character of the operator, '#' for a pattern
  std::string value;
  std::shared_ptr<const std::regex> pattern;  // shared: as Pseudo's
};

struct Selector::Compound {
  std::string name;  // empty for any
  std::string id;
  std::vector<std::string> classes;
  std::vector<AttributeTest> attributes;
  std::vector<Pseudo> pseudos;
};

struct Selector::Complex {
  std::vector<Compound> compounds;
  std::string combinators;  // combinators[i] stands between compounds i and i + 1
};

Selector::Selector() = default;
Selector::Selector(Selector&&) noexcept = default;
Selector& Selector::operator=(Selector&&) noexcept = default;
Selector::~Selector() = default;

namespace {

bool matches_pattern(const std::regex& pattern, std::string_view text) {
  Patience::step(Patience::kSteps);
  return std::regex_search(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(std::min(text.size(), kMaxRegexInput)), pattern);
}

bool matches(const AttributeTest& test, const Node& element) {
  const std::string* value = element.attribute(test.name);
  if (test.operation == '!') return value == nullptr || *value != test.value;
  if (value == nullptr) return false;
  switch (test.operation) {
    case 0: return true;
    case '=': return *value == test.value;
    case '~': return has_word(*value, test.value);
    case '|': return *value == test.value || value->starts_with(test.value + "-");
    case '^': return !test.value.empty() && value->starts_with(test.value);
    case '$': return !test.value.empty() && value->ends_with(test.value);
    case '*': return !test.value.empty() && value->find(test.value) != std::string::npos;
    case '#': return matches_pattern(*test.pattern, *value);
    default: return false;
  }
}

bool matches_nth(const Pseudo& pseudo, const Node& element) {
  if (element.parent == nullptr) return false;
  int count = 1;
  const auto step_on = [&](const Node* node) { return pseudo.from_end ? node->next_element() : node->previous_element(); };
  for (const Node* node = step_on(&element); node != nullptr; node = step_on(node)) {
    if (!pseudo.of_type || node->name == element.name) ++count;
  }
  const int distance = count - pseudo.offset;
  return pseudo.step == 0 ? distance == 0 : distance % pseudo.step == 0 && distance / pseudo.step >= 0;
}

bool is_only(const Node& element, bool of_type) {
  if (element.parent == nullptr) return false;
  Patience::step(element.parent->children.size());
  return std::count_if(element.parent->children.begin(), element.parent->children.end(),
                       [&](const Node* each) { return each->is_element() && (!of_type || each->name == element.name); }) == 1;
}

bool has_language(const Node& element, std::string_view wanted) {
  for (const Node* node = &element; node != nullptr; node = node->parent) {
    if (const std::string* lang = node->attribute("lang")) return *lang == wanted || lang->starts_with(std::string(wanted) + "-");
  }
  return false;
}

bool matches(const Pseudo& pseudo, const Node& element) {
  const std::string& name = element.name;
  switch (pseudo.kind) {
    case PseudoKind::empty:
      return std::none_of(element.children.begin(), element.children.end(),
                          [](const Node* each) { return each->is_element() || each->kind == Node::Kind::text; });
    case PseudoKind::root: return element.parent != nullptr && element.parent->kind == Node::Kind::document;
    case PseudoKind::only_child: return is_only(element, false);
    case PseudoKind::only_of_type: return is_only(element, true);
    case PseudoKind::nth: return matches_nth(pseudo, element);
    case PseudoKind::input: return is_one_of(name, {"input", "select", "textarea", "button"});
    case PseudoKind::link: return is_one_of(name, {"a", "area", "link"}) && element.attribute("href") != nullptr;
    case PseudoKind::enabled:
      if (is_one_of(name, {"a", "area", "link"})) return element.attribute("href") != nullptr;
      return is_one_of(name, {"optgroup", "menuitem", "fieldset", "button", "input", "select", "textarea", "option"}) &&
             element.attribute("disabled") == nullptr;
    case PseudoKind::disabled:
      return is_one_of(name, {"optgroup", "menuitem", "fieldset", "button", "input", "select", "textarea", "option"}) &&
             element.attribute("disabled") != nullptr;
    case PseudoKind::checked: {
      const std::string* type = element.attribute("type");
      if (name == "input") return type != nullptr && is_one_of(*type, {"checkbox", "radio"}) && element.attribute("checked") != nullptr;
      return name == "option" && element.attribute("selected") != nullptr;
    }
    case PseudoKind::negation: return !pseudo.inner->matches(element);
    case PseudoKind::has: return !pseudo.inner->find_all(element).empty();
    case PseudoKind::has_child:
      return std::any_of(element.children.begin(), element.children.end(),
                         [&](const Node* each) { return each->is_element() && pseudo.inner->matches(*each); });
    case PseudoKind::contains: return base::lower_case(to_text(element)).find(pseudo.text) != std::string::npos;
    case PseudoKind::contains_own: return base::lower_case(own_text(element)).find(pseudo.text) != std::string::npos;
    case PseudoKind::matches: return matches_pattern(*pseudo.pattern, to_text(element));
    case PseudoKind::matches_own: return matches_pattern(*pseudo.pattern, own_text(element));
    case PseudoKind::lang: return has_language(element, pseudo.text);
  }
  return false;
}

bool matches(const Selector::Compound& compound, const Node& element) {
  Patience::step(1 + compound.classes.size() + compound.attributes.size() + compound.pseudos.size());
  if (!compound.name.empty() && compound.name != element.name) return false;
  if (!compound.id.empty()) {
    const std::string* id = element.attribute("id");
    if (id == nullptr || *id != compound.id) return false;
  }
  for (const std::string& each : compound.classes) {
    const std::string* list = element.attribute("class");
    if (list == nullptr || !has_word(*list, each)) return false;
  }
  return std::all_of(compound.attributes.begin(), compound.attributes.end(), [&](const auto& test) { return matches(test, element); }) &&
         std::all_of(compound.pseudos.begin(), compound.pseudos.end(), [&](const auto& pseudo) { return matches(pseudo, element); });
}

/// Whether the compounds up to `last` lead to `element`, from right to left.
bool matches(const Selector::Complex& complex, std::size_t last, const Node& element) {
  if (!matches(complex.compounds[last], element)) return false;
  if (last == 0) return true;
  switch (complex.combinators[last - 1]) {
    case '>': return element.parent != nullptr && element.parent->is_element() && matches(complex, last - 1, *element.parent);
    case '+': {
      const Node* before = element.previous_element();
      return before != nullptr && matches(complex, last - 1, *before);
    }
    case '~':
      for (const Node* node = element.previous_element(); node != nullptr; node = node->previous_element()) {
        if (matches(complex, last - 1, *node)) return true;
      }
      return false;
    default:
      for (const Node* node = element.parent; node != nullptr; node = node->parent) {
        if (node->is_element() && matches(complex, last - 1, *node)) return true;
      }
      return false;
  }
}

}  // namespace

class SelectorParser {
 public:
  SelectorParser(std::string_view text, int depth) : text_(text), depth_(depth) {}

  std::optional<Selector> parse_all() {
    auto selector = parse_group();
    return failed_ || at_ < text_.size() ? std::nullopt : std::optional<Selector>(std::move(selector));
  }

 private:
  static constexpr std::size_t kMaxCompounds = 64;

  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  void skip_space() {
    while (is_space(peek())) ++at_;
  }
  bool take(char c) {
    if (peek() != c || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }

  Selector parse_group() {
    Selector selector;
    do {
      selector.alternatives_.push_back(parse_complex());
      skip_space();
    } while (!failed_ && take(','));
    return selector;
  }

  Selector::Complex parse_complex() {
    Selector::Complex complex;
    skip_space();
    for (;;) {
      complex.compounds.push_back(parse_compound());
      if (failed_ || complex.compounds.size() > kMaxCompounds) {
        failed_ = true;
        return complex;
      }
      const bool spaced = is_space(peek());
      skip_space();
      const char c = peek();
      if (c == '\0' || c == ',' || c == ')') return complex;
      if (c == '>' || c == '+' || c == '~') {
        ++at_;
        skip_space();
        complex.combinators += c;
      } else if (spaced) {
        complex.combinators += ' ';
      } else {
        failed_ = true;
        return complex;
      }
    }
  }

  Selector::Compound parse_compound() {
    Selector::Compound compound;
    const std::size_t begin = at_;
    if (!take('*') && (is_name_character(peek()) || peek() == '\\')) compound.name = base::lower_case(parse_name());
    while (!failed_) {
      if (take('#')) compound.id = parse_name();
      else if (take('.')) compound.classes.push_back(parse_name());
      else if (take('[')) compound.attributes.push_back(parse_attribute());
      else if (take(':')) compound.pseudos.push_back(parse_pseudo());
      else break;
    }
    if (at_ == begin) failed_ = true;
    return compound;
  }

  std::string parse_name() {
    std::string name;
    while (at_ < text_.size()) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) name += text_[++at_];
      else if (is_name_character(text_[at_])) name += text_[at_];
      else break;
      ++at_;
    }
    if (name.empty()) failed_ = true;
    return name;
  }

  std::string parse_quoted() {
    const char quote = text_[at_++];
    std::string value;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      value += text_[at_++];
    }
    if (!take(quote)) failed_ = true;
    return value;
  }

  std::shared_ptr<const std::regex> parse_pattern(const std::string& text) {
    try {
      // Whose time does not grow exponentially with the text; Go's have no back references either.
      return std::make_shared<const std::regex>(text, std::regex::ECMAScript | std::regex_constants::__polynomial);
    } catch (const std::regex_error&) {
      failed_ = true;
      return nullptr;
    }
  }

  /// Up to the bracket that closes what is open, which is taken too.
  std::string parse_until(char close) {
    std::string value;
    int depth = 0;
    const char open = close == ')' ? '(' : '[';
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == open) ++depth;
      if (text_[at_] == close && depth-- == 0) break;
      value += text_[at_];
    }
    if (!take(close)) failed_ = true;
    return value;
  }

  AttributeTest parse_attribute() {
    AttributeTest test;
    skip_space();
    test.name = base::lower_case(parse_name());
    skip_space();
    if (take(']')) return test;
    test.operation = peek();
    ++at_;
    if (test.operation != '=' && !take('=')) failed_ = true;
    if (std::string_view("=~|^$*!#").find(test.operation) == std::string_view::npos) failed_ = true;
    if (failed_) return test;
    skip_space();
    if (test.operation == '#') {
      test.pattern = parse_pattern(parse_until(']'));
      return test;
    }
    test.value = peek() == '"' || peek() == '\'' ? parse_quoted() : parse_name();
    skip_space();
    if (!take(']')) failed_ = true;
    return test;
  }

  Pseudo nth(int step, int offset, bool from_end, bool of_type) {
    Pseudo pseudo{PseudoKind::nth, nullptr, {}, nullptr};
    pseudo.step = step;
    pseudo.offset = offset;
    pseudo.from_end = from_end;
    pseudo.of_type = of_type;
    return pseudo;
  }

  Pseudo parse_pseudo() {
    const std::string name = base::lower_case(parse_name());
    if (name == "first-child") return nth(0, 1, false, false);
    if (name == "last-child") return nth(0, 1, true, false);
    if (name == "first-of-type") return nth(0, 1, false, true);
    if (name == "last-of-type") return nth(0, 1, true, true);
    struct Plain {
      const char* name;
      PseudoKind kind;
    };
    static constexpr Plain kPlain[] = {{"empty", PseudoKind::empty},           {"root", PseudoKind::root},
                                       {"only-child", PseudoKind::only_child}, {"only-of-type", PseudoKind::only_of_type},
                                       {"input", PseudoKind::input},           {"link", PseudoKind::link},
                                       {"enabled", PseudoKind::enabled},       {"disabled", PseudoKind::disabled},
                                       {"checked", PseudoKind::checked}};
    for (const Plain& each : kPlain) {
      if (name == each.name) return {each.kind, nullptr, {}, nullptr};
    }
    if (failed_ || !take('(')) {
      failed_ = true;
      return nth(0, 0, false, false);
    }
    return parse_function(name);
  }

  Pseudo parse_function(const std::string& name) {
    Pseudo pseudo{PseudoKind::empty, nullptr, {}, nullptr};
    if (name == "not" || name == "has" || name == "haschild") {
      pseudo.kind = name == "not" ? PseudoKind::negation : name == "has" ? PseudoKind::has : PseudoKind::has_child;
      SelectorParser inner(parse_until(')'), depth_ + 1);
      auto selector = depth_ < kMaxDepth ? inner.parse_all() : std::nullopt;
      if (selector) pseudo.inner = std::make_shared<const Selector>(std::move(*selector));
      else failed_ = true;
    } else if (name == "contains" || name == "containsown") {
      pseudo.kind = name == "contains" ? PseudoKind::contains : PseudoKind::contains_own;
      skip_space();
      if (peek() == '"' || peek() == '\'') {
        pseudo.text = base::lower_case(parse_quoted());
        skip_space();
        if (!take(')')) failed_ = true;
      } else {
        pseudo.text = base::lower_case(parse_until(')'));
      }
    } else if (name == "matches" || name == "matchesown") {
      pseudo.kind = name == "matches" ? PseudoKind::matches : PseudoKind::matches_own;
      pseudo.pattern = parse_pattern(parse_until(')'));
    } else if (name == "lang") {
      pseudo.kind = PseudoKind::lang;
      pseudo.text = parse_until(')');
    } else if (name == "nth-child" || name == "nth-last-child" || name == "nth-of-type" || name == "nth-last-of-type") {
      pseudo = parse_nth(parse_until(')'));
      pseudo.from_end = name.find("last") != std::string::npos;
      pseudo.of_type = name.ends_with("of-type");
    } else {
      failed_ = true;
    }
    return pseudo;
  }

  /// "odd", "even", "3", "2n+1", "-n + 2"
  Pseudo parse_nth(const std::string& given) {
    std::string text;
    for (const char c : base::lower_case(given)) {
      if (!is_space(c)) text += c;
    }
    if (text == "odd") return nth(2, 1, false, false);
    if (text == "even") return nth(2, 0, false, false);
    static const std::regex kForm("([+-]?[0-9]{0,6})n([+-][0-9]{1,6})?|([+-]?[0-9]{1,6})");
    std::smatch parts;
    if (!std::regex_match(text, parts, kForm)) {
      failed_ = true;
      return nth(0, 0, false, false);
    }
    if (parts[3].matched) return nth(0, std::stoi(parts[3]), false, false);
    const std::string step = parts[1];
    const int factor = step.empty() || step == "+" ? 1 : step == "-" ? -1 : std::stoi(step);
    return nth(factor, parts[2].matched ? std::stoi(parts[2]) : 0, false, false);
  }

  std::string text_;
  int depth_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

std::optional<Selector> Selector::parse(std::string_view text) { return SelectorParser(text, 0).parse_all(); }

bool Selector::matches(const Node& element) const {
  return std::any_of(alternatives_.begin(), alternatives_.end(),
                     [&](const Complex& complex) { return html::matches(complex, complex.compounds.size() - 1, element); });
}

std::vector<const Node*> Selector::find_all(const Node& root) const {
  std::vector<const Node*> found;
  for (const Node* node = next_in_order(&root, &root); node != nullptr; node = next_in_order(node, &root)) {
    if (node->is_element() && matches(*node)) found.push_back(node);
  }
  return found;
}

}  // namespace gauntlet::engine::html
