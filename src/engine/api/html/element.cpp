// The Element API of k6/html: what each() and get() give, and the methods of all elements.
#include "engine/api/html/element.hpp"

#include <fmt/format.h>

#include "engine/api/html/patiently.hpp"
#include "engine/api/html/selector.hpp"

namespace gauntlet::engine::api {

using html::Node;
using html::Selector;
using script::Call;
using script::Value;

JSValue new_element(const ElementSelf& self, const Node* node) { return new_element(self.context, self->document, self->url, node); }

JSValue new_string_list(JSContext* context, const std::vector<std::string>& texts) {
  const Value array(context, JS_NewArray(context));
  for (std::uint32_t i = 0; i < texts.size(); ++i)
    JS_DefinePropertyValueUint32(context, array.get(), i, script::new_string(context, texts[i]), JS_PROP_C_W_E);
  return array.dup();
}

std::string attribute_or(const Node& node, std::string_view name, std::string_view otherwise) {
  const std::string* value = node.attribute(name);
  return value == nullptr ? std::string(otherwise) : *value;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" \t\n\r\f", at), text.size());
    if (end > at) out.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

namespace {

std::string node_name(const Node& node) {
  switch (node.kind) {
    case Node::Kind::document: return "#document";
    case Node::Kind::text: return "#text";
    case Node::Kind::comment: return "#comment";
    case Node::Kind::doctype:
    case Node::Kind::element: return node.name;
  }
  return {};
}

Value new_attribute(const ElementSelf& self, const html::Attribute& attribute) {
  Value object(self.context, JS_NewObject(self.context));
  object.set("name", attribute.name);
  object.set("value", attribute.value);
  object.set("owner_element", Value::copy(self.context, self.value));
  return object;
}

JSValue attributes(ElementSelf self, Call) {
  Value object(self.context, JS_NewObject(self.context));
  for (const html::Attribute& each : self->node->attributes) object.set(each.name, new_attribute(self, each));
  return object.release();
}
JSValue child_element_count(ElementSelf self, Call) {
  return JS_NewInt64(self.context, std::count_if(self->node->children.begin(), self->node->children.end(),
                                                 [](const Node* each) { return each->is_element(); }));
}
JSValue child_nodes(ElementSelf self, Call) { return new_element_list(self, self->node->children); }
JSValue children(ElementSelf self, Call) {
  std::vector<const Node*> found;
  std::copy_if(self->node->children.begin(), self->node->children.end(), std::back_inserter(found),
               [](const Node* each) { return each->is_element(); });
  return new_element_list(self, found);
}
JSValue class_list(ElementSelf self, Call) { return new_string_list(self.context, words_of(attribute_or(*self->node, "class"))); }
JSValue class_name(ElementSelf self, Call) {
  const std::string* value = self->node->attribute("class");
  return value == nullptr ? JS_UNDEFINED : script::new_string(self.context, *value);
}
JSValue contains(ElementSelf self, Call call) {
  const Element* other = script::Class<Element>::of(call.arg(0));
  return JS_NewBool(self.context, other != nullptr && self->node->contains(*other->node));
}
JSValue first_child(ElementSelf self, Call) {
  return new_element(self, self->node->children.empty() ? nullptr : self->node->children.front());
}
JSValue last_child(ElementSelf self, Call) {
  return new_element(self, self->node->children.empty() ? nullptr : self->node->children.back());
}
JSValue first_element_child(ElementSelf self, Call) {
  const auto& all = self->node->children;
  const auto found = std::find_if(all.begin(), all.end(), [](const Node* each) { return each->is_element(); });
  return new_element(self, found == all.end() ? nullptr : *found);
}
JSValue last_element_child(ElementSelf self, Call) {
  const auto& all = self->node->children;
  const auto found = std::find_if(all.rbegin(), all.rend(), [](const Node* each) { return each->is_element(); });
  return new_element(self, found == all.rend() ? nullptr : *found);
}
JSValue get_attribute(ElementSelf self, Call call) {
  const script::Text name(self.context, call.arg(0));
  const std::string* value = self->node->attribute(name.view());
  return value == nullptr ? JS_UNDEFINED : script::new_string(self.context, *value);
}
JSValue get_attribute_node(ElementSelf self, Call call) {
  const script::Text name(self.context, call.arg(0));
  for (const html::Attribute& each : self->node->attributes) {
    if (each.name == name.view()) return new_attribute(self, each).release();
  }
  return JS_UNDEFINED;
}
JSValue get_elements_by_class_name(ElementSelf self, Call call) {
  const auto wanted = words_of(script::Text(self.context, call.arg(0)));
  return new_element_list(self, elements_below(*self->node, [&](const Node& node) {
                            const auto have = words_of(attribute_or(node, "class"));
                            return !wanted.empty() && std::all_of(wanted.begin(), wanted.end(), [&](const auto& each) {
                              return std::find(have.begin(), have.end(), each) != have.end();
                            });
                          }));
}
JSValue get_elements_by_tag_name(ElementSelf self, Call call) {
  const script::Text name(self.context, call.arg(0));
  return new_element_list(self,
                          elements_below(*self->node, [&](const Node& node) { return name.view() == "*" || node.name == name.view(); }));
}
JSValue has_attribute(ElementSelf self, Call call) {
  const script::Text name(self.context, call.arg(0));
  return JS_NewBool(self.context, self->node->attribute(name.view()) != nullptr);
}
JSValue has_attributes(ElementSelf self, Call) { return JS_NewBool(self.context, !self->node->attributes.empty()); }
JSValue has_child_nodes(ElementSelf self, Call) { return JS_NewBool(self.context, !self->node->children.empty()); }
JSValue id(ElementSelf self, Call) { return script::new_string(self.context, attribute_or(*self->node, "id")); }
JSValue inner_html(ElementSelf self, Call) { return script::new_string(self.context, to_html(*self->node, false)); }
JSValue is_default_namespace(ElementSelf, Call) { return JS_TRUE; }
JSValue is_equal_node(ElementSelf self, Call call) {
  const Element* other = script::Class<Element>::of(call.arg(0));
  return JS_NewBool(self.context, other != nullptr && to_html(*self->node, true) == to_html(*other->node, true));
}
JSValue is_same_node(ElementSelf self, Call call) {
  const Element* other = script::Class<Element>::of(call.arg(0));
  return JS_NewBool(self.context, other != nullptr && self->node == other->node);
}
JSValue lang(ElementSelf self, Call) {
  const std::string* value = self->node->attribute("lang");
  return value == nullptr ? JS_UNDEFINED : script::new_string(self.context, *value);
}
JSValue matches(ElementSelf self, Call call) {
  const auto selector = Selector::parse(script::Text(self.context, call.arg(0)));
  return JS_NewBool(self.context, selector && self->node->is_element() && selector->matches(*self->node));
}
JSValue namespace_uri(ElementSelf self, Call) { return script::new_string(self.context, "http://www.w3.org/1999/xhtml"); }
JSValue next_element_sibling(ElementSelf self, Call) { return new_element(self, self->node->next_element()); }
JSValue next_sibling(ElementSelf self, Call) { return new_element(self, self->node->next()); }
JSValue node_name_of(ElementSelf self, Call) { return script::new_string(self.context, node_name(*self->node)); }
JSValue node_type(ElementSelf self, Call) {
  switch (self->node->kind) {
    case Node::Kind::element: return JS_NewInt32(self.context, 1);
    case Node::Kind::text: return JS_NewInt32(self.context, 3);
    case Node::Kind::comment: return JS_NewInt32(self.context, 8);
    case Node::Kind::document: return JS_NewInt32(self.context, 9);
    case Node::Kind::doctype: return JS_NewInt32(self.context, 10);
  }
  return JS_UNDEFINED;
}
JSValue node_value(ElementSelf self, Call) {
  return self->node->kind == Node::Kind::text || self->node->kind == Node::Kind::comment
             ? script::new_string(self.context, self->node->text)
             : JS_UNDEFINED;
}
JSValue owner_document(ElementSelf self, Call) { return new_element(self, &self->document->root()); }
JSValue parent_element(ElementSelf self, Call) {
  const Node* parent = self->node->parent;
  return new_element(self, parent != nullptr && parent->is_element() ? parent : nullptr);
}
JSValue parent_node(ElementSelf self, Call) { return new_element(self, self->node->parent); }
JSValue previous_element_sibling(ElementSelf self, Call) { return new_element(self, self->node->previous_element()); }
JSValue previous_sibling(ElementSelf self, Call) { return new_element(self, self->node->previous()); }
JSValue query_selector_all(ElementSelf self, Call call) {
  const auto selector = Selector::parse(script::Text(self.context, call.arg(0)));
  return new_element_list(self, selector ? selector->find_all(*self->node) : std::vector<const Node*>());
}
JSValue query_selector(ElementSelf self, Call call) {
  const auto selector = Selector::parse(script::Text(self.context, call.arg(0)));
  const auto found = selector ? selector->find_all(*self->node) : std::vector<const Node*>();
  return new_element(self, found.empty() ? nullptr : found.front());
}
JSValue selection(ElementSelf self, Call) {
  auto made = std::make_unique<Selection>();
  made->document = self->document;
  made->url = self->url;
  made->nodes = {self->node};
  return new_selection(self.context, std::move(made));
}
JSValue text_content(ElementSelf self, Call) { return script::new_string(self.context, to_text(*self->node)); }
JSValue to_string(ElementSelf self, Call) {
  return script::new_string(self.context,
                            self->node->is_element() ? "[object html.Node]" : fmt::format("[object {}]", node_name(*self->node)));
}

const script::Member kElement[] = {
    script::method<&attributes>("attributes", 0),
    script::method<&child_element_count>("childElementCount", 0),
    script::method<&child_nodes>("childNodes", 0),
    script::method<&children>("children", 0),
    script::method<&class_list>("classList", 0),
    script::method<&class_name>("className", 0),
    script::method<&contains>("contains", 1),
    script::method<&first_child>("firstChild", 0),
    script::method<&first_element_child>("firstElementChild", 0),
    script::method<&get_attribute>("getAttribute", 1),
    script::method<&get_attribute_node>("getAttributeNode", 1),
    script::method<&get_elements_by_class_name>("getElementsByClassName", 1),
    script::method<&get_elements_by_tag_name>("getElementsByTagName", 1),
    script::method<&has_attribute>("hasAttribute", 1),
    script::method<&has_attributes>("hasAttributes", 0),
    script::method<&has_child_nodes>("hasChildNodes", 0),
    script::method<&id>("id", 0),
    script::method<&inner_html>("innerHTML", 0),
    script::method<&is_default_namespace>("isDefaultNamespace", 0),
    script::method<&is_equal_node>("isEqualNode", 1),
    script::method<&is_same_node>("isSameNode", 1),
    script::method<&lang>("lang", 0),
    script::method<&last_child>("lastChild", 0),
    script::method<&last_element_child>("lastElementChild", 0),
    script::method<&patiently<ElementSelf, &matches>>("matches", 1),
    script::method<&namespace_uri>("namespaceURI", 0),
    script::method<&next_element_sibling>("nextElementSibling", 0),
    script::method<&next_sibling>("nextSibling", 0),
    script::method<&node_name_of>("nodeName", 0),
    script::method<&node_type>("nodeType", 0),
    script::method<&node_value>("nodeValue", 0),
    script::method<&owner_document>("ownerDocument", 0),
    script::method<&parent_element>("parentElement", 0),
    script::method<&parent_node>("parentNode", 0),
    script::method<&previous_element_sibling>("previousElementSibling", 0),
    script::method<&previous_sibling>("previousSibling", 0),
    script::method<&patiently<ElementSelf, &query_selector>>("querySelector", 1),
    script::method<&patiently<ElementSelf, &query_selector_all>>("querySelectorAll", 1),
    script::method<&selection>("selection", 0),
    script::method<&text_content>("textContent", 0),
    script::method<&to_string>("toString", 0),
};

}  // namespace

JSValue new_element(JSContext* context, std::shared_ptr<const html::Document> document, const std::string& url, const Node* node) {
  if (node == nullptr) return JS_UNDEFINED;
  script::Class<Element>::define(context, "Object", kElement);
  const JSValue object = script::Class<Element>::create(context, std::make_unique<Element>(Element{std::move(document), url, node}));
  const auto& extra = methods_of_tag(node->name);
  if (!JS_IsException(object) && !extra.empty()) JS_SetPropertyFunctionList(context, object, extra.data(), static_cast<int>(extra.size()));
  return object;
}

}  // namespace gauntlet::engine::api
