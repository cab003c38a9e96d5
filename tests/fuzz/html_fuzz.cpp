// Pages and selectors of scripts: any page becomes a tree, any text a selector or none, and what is found matches.
#include "engine/api/html/document.hpp"
#include "engine/api/html/selector.hpp"
#include "fuzz/bytes.hpp"

using namespace gauntlet;
using namespace gauntlet::engine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes bytes(data, size);
  const std::string_view selector_text = bytes.line();
  const auto selector = html::Selector::parse(selector_text);
  const auto document = html::Document::parse(bytes.rest().substr(0, 16'384));
  if (document == nullptr) return 0;
  std::size_t position = 0;
  for (const html::Node* node = &document->root(); node != nullptr; node = html::next_in_order(node, &document->root())) {
    fuzz::require(node->position > position, "nodes are in the order of the document");
    position = node->position;
    if (node->parent != nullptr) fuzz::require(node->parent->children.at(node->index) == node, "a parent knows its children");
  }
  static_cast<void>(html::to_html(document->root(), true));
  static_cast<void>(html::to_text(document->root()));
  if (!selector) return 0;
  const html::Node* last = nullptr;
  for (const html::Node* found : selector->find_all(document->root())) {
    fuzz::require(found->is_element() && selector->matches(*found), "what is found is an element that matches");
    fuzz::require(last == nullptr || last->position < found->position, "each is found once, in the order of the document");
    last = found;
  }
  return 0;
}
