#pragma once
// Element objects of k6/html inside: what the methods of all elements (element.cpp) and those of single tags (tag_methods.cpp)
// share. Others make them with new_element() of selection.hpp.
#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/html/document.hpp"
#include "engine/api/html/selection.hpp"
#include "engine/script/binding.hpp"

namespace gauntlet::engine::api {

struct Element {
  std::shared_ptr<const html::Document> document;  // shared: as Selection's
  std::string url;
  const html::Node* node;
};
using ElementSelf = script::Self<Element>;

/// The methods that a tag has beyond those of all elements. Made once a process.
const std::vector<script::Member>& methods_of_tag(const std::string& tag);

/// An Element of the same document; undefined for nullptr.
JSValue new_element(const ElementSelf& self, const html::Node* node);
/// An array of them.
template <class Nodes>
JSValue new_element_list(const ElementSelf& self, const Nodes& nodes) {
  const script::Value array(self.context, JS_NewArray(self.context));
  std::uint32_t count = 0;
  for (const html::Node* node : nodes)
    JS_DefinePropertyValueUint32(self.context, array.get(), count++, new_element(self, node), JS_PROP_C_W_E);
  return array.dup();
}
JSValue new_string_list(JSContext* context, const std::vector<std::string>& texts);

/// What white space separates, as HTML has it.
std::vector<std::string> words_of(std::string_view text);

/// Descendants that `wanted` takes, in document order.
template <class Wanted>
std::vector<const html::Node*> elements_below(const html::Node& root, Wanted&& wanted) {
  std::vector<const html::Node*> found;
  for (const html::Node* node = next_in_order(&root, &root); node != nullptr; node = next_in_order(node, &root)) {
    if (node->is_element() && wanted(*node)) found.push_back(node);
  }
  return found;
}

}  // namespace gauntlet::engine::api
