#pragma once
// An HTML document as a tree of nodes, parsed as browsers do (gumbo, HTML5). Immutable once parsed; any depth of
// nesting is walked without recursion, so that a hostile page cannot exhaust a virtual user's stack.
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gauntlet::engine::html {

struct Attribute {
  std::string name;
  std::string value;
};

struct Node {
  enum class Kind { document, doctype, element, text, comment };

  Kind kind = Kind::element;
  std::string name;  ///< of elements and the doctype, in lower case
  std::string text;  ///< of text and comments
  std::vector<Attribute> attributes;
  Node* parent = nullptr;
  std::size_t index = 0;  ///< among the parent's children
  std::vector<Node*> children;
  std::size_t position = 0;  ///< in document order

  bool is_element() const { return kind == Kind::element; }
  /// nullptr when there is no such attribute.
  const std::string* attribute(std::string_view name) const;
  Node* previous() const { return parent == nullptr || index == 0 ? nullptr : parent->children[index - 1]; }
  Node* next() const { return parent == nullptr || index + 1 >= parent->children.size() ? nullptr : parent->children[index + 1]; }
  Node* previous_element() const;
  Node* next_element() const;
  bool contains(const Node& other) const;
};

/// The node after `node` in document order inside `root`, or nullptr after the last one. next_outside() leaves out what
/// is below `node`.
const Node* next_in_order(const Node* node, const Node* root);
const Node* next_outside(const Node* node, const Node* root);

class Document {
 public:
  /// Text that is no HTML gives a document with that text in its body, as in browsers. nullptr when a page takes more than
  /// a second of CPU time and a fifth of one more a megabyte: it nests elements by the ten thousand. Shared: by all selections of
  /// its nodes. `room` is asked before so many further bytes are taken, and now and then for none: false ends it, with nullptr.
  using Room = std::function<bool(std::size_t bytes)>;
  static std::shared_ptr<const Document> parse(std::string_view html, const Room& room = {});

  const Node& root() const { return nodes_.front(); }
  /// What the tree takes up, about.
  std::size_t memory_bytes() const;

 private:
  std::deque<Node> nodes_;  // in document order; stay where they are
};

/// What is between the tags of `node`, with the element itself when `outer`.
std::string to_html(const Node& node, bool outer);
/// All text below `node`, or its own.
std::string to_text(const Node& node);

}  // namespace gauntlet::engine::html
