// The Element API of k6/html: what each() and get() give. Methods of all elements, and tables of those that only some
// tags have, most of which read an attribute.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>

#include "engine/html/selector.hpp"
#include "engine/js/binding.hpp"
#include "engine/modules/html.hpp"
#include "engine/net/url.hpp"

namespace gauntlet::engine::modules {
namespace {

using html::Node;
using html::Selector;
using js::Call;
using js::Self;
using js::Value;

struct Element {
  std::shared_ptr<const html::Document> document;  // shared: as Selection's
  std::string url;
  const Node* node;
};
using This = Self<Element>;

JSValue string(JSContext* context, std::string_view text) { return js::new_string(context, text); }
JSValue element(const This& self, const Node* node) {
  return new_element(self.context, self->document, self->url, node);
}

template <class Nodes>
JSValue list(const This& self, const Nodes& nodes) {
  const Value array(self.context, JS_NewArray(self.context));
  std::uint32_t count = 0;
  for (const Node* node : nodes) JS_SetPropertyUint32(self.context, array.get(), count++, element(self, node));
  return array.dup();
}

std::string attribute_or(const Node& node, std::string_view name, std::string_view otherwise = "") {
  const std::string* value = node.attribute(name);
  return value == nullptr ? std::string(otherwise) : *value;
}

/// Descendants that `wanted` takes, in document order.
template <class Wanted>
std::vector<const Node*> below(const Node& root, Wanted&& wanted) {
  std::vector<const Node*> found;
  for (const Node* node = next_in_order(&root, &root); node != nullptr; node = next_in_order(node, &root)) {
    if (node->is_element() && wanted(*node)) found.push_back(node);
  }
  return found;
}

const Node* ancestor(const Node& node, std::string_view name) {
  for (const Node* at = node.parent; at != nullptr; at = at->parent) {
    if (at->name == name) return at;
  }
  return nullptr;
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" \t\n\r\f", at), text.size());
    if (end > at) out.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

JSValue strings(JSContext* context, const std::vector<std::string>& texts) {
  const Value array(context, JS_NewArray(context));
  for (std::uint32_t i = 0; i < texts.size(); ++i)
    JS_SetPropertyUint32(context, array.get(), i, string(context, texts[i]));
  return array.dup();
}

// All elements

std::string node_name(const Node& node) {
  switch (node.kind) {
    case Node::Kind::document:
      return "#document";
    case Node::Kind::text:
      return "#text";
    case Node::Kind::comment:
      return "#comment";
    case Node::Kind::doctype:
    case Node::Kind::element:
      return node.name;
  }
  return {};
}

Value new_attribute(const This& self, const html::Attribute& attribute) {
  Value object(self.context, JS_NewObject(self.context));
  object.set("name", attribute.name);
  object.set("value", attribute.value);
  object.set("owner_element", Value::copy(self.context, self.value));
  return object;
}

JSValue attributes(This self, Call) {
  Value object(self.context, JS_NewObject(self.context));
  for (const html::Attribute& each : self->node->attributes) object.set(each.name.c_str(), new_attribute(self, each));
  return object.release();
}
JSValue child_element_count(This self, Call) {
  return JS_NewInt64(self.context, std::count_if(self->node->children.begin(), self->node->children.end(),
                                                 [](const Node* each) { return each->is_element(); }));
}
JSValue child_nodes(This self, Call) { return list(self, self->node->children); }
JSValue children(This self, Call) {
  std::vector<const Node*> found;
  std::copy_if(self->node->children.begin(), self->node->children.end(), std::back_inserter(found),
               [](const Node* each) { return each->is_element(); });
  return list(self, found);
}
JSValue class_list(This self, Call) { return strings(self.context, words(attribute_or(*self->node, "class"))); }
JSValue class_name(This self, Call) {
  const std::string* value = self->node->attribute("class");
  return value == nullptr ? JS_UNDEFINED : string(self.context, *value);
}
JSValue contains(This self, Call call) {
  const Element* other = js::Class<Element>::of(call.arg(0));
  return JS_NewBool(self.context, other != nullptr && self->node->contains(*other->node));
}
JSValue first_child(This self, Call) {
  return element(self, self->node->children.empty() ? nullptr : self->node->children.front());
}
JSValue last_child(This self, Call) {
  return element(self, self->node->children.empty() ? nullptr : self->node->children.back());
}
JSValue first_element_child(This self, Call) {
  const auto& all = self->node->children;
  const auto found = std::find_if(all.begin(), all.end(), [](const Node* each) { return each->is_element(); });
  return element(self, found == all.end() ? nullptr : *found);
}
JSValue last_element_child(This self, Call) {
  const auto& all = self->node->children;
  const auto found = std::find_if(all.rbegin(), all.rend(), [](const Node* each) { return each->is_element(); });
  return element(self, found == all.rend() ? nullptr : *found);
}
JSValue get_attribute(This self, Call call) {
  const js::Text name(self.context, call.arg(0));
  const std::string* value = self->node->attribute(name.view());
  return value == nullptr ? JS_UNDEFINED : string(self.context, *value);
}
JSValue get_attribute_node(This self, Call call) {
  const js::Text name(self.context, call.arg(0));
  for (const html::Attribute& each : self->node->attributes) {
    if (each.name == name.view()) return new_attribute(self, each).release();
  }
  return JS_UNDEFINED;
}
JSValue get_elements_by_class_name(This self, Call call) {
  const auto wanted = words(js::Text(self.context, call.arg(0)));
  return list(self, below(*self->node, [&](const Node& node) {
                const auto have = words(attribute_or(node, "class"));
                return !wanted.empty() && std::all_of(wanted.begin(), wanted.end(), [&](const auto& each) {
                  return std::find(have.begin(), have.end(), each) != have.end();
                });
              }));
}
JSValue get_elements_by_tag_name(This self, Call call) {
  const js::Text name(self.context, call.arg(0));
  return list(self,
              below(*self->node, [&](const Node& node) { return name.view() == "*" || node.name == name.view(); }));
}
JSValue has_attribute(This self, Call call) {
  const js::Text name(self.context, call.arg(0));
  return JS_NewBool(self.context, self->node->attribute(name.view()) != nullptr);
}
JSValue has_attributes(This self, Call) { return JS_NewBool(self.context, !self->node->attributes.empty()); }
JSValue has_child_nodes(This self, Call) { return JS_NewBool(self.context, !self->node->children.empty()); }
JSValue id(This self, Call) { return string(self.context, attribute_or(*self->node, "id")); }
JSValue inner_html(This self, Call) { return string(self.context, to_html(*self->node, false)); }
JSValue is_default_namespace(This, Call) { return JS_TRUE; }
JSValue is_equal_node(This self, Call call) {
  const Element* other = js::Class<Element>::of(call.arg(0));
  return JS_NewBool(self.context, other != nullptr && to_html(*self->node, true) == to_html(*other->node, true));
}
JSValue is_same_node(This self, Call call) {
  const Element* other = js::Class<Element>::of(call.arg(0));
  return JS_NewBool(self.context, other != nullptr && self->node == other->node);
}
JSValue lang(This self, Call) {
  const std::string* value = self->node->attribute("lang");
  return value == nullptr ? JS_UNDEFINED : string(self.context, *value);
}
JSValue matches(This self, Call call) {
  const auto selector = Selector::parse(js::Text(self.context, call.arg(0)));
  return JS_NewBool(self.context, selector && self->node->is_element() && selector->matches(*self->node));
}
JSValue namespace_uri(This self, Call) { return string(self.context, "http://www.w3.org/1999/xhtml"); }
JSValue next_element_sibling(This self, Call) { return element(self, self->node->next_element()); }
JSValue next_sibling(This self, Call) { return element(self, self->node->next()); }
JSValue node_name_of(This self, Call) { return string(self.context, node_name(*self->node)); }
JSValue node_type(This self, Call) {
  switch (self->node->kind) {
    case Node::Kind::element:
      return JS_NewInt32(self.context, 1);
    case Node::Kind::text:
      return JS_NewInt32(self.context, 3);
    case Node::Kind::comment:
      return JS_NewInt32(self.context, 8);
    case Node::Kind::document:
      return JS_NewInt32(self.context, 9);
    case Node::Kind::doctype:
      return JS_NewInt32(self.context, 10);
  }
  return JS_UNDEFINED;
}
JSValue node_value(This self, Call) {
  return self->node->kind == Node::Kind::text || self->node->kind == Node::Kind::comment
             ? string(self.context, self->node->text)
             : JS_UNDEFINED;
}
JSValue owner_document(This self, Call) { return element(self, &self->document->root()); }
JSValue parent_element(This self, Call) {
  const Node* parent = self->node->parent;
  return element(self, parent != nullptr && parent->is_element() ? parent : nullptr);
}
JSValue parent_node(This self, Call) { return element(self, self->node->parent); }
JSValue previous_element_sibling(This self, Call) { return element(self, self->node->previous_element()); }
JSValue previous_sibling(This self, Call) { return element(self, self->node->previous()); }
JSValue query_selector_all(This self, Call call) {
  const auto selector = Selector::parse(js::Text(self.context, call.arg(0)));
  return list(self, selector ? selector->find_all(*self->node) : std::vector<const Node*>());
}
JSValue query_selector(This self, Call call) {
  const auto selector = Selector::parse(js::Text(self.context, call.arg(0)));
  const auto found = selector ? selector->find_all(*self->node) : std::vector<const Node*>();
  return element(self, found.empty() ? nullptr : found.front());
}
JSValue selection(This self, Call) {
  auto made = std::make_unique<Selection>();
  made->document = self->document;
  made->url = self->url;
  made->nodes = {self->node};
  return new_selection(self.context, std::move(made));
}
JSValue text_content(This self, Call) { return string(self.context, to_text(*self->node)); }
JSValue to_string(This self, Call) {
  return string(self.context,
                self->node->is_element() ? "[object html.Node]" : fmt::format("[object {}]", node_name(*self->node)));
}

const js::Member kElement[] = {
    js::method<&attributes>("attributes", 0),
    js::method<&child_element_count>("childElementCount", 0),
    js::method<&child_nodes>("childNodes", 0),
    js::method<&children>("children", 0),
    js::method<&class_list>("classList", 0),
    js::method<&class_name>("className", 0),
    js::method<&contains>("contains", 1),
    js::method<&first_child>("firstChild", 0),
    js::method<&first_element_child>("firstElementChild", 0),
    js::method<&get_attribute>("getAttribute", 1),
    js::method<&get_attribute_node>("getAttributeNode", 1),
    js::method<&get_elements_by_class_name>("getElementsByClassName", 1),
    js::method<&get_elements_by_tag_name>("getElementsByTagName", 1),
    js::method<&has_attribute>("hasAttribute", 1),
    js::method<&has_attributes>("hasAttributes", 0),
    js::method<&has_child_nodes>("hasChildNodes", 0),
    js::method<&id>("id", 0),
    js::method<&inner_html>("innerHTML", 0),
    js::method<&is_default_namespace>("isDefaultNamespace", 0),
    js::method<&is_equal_node>("isEqualNode", 1),
    js::method<&is_same_node>("isSameNode", 1),
    js::method<&lang>("lang", 0),
    js::method<&last_child>("lastChild", 0),
    js::method<&last_element_child>("lastElementChild", 0),
    js::method<&matches>("matches", 1),
    js::method<&namespace_uri>("namespaceURI", 0),
    js::method<&next_element_sibling>("nextElementSibling", 0),
    js::method<&next_sibling>("nextSibling", 0),
    js::method<&node_name_of>("nodeName", 0),
    js::method<&node_type>("nodeType", 0),
    js::method<&node_value>("nodeValue", 0),
    js::method<&owner_document>("ownerDocument", 0),
    js::method<&parent_element>("parentElement", 0),
    js::method<&parent_node>("parentNode", 0),
    js::method<&previous_element_sibling>("previousElementSibling", 0),
    js::method<&previous_sibling>("previousSibling", 0),
    js::method<&query_selector>("querySelector", 1),
    js::method<&query_selector_all>("querySelectorAll", 1),
    js::method<&selection>("selection", 0),
    js::method<&text_content>("textContent", 0),
    js::method<&to_string>("toString", 0),
};

// Single tags. Some methods are more than an attribute:

const Node* form_of(const Node& node) {
  const std::string* id = node.attribute("form");
  if (id == nullptr) return ancestor(node, "form");
  const Node* root = &node;
  while (root->parent != nullptr) root = root->parent;
  const auto found =
      below(*root, [&](const Node& each) { return each.name == "form" && attribute_or(each, "id") == *id; });
  return found.empty() ? nullptr : found.front();
}

const Node& root_of(const Node& node) {
  const Node* root = &node;
  while (root->parent != nullptr) root = root->parent;
  return *root;
}

std::vector<const Node*> named(const Node& root, std::initializer_list<const char*> names) {
  return below(root, [&](const Node& node) {
    return std::any_of(names.begin(), names.end(), [&](const char* name) { return node.name == name; });
  });
}

JSValue first_named(const This& self, const char* name) {
  const auto found = named(*self->node, {name});
  return element(self, found.empty() ? nullptr : found.front());
}

std::int64_t position_among(const std::vector<const Node*>& nodes, const Node* node) {
  return std::find(nodes.begin(), nodes.end(), node) - nodes.begin();
}

bool is_option_selected(const Node& option) { return option.attribute("selected") != nullptr; }

JSValue form(const This& self) { return element(self, form_of(*self->node)); }
JSValue labels(const This& self) {
  const Node& node = *self->node;
  const std::string* wanted = node.attribute("id");
  return list(self, below(root_of(node), [&](const Node& label) {
                return label.name == "label" &&
                       (label.contains(node) || (wanted != nullptr && attribute_or(label, "for") == *wanted));
              }));
}
JSValue elements(const This& self) {
  return list(self, named(*self->node, {"button", "fieldset", "input", "keygen", "output", "select", "textarea"}));
}
JSValue options(const This& self) { return list(self, named(*self->node, {"option"})); }
JSValue selected_options(const This& self) {
  return list(self,
              below(*self->node, [](const Node& node) { return node.name == "option" && is_option_selected(node); }));
}
JSValue selected_index(const This& self) {
  const auto all = named(*self->node, {"option"});
  const auto found = std::find_if(all.begin(), all.end(), [](const Node* each) { return is_option_selected(*each); });
  return JS_NewInt64(self.context, found == all.end() ? -1 : found - all.begin());
}
JSValue option_index(const This& self) {
  const Node* select = ancestor(*self->node, "select");
  return JS_NewInt64(self.context, select == nullptr ? 0 : position_among(named(*select, {"option"}), self->node));
}
JSValue count_elements(const This& self) {
  return JS_NewInt64(
      self.context,
      static_cast<std::int64_t>(
          named(*self->node, {"button", "fieldset", "input", "keygen", "output", "select", "textarea"}).size()));
}
JSValue count_options(const This& self) {
  return JS_NewInt64(self.context, static_cast<std::int64_t>(named(*self->node, {"option"}).size()));
}
JSValue count_characters(const This& self) {
  return JS_NewInt64(self.context, static_cast<std::int64_t>(attribute_or(*self->node, "value").size()));
}
JSValue selected_value(const This& self) {
  const auto chosen =
      below(*self->node, [](const Node& node) { return node.name == "option" && is_option_selected(node); });
  return chosen.empty() ? string(self.context, "") : field_value(self.context, *chosen.front());
}
JSValue value_or_text(const This& self) {
  return string(self.context, attribute_or(*self->node, "value", to_text(*self->node)));
}
JSValue text(const This& self) { return string(self.context, to_text(*self->node)); }
JSValue control(const This& self) {
  const std::string* wanted = self->node->attribute("for");
  const auto found =
      wanted == nullptr
          ? named(*self->node, {"button", "input", "keygen", "meter", "output", "progress", "select", "textarea"})
          : below(root_of(*self->node), [&](const Node& node) { return attribute_or(node, "id") == *wanted; });
  return element(self, found.empty() ? nullptr : found.front());
}
JSValue option_label(const This& self) {
  return string(self.context, attribute_or(*self->node, "label", to_text(*self->node)));
}
JSValue caption(const This& self) { return first_named(self, "caption"); }
JSValue table_head(const This& self) { return first_named(self, "thead"); }
JSValue table_foot(const This& self) { return first_named(self, "tfoot"); }
JSValue table_bodies(const This& self) { return list(self, named(*self->node, {"tbody"})); }
JSValue rows(const This& self) { return list(self, named(*self->node, {"tr"})); }
JSValue cells(const This& self) { return list(self, named(*self->node, {"td", "th"})); }
JSValue cell_index(const This& self) {
  const Node* row = ancestor(*self->node, "tr");
  return JS_NewInt64(self.context, row == nullptr ? -1 : position_among(named(*row, {"td", "th"}), self->node));
}
JSValue row_index(const This& self) {
  const Node* table = ancestor(*self->node, "table");
  return JS_NewInt64(self.context, table == nullptr ? -1 : position_among(named(*table, {"tr"}), self->node));
}
JSValue section_row_index(const This& self) {
  return JS_NewInt64(self.context, self->node->parent == nullptr
                                       ? -1
                                       : position_among(named(*self->node->parent, {"tr"}), self->node));
}
JSValue areas(const This& self) { return list(self, named(*self->node, {"area"})); }
JSValue map_images(const This& self) {
  const std::string wanted = "#" + attribute_or(*self->node, "name");
  return list(self, below(root_of(*self->node), [&](const Node& node) {
                return node.name == "img" && attribute_or(node, "usemap") == wanted;
              }));
}
JSValue text_tracks(const This& self) { return list(self, named(*self->node, {"track"})); }
JSValue rel_list(const This& self) { return strings(self.context, words(attribute_or(*self->node, "rel"))); }
JSValue input_list(const This& self) {
  const std::string* wanted = self->node->attribute("list");
  if (wanted == nullptr) return JS_UNDEFINED;
  const auto found = below(root_of(*self->node), [&](const Node& node) {
    return node.name == "datalist" && attribute_or(node, "id") == *wanted;
  });
  return element(self, found.empty() ? nullptr : found.front());
}
JSValue select_type(const This& self) {
  return string(self.context, self->node->attribute("multiple") == nullptr ? "select" : "select-multiple");
}
JSValue select_size(const This& self) {
  return JS_NewInt32(self.context, self->node->attribute("multiple") == nullptr ? 1 : 4);
}
JSValue undefined(const This&) { return JS_UNDEFINED; }
JSValue progress_position(const This& self) {
  const std::string* given = self->node->attribute("value");
  const double most = std::strtod(attribute_or(*self->node, "max", "1").c_str(), nullptr);
  if (given == nullptr || most <= 0) return JS_NewInt32(self.context, -1);
  char* end = nullptr;
  const double done = std::strtod(given->c_str(), &end);
  return end == given->c_str() ? JS_NewInt32(self.context, -1)
                               : JS_NewFloat64(self.context, std::clamp(done / most, 0.0, 1.0));
}

/// An address as seen from the page at `base`; as it is when there is none.
std::string seen_from(const std::string& base, const std::string& reference) {
  if (base.empty()) return reference;
  const auto url = net::Url::parse(base);
  const auto target = url ? url->resolve(reference) : url;
  return target ? target->text() : reference;
}

/// A part of a link's address.
template <class Part>
JSValue link_part(const This& self, Part&& part) {
  const auto url = net::Url::parse(seen_from(self->url, attribute_or(*self->node, "href")));
  return string(self.context, url ? part(*url) : std::string());
}
std::string host_of(const net::Url& url) { return url.host; }
JSValue link_hash(const This& self) {
  return link_part(self, [](const net::Url& url) { return url.fragment.empty() ? std::string() : "#" + url.fragment; });
}
JSValue link_host(const This& self) { return link_part(self, host_of); }
JSValue link_hostname(const This& self) {
  return link_part(self, [](const net::Url& url) { return std::string(url.hostname()); });
}
JSValue link_origin(const This& self) {
  return link_part(
      self, [](const net::Url& url) { return url.scheme.empty() ? std::string() : url.scheme + "://" + host_of(url); });
}
JSValue link_password(const This& self) {
  return link_part(self, [](const net::Url& url) { return url.password.value_or(""); });
}
JSValue link_pathname(const This& self) {
  return link_part(self, [](const net::Url& url) { return url.path; });
}
JSValue link_port(const This& self) {
  return link_part(self, [](const net::Url& url) { return std::string(url.port_text()); });
}
JSValue link_protocol(const This& self) {
  return link_part(self, [](const net::Url& url) { return url.scheme.empty() ? std::string(":") : url.scheme; });
}
JSValue link_search(const This& self) {
  return link_part(self,
                   [](const net::Url& url) { return url.raw_query.empty() ? std::string() : "?" + url.raw_query; });
}
JSValue link_username(const This& self) {
  return link_part(self, [](const net::Url& url) { return url.user.value_or(""); });
}

/// A method of some tags: the attribute `attribute` as text (with a default, or undefined without it), as an address
/// seen from the page, as a truth, as a number, as one of some words, or what `compute` says.
struct Method {
  enum class Kind { text, optional_text, url, flag, number, word, computed };
  const char* name;
  const char* tags;  // separated by spaces
  Kind kind;
  const char* attribute = "";
  const char* otherwise = "";
  const char* allowed = "";  // words, separated by spaces; the first column of HTML's enumerated attributes
  JSValue (*compute)(const This&) = nullptr;
};

constexpr Method text_of(const char* name, const char* tags, const char* attribute, const char* otherwise = "") {
  return {name, tags, Method::Kind::text, attribute, otherwise};
}
constexpr Method url_of(const char* name, const char* tags, const char* attribute) {
  return {name, tags, Method::Kind::url, attribute};
}
constexpr Method flag_of(const char* name, const char* tags, const char* attribute) {
  return {name, tags, Method::Kind::flag, attribute};
}
constexpr Method number_of(const char* name, const char* tags, const char* attribute, const char* otherwise = "0") {
  return {name, tags, Method::Kind::number, attribute, otherwise};
}
constexpr Method word_of(const char* name, const char* tags, const char* attribute, const char* otherwise,
                         const char* allowed) {
  return {name, tags, Method::Kind::word, attribute, otherwise, allowed};
}
constexpr Method computed(const char* name, const char* tags, JSValue (*compute)(const This&)) {
  return {name, tags, Method::Kind::computed, "", "", "", compute};
}

constexpr const char* kLinks = "a area";
constexpr const char* kMedia = "audio video";
constexpr const char* kButtons = "button input";
constexpr const char* kEncodings = "application/x-www-form-urlencoded multipart/form-data text/plain";
constexpr const char* kFields = "button fieldset input keygen label legend object option output select textarea";

constexpr std::array kMethods = {
    text_of("abbr", "th", "abbr"),
    text_of("accept", "input", "accept"),
    text_of("acceptCharset", "form", "accept-charset"),
    text_of("accessKey", "a area button input legend textarea", "accesskey"),
    url_of("action", "form", "action"),
    flag_of("allowfullscreen", "iframe", "allowfullscreen"),
    text_of("alt", "img input", "alt"),
    computed("areas", "map", &areas),
    flag_of("async", "script", "async"),
    text_of("autocapitalize", "textarea", "autocapitalize", "sentences"),
    text_of("autocomplete", "form input textarea", "autocomplete", "on"),
    flag_of("autofocus", "button input keygen select", "autofocus"),
    flag_of("autoplay", kMedia, "autoplay"),
    computed("caption", "table", &caption),
    computed("cellIndex", "td th", &cell_index),
    computed("cells", "tr", &cells),
    text_of("challenge", "keygen", "challenge"),
    text_of("charset", "script", "charset"),
    flag_of("checked", "input", "checked"),
    text_of("cite", "del ins", "cite"),
    number_of("colSpan", "td th", "colspan", "1"),
    number_of("cols", "textarea", "cols"),
    text_of("content", "meta", "content"),
    computed("control", "label", &control),
    flag_of("controls", kMedia, "controls"),
    Method{"crossOrigin", "audio img link video", Method::Kind::optional_text, "crossorigin"},
    text_of("crossOrigin", "script", "crossorigin"),
    text_of("currentSrc", kMedia, "src"),
    url_of("currentSrc", "img", "src"),
    url_of("data", "object", "data"),
    text_of("datetime", "del ins time", "datetime"),
    flag_of("default", "track", "default"),
    flag_of("defaultChecked", "input", "checked"),
    flag_of("defaultMuted", kMedia, "muted"),
    flag_of("defaultSelected", "option", "selected"),
    text_of("defaultValue", "input textarea", "value"),
    computed("defaultValue", "output", &text),
    flag_of("defer", "script", "defer"),
    text_of("dirName", "input", "dirname"),
    flag_of("disabled", "button fieldset input keygen optgroup option select", "disabled"),
    text_of("download", kLinks, "download"),
    computed("elements", "fieldset form", &elements),
    word_of("encoding", "form", "enctype", "application/x-www-form-urlencoded", kEncodings),
    word_of("enctype", "form", "enctype", "application/x-www-form-urlencoded", kEncodings),
    computed("form", kFields, &form),
    url_of("formAction", kButtons, "formaction"),
    word_of("formEnctype", kButtons, "formenctype", "application/x-www-form-urlencoded", kEncodings),
    word_of("formMethod", kButtons, "formmethod", "get", "get post"),
    flag_of("formNoValidate", kButtons, "formnovalidate"),
    text_of("formTarget", kButtons, "formtarget"),
    computed("hash", kLinks, &link_hash),
    text_of("headers", "td th", "headers"),
    number_of("height", "canvas", "height", "150"),
    text_of("height", "embed iframe input object", "height"),
    number_of("height", "img", "height"),
    number_of("high", "meter", "high"),
    computed("host", kLinks, &link_host),
    computed("hostname", kLinks, &link_hostname),
    url_of("href", "a area base link", "href"),
    text_of("hrefLang", kLinks, "hreflang"),
    text_of("hreflang", "link", "hreflang"),
    text_of("htmlFor", "label output", "for"),
    word_of("httpEquiv", "meta", "http-equiv", "content-type", "content-type default-style refresh"),
    computed("images", "map", &map_images),
    computed("index", "option", &option_index),
    flag_of("isMap", "img", "ismap"),
    text_of("keySystem", "source", "keysystem"),
    word_of("keytype", "keygen", "keytype", "RSA", "RSA DSA EC"),
    word_of("kind", "track", "kind", "subtitle", "subtitle captions descriptions chapters metadata"),
    text_of("label", "optgroup track", "label"),
    computed("label", "option", &option_label),
    computed("labels", "button input keygen meter output progress select textarea", &labels),
    computed("length", "form", &count_elements),
    computed("length", "select", &count_options),
    computed("length", "textarea", &count_characters),
    computed("list", "input", &input_list),
    flag_of("loop", kMedia, "loop"),
    number_of("low", "meter", "low"),
    text_of("max", "input", "max"),
    number_of("max", "meter", "max"),
    number_of("max", "progress", "max", "1"),
    number_of("maxLength", "input", "maxlength", "-1"),
    number_of("maxLength", "textarea", "maxlength"),
    text_of("media", "link source style", "media"),
    text_of("mediaGroup", kMedia, "mediagroup"),
    word_of("method", "form", "method", "get", "get post"),
    text_of("min", "input", "min"),
    number_of("min", "meter", "min"),
    flag_of("multiple", "input select", "multiple"),
    flag_of("muted", kMedia, "muted"),
    text_of("name", "button fieldset form iframe img input keygen map meta object output param pre select", "name"),
    flag_of("noModule", "script", "nomodule"),
    flag_of("noValidate", "form", "novalidate"),
    number_of("optimum", "meter", "optimum"),
    computed("options", "datalist select", &options),
    computed("origin", kLinks, &link_origin),
    computed("password", kLinks, &link_password),
    computed("pathname", kLinks, &link_pathname),
    text_of("pattern", "input", "pattern"),
    text_of("placeholder", "input textarea", "placeholder"),
    computed("port", kLinks, &link_port),
    computed("position", "progress", &progress_position),
    word_of("preload", kMedia, "preload", "auto", "auto metadata none"),
    computed("protocol", kLinks, &link_protocol),
    flag_of("readOnly", "textarea", "readonly"),
    flag_of("readonly", "input", "readonly"),
    text_of("referrerPolicy", "a area iframe img link", "referrerpolicy"),
    text_of("rel", "a area link", "rel"),
    computed("relList", "a area link", &rel_list),
    flag_of("required", "input select textarea", "required"),
    flag_of("reversed", "ol", "reversed"),
    computed("rowIndex", "tr", &row_index),
    number_of("rowSpan", "td th", "rowspan", "1"),
    computed("rows", "table tbody tfoot thead", &rows),
    number_of("rows", "textarea", "rows"),
    word_of("scope", "th", "scope", "", "row col colgroup rowgroup"),
    computed("search", kLinks, &link_search),
    computed("sectionRowIndex", "tr", &section_row_index),
    flag_of("selected", "option", "selected"),
    computed("selectedIndex", "select", &selected_index),
    computed("selectedOptions", "select", &selected_options),
    number_of("size", "input", "size"),
    computed("size", "select", &select_size),
    text_of("sizes", "img source", "sizes"),
    flag_of("sortable", "table", "sortable"),
    flag_of("sorted", "th", "sorted"),
    number_of("span", "col", "span", "1"),
    url_of("src", "audio iframe img input script source track video", "src"),
    text_of("src", "embed", "src"),
    text_of("srclang", "track", "srclang"),
    text_of("srcset", "img source", "srcset"),
    number_of("start", "ol", "start"),
    text_of("step", "input", "step"),
    computed("tBodies", "table", &table_bodies),
    computed("tFoot", "table", &table_foot),
    computed("tHead", "table", &table_head),
    number_of("tabIndex", "button input object select textarea", "tabindex"),
    text_of("target", "a area base form link", "target"),
    computed("text", "a area option script title", &text),
    computed("textTracks", kMedia, &text_tracks),
    text_of("type", "a area embed link object script source ul", "type"),
    word_of("type", "button", "type", "submit", "button menu reset submit"),
    word_of("type", "fieldset", "", "fieldset", ""),
    word_of("type", "input", "type", "text",
            "button checkbox color date datetime-local email file hidden image month number password radio range reset "
            "search submit tel text time url week"),
    word_of("type", "keygen", "", "keygen", ""),
    word_of("type", "li", "type", "", "1 a A i I disc square circle"),
    word_of("type", "ol", "type", "1", "1 a A i I"),
    word_of("type", "output", "", "output", ""),
    computed("type", "select", &select_type),
    text_of("type", "style", "type", "text/css"),
    word_of("type", "textarea", "", "textarea", ""),
    flag_of("typeMustMatch", "object", "typemustmatch"),
    text_of("useMap", "img object", "usemap"),
    computed("username", kLinks, &link_username),
    computed("validity", "fieldset", &undefined),
    computed("value", "button option", &value_or_text),
    computed("value", "output", &text),
    text_of("value", "data input param pre textarea", "value"),
    number_of("value", "li progress", "value"),
    computed("value", "select", &selected_value),
    number_of("width", "canvas", "width", "150"),
    text_of("width", "embed iframe input object", "width"),
    number_of("width", "img", "width"),
    word_of("wrap", "textarea", "wrap", "soft", "soft hard off"),
};

bool has_word(std::string_view list, std::string_view word) {
  const auto all = words(list);
  return std::find(all.begin(), all.end(), word) != all.end();
}

JSValue call_method(JSContext* context, JSValueConst self_value, int, JSValueConst*, int index) {
  Element* object = js::Class<Element>::of(self_value);
  if (object == nullptr) return js::throw_type_error(context, "not an element");
  const This self{context, self_value, object};
  const Method& method = kMethods[static_cast<std::size_t>(index)];
  if (method.kind == Method::Kind::computed) return method.compute(self);
  const std::string* given = *method.attribute == '\0' ? nullptr : self->node->attribute(method.attribute);
  switch (method.kind) {
    case Method::Kind::optional_text:
      return given == nullptr ? JS_UNDEFINED : string(context, *given);
    case Method::Kind::url:
      return string(context, given == nullptr ? std::string() : seen_from(self->url, *given));
    case Method::Kind::flag:
      return JS_NewBool(context, given != nullptr);
    case Method::Kind::number: {
      const std::string& digits = given == nullptr ? std::string(method.otherwise) : *given;
      char* end = nullptr;
      const long number = std::strtol(digits.c_str(), &end, 10);
      return JS_NewInt64(context, *end != '\0' || digits.empty() ? std::strtol(method.otherwise, nullptr, 10) : number);
    }
    case Method::Kind::word:
      return string(context,
                    given != nullptr && has_word(method.allowed, *given) ? std::string_view(*given) : method.otherwise);
    default:
      return string(context, given == nullptr ? std::string_view(method.otherwise) : *given);
  }
}

/// The methods that a tag has beyond those of all elements. Made once a process.
const std::vector<js::Member>& methods_of(const std::string& tag) {
  static const std::map<std::string, std::vector<js::Member>> kByTag = [] {
    std::map<std::string, std::vector<js::Member>> by_tag;
    for (std::size_t i = 0; i < kMethods.size(); ++i) {
      js::Member member{};
      member.name = kMethods[i].name;
      member.prop_flags = JS_PROP_C_W_E;
      member.def_type = JS_DEF_CFUNC;
      member.magic = static_cast<std::int16_t>(i);
      member.u.func.length = 0;
      member.u.func.cproto = JS_CFUNC_generic_magic;
      member.u.func.cfunc.generic_magic = &call_method;
      for (const std::string& name : words(kMethods[i].tags)) by_tag[name].push_back(member);
    }
    return by_tag;
  }();
  static const std::vector<js::Member> kNone;
  const auto found = kByTag.find(tag);
  return found == kByTag.end() ? kNone : found->second;
}

}  // namespace

JSValue new_element(JSContext* context, std::shared_ptr<const html::Document> document, const std::string& url,
                    const Node* node) {
  if (node == nullptr) return JS_UNDEFINED;
  js::Class<Element>::define(context, "Object", kElement);
  const JSValue object =
      js::Class<Element>::create(context, std::make_unique<Element>(Element{std::move(document), url, node}));
  const auto& extra = methods_of(node->name);
  if (!JS_IsException(object) && !extra.empty())
    JS_SetPropertyFunctionList(context, object, extra.data(), static_cast<int>(extra.size()));
  return object;
}

}  // namespace gauntlet::engine::modules
