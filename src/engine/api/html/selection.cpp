#include "engine/api/html/selection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_set>
#include <utility>

#include "engine/api/core/network_string.hpp"
#include "engine/api/html/patiently.hpp"
#include "engine/api/html/selector.hpp"
#include "engine/script/binding.hpp"
#include "engine/script/interrupt.hpp"
#include "engine/script/native_memory.hpp"
#include "engine/script/value.hpp"
#include "engine/wire/url.hpp"

namespace gauntlet::engine::api {
namespace {

using html::Node;
using html::Selector;
using script::Call;
using script::Self;
using script::Value;

using Nodes = std::vector<const Node*>;
using This = Self<Selection>;

/// Nodes in the order in which they come, each once.
class Collector {
 public:
  void add(const Node* node) {
    html::Patience::step();
    if (node != nullptr && seen_.insert(node).second) nodes_.push_back(node);
  }
  Nodes take() { return std::move(nodes_); }

 private:
  std::unordered_set<const Node*> seen_;
  Nodes nodes_;
};

JSValue derived(const This& self, Nodes nodes) {
  auto made = std::make_unique<Selection>();
  made->document = self->document;
  made->url = self->url;
  made->nodes = std::move(nodes);
  made->origin = std::make_shared<Selection>(*self.object);
  return new_selection(self.context, std::move(made));
}

JSValue throw_no_selector(JSContext* context, JSValueConst value) {
  return script::throw_error(context,
                             fmt::format("{} is no selector: give a text, a Selection or a function", script::kind_of(context, value)));
}

/// What an argument selects: a CSS selector, the nodes of another selection, or a function's answer.
class Condition {
 public:
  enum class Kind { none, selector, nodes, function, other };

  Condition(JSContext* context, JSValueConst value) : context_(context), value_(value) {
    if (JS_IsString(value)) {
      kind_ = Kind::selector;
      selector_ = Selector::parse(script::Text(context, value));
    } else if (const Selection* given = script::Class<Selection>::of(value)) {
      kind_ = Kind::nodes;
      nodes_.insert(given->nodes.begin(), given->nodes.end());
    } else if (JS_IsFunction(context, value)) {
      kind_ = Kind::function;
    } else {
      kind_ = JS_IsUndefined(value) || JS_IsNull(value) ? Kind::none : Kind::other;
    }
  }

  Kind kind() const { return kind_; }
  bool selects() const { return kind_ == Kind::selector || kind_ == Kind::nodes; }
  const std::optional<Selector>& selector() const { return selector_; }
  const std::unordered_set<const Node*>& nodes() const { return nodes_; }

  /// For selectors and nodes; nothing matches what is neither.
  bool matches(const Node& node) const {
    if (kind_ == Kind::nodes) return nodes_.contains(&node);
    return selector_ && node.is_element() && selector_->matches(node);
  }
  /// Asks the function too, as f(index, selection); -1 when it threw.
  int decide(const This& self, std::size_t index, const Node& node) const {
    if (kind_ != Kind::function) return matches(node) ? 1 : 0;
    const Value number(context_, JS_NewInt64(context_, static_cast<std::int64_t>(index)));
    const Value item(context_, derived(self, {&node}));
    if (item.is_exception()) return -1;
    JSValueConst arguments[] = {number.get(), item.get()};
    const Value answer(context_, JS_Call(context_, value_, JS_UNDEFINED, 2, arguments));
    return answer.is_exception() ? -1 : JS_ToBool(context_, answer.get());
  }

 private:
  JSContext* context_;
  JSValueConst value_;
  Kind kind_ = Kind::none;
  std::optional<Selector> selector_;
  std::unordered_set<const Node*> nodes_;
};

// Finding

JSValue find(This self, Call call) {
  const Condition condition(self.context, call.arg(0));
  if (!condition.selects()) return throw_no_selector(self.context, call.arg(0));
  Collector found;
  for (const Node* root : self->nodes) {
    if (condition.kind() == Condition::Kind::selector) {
      if (!condition.selector()) break;
      for (const Node* node : condition.selector()->find_all(*root)) found.add(node);
    } else {
      for (const Node* node : condition.nodes()) {
        if (root->contains(*node)) found.add(node);
      }
    }
  }
  Nodes nodes = found.take();
  if (condition.kind() == Condition::Kind::nodes) {
    std::sort(nodes.begin(), nodes.end(), [](const Node* a, const Node* b) { return a->position < b->position; });
  }
  return derived(self, std::move(nodes));
}

JSValue add(This self, Call call) {
  Collector all;
  for (const Node* node : self->nodes) all.add(node);
  if (const Selection* other = script::Class<Selection>::of(call.arg(0))) {
    for (const Node* node : other->nodes) all.add(node);
  } else if (const Condition condition(self.context, call.arg(0)); condition.kind() == Condition::Kind::selector) {
    if (condition.selector()) {
      for (const Node* node : condition.selector()->find_all(self->document->root())) all.add(node);
    }
  } else {
    return throw_no_selector(self.context, call.arg(0));
  }
  return derived(self, all.take());
}

enum class Keep { matching, others };

template <Keep keep>
JSValue filtered(This self, Call call) {
  const Condition condition(self.context, call.arg(0));
  if (!condition.selects() && condition.kind() != Condition::Kind::function) {
    if (keep == Keep::others) return throw_no_selector(self.context, call.arg(0));
    return script::throw_error(self.context, "the argument to filter() must be a function, a selector or a selection");
  }
  Nodes nodes;
  for (std::size_t i = 0; i < self->nodes.size(); ++i) {
    const int decision = condition.decide(self, i, *self->nodes[i]);
    if (decision < 0) return JS_EXCEPTION;
    if ((decision > 0) == (keep == Keep::matching)) nodes.push_back(self->nodes[i]);
  }
  return derived(self, std::move(nodes));
}

JSValue is(This self, Call call) {
  const Condition condition(self.context, call.arg(0));
  if (!condition.selects() && condition.kind() != Condition::Kind::function) {
    return script::throw_error(self.context, "the argument to is() must be a function, a selector or a selection");
  }
  for (std::size_t i = 0; i < self->nodes.size(); ++i) {
    const int decision = condition.decide(self, i, *self->nodes[i]);
    if (decision != 0) return decision < 0 ? JS_EXCEPTION : JS_TRUE;
  }
  return JS_FALSE;
}

JSValue has(This self, Call call) {
  const Condition condition(self.context, call.arg(0));
  if (!condition.selects()) return throw_no_selector(self.context, call.arg(0));
  Nodes nodes;
  for (const Node* root : self->nodes) {
    for (const Node* node = next_in_order(root, root); node != nullptr; node = next_in_order(node, root)) {
      if (!condition.matches(*node)) continue;
      nodes.push_back(root);
      break;
    }
  }
  return derived(self, std::move(nodes));
}

// Going from node to node. A step adds what lies in its direction; an optional first argument keeps what matches it.

using Step = void (*)(const Node&, Collector&);

template <Step step>
JSValue walk(This self, Call call) {
  Collector found;
  for (const Node* node : self->nodes) step(*node, found);
  Nodes nodes = found.take();
  const Condition condition(self.context, call.arg(0));
  if (condition.selects()) std::erase_if(nodes, [&](const Node* node) { return !condition.matches(*node); });
  else if (condition.kind() != Condition::Kind::none) nodes.clear();
  return derived(self, std::move(nodes));
}

void to_children(const Node& node, Collector& found) {
  for (const Node* child : node.children) {
    if (child->is_element()) found.add(child);
  }
}
void to_contents(const Node& node, Collector& found) {
  for (const Node* child : node.children) found.add(child);
}
void to_parent(const Node& node, Collector& found) {
  if (node.parent != nullptr && node.parent->is_element()) found.add(node.parent);
}
void to_parents(const Node& node, Collector& found) {
  for (const Node* at = node.parent; at != nullptr && at->is_element(); at = at->parent) found.add(at);
}
void to_next(const Node& node, Collector& found) { found.add(node.next_element()); }
void to_previous(const Node& node, Collector& found) { found.add(node.previous_element()); }
void to_all_next(const Node& node, Collector& found) {
  for (const Node* at = node.next_element(); at != nullptr; at = at->next_element()) found.add(at);
}
void to_all_previous(const Node& node, Collector& found) {
  for (const Node* at = node.previous_element(); at != nullptr; at = at->previous_element()) found.add(at);
}
void to_siblings(const Node& node, Collector& found) {
  if (node.parent == nullptr) return;
  for (const Node* each : node.parent->children) {
    if (each->is_element() && each != &node) found.add(each);
  }
}

using Move = const Node* (*)(const Node&);
const Node* next_of(const Node& node) { return node.next_element(); }
const Node* previous_of(const Node& node) { return node.previous_element(); }
const Node* parent_of(const Node& node) { return node.parent != nullptr && node.parent->is_element() ? node.parent : nullptr; }

/// nextUntil(end, filter) and its kind: up to what matches `end`, without it.
template <Move move>
JSValue walk_until(This self, Call call) {
  const Condition end(self.context, call.arg(0));
  const Condition filter(self.context, call.arg(1));
  Collector found;
  for (const Node* node : self->nodes) {
    for (const Node* at = move(*node); at != nullptr && !end.matches(*at); at = move(*at)) {
      if (!filter.selects() || filter.matches(*at)) found.add(at);
    }
  }
  return derived(self, found.take());
}

JSValue closest(This self, Call call) {
  const Condition condition(self.context, call.arg(0));
  if (!condition.selects()) return throw_no_selector(self.context, call.arg(0));
  Collector found;
  for (const Node* node : self->nodes) {
    while (node != nullptr && !condition.matches(*node)) node = node->parent;
    found.add(node);
  }
  return derived(self, found.take());
}

JSValue end(This self, Call) {
  auto made = std::make_unique<Selection>();
  if (self->origin) {
    *made = *self->origin;
  } else {
    made->document = self->document;
    made->url = self->url;
  }
  return new_selection(self.context, std::move(made));
}

// Picking by number

/// An index as slice() takes it: negative ones count from the end.
std::int64_t index_argument(const This& self, JSValueConst value) {
  std::int64_t index = 0;
  if (JS_ToInt64(self.context, &index, value) < 0) JS_FreeValue(self.context, JS_GetException(self.context));
  const auto size = static_cast<std::int64_t>(self->nodes.size());
  return index < 0 ? index + size : index;
}

const Node* node_at(const This& self, std::int64_t index) {
  return index >= 0 && index < static_cast<std::int64_t>(self->nodes.size()) ? self->nodes[static_cast<std::size_t>(index)] : nullptr;
}

JSValue one(const This& self, const Node* node) { return derived(self, node == nullptr ? Nodes() : Nodes{node}); }
JSValue eq(This self, Call call) { return one(self, node_at(self, index_argument(self, call.arg(0)))); }
JSValue first(This self, Call) { return one(self, node_at(self, 0)); }
/// The first element below that matches; without a selector the first of these.
JSValue single(This self, Call call) {
  if (!call.has(0)) return first(self, call);
  const Value found(self.context, find(self, call));
  if (found.is_exception()) return JS_EXCEPTION;
  const Selection& all = *script::Class<Selection>::of(found.get());
  return one(self, all.nodes.empty() ? nullptr : all.nodes.front());
}
JSValue last(This self, Call) { return one(self, node_at(self, static_cast<std::int64_t>(self->nodes.size()) - 1)); }

JSValue element(const This& self, const Node* node) { return new_element(self.context, self->document, self->url, node); }

JSValue get(This self, Call call) {
  if (call.has(0)) return element(self, node_at(self, index_argument(self, call.arg(0))));
  const Value list(self.context, JS_NewArray(self.context));
  for (std::uint32_t i = 0; i < self->nodes.size(); ++i)
    JS_DefinePropertyValueUint32(self.context, list.get(), i, element(self, self->nodes[i]), JS_PROP_C_W_E);
  return list.dup();
}

JSValue to_array(This self, Call) {
  const Value list(self.context, JS_NewArray(self.context));
  for (std::uint32_t i = 0; i < self->nodes.size(); ++i)
    JS_DefinePropertyValueUint32(self.context, list.get(), i, one(self, self->nodes[i]), JS_PROP_C_W_E);
  return list.dup();
}

JSValue slice(This self, Call call) {
  const auto size = static_cast<std::int64_t>(self->nodes.size());
  const std::int64_t begin = std::clamp<std::int64_t>(call.has(0) ? index_argument(self, call.arg(0)) : 0, 0, size);
  const std::int64_t stop = std::clamp<std::int64_t>(call.has(1) ? index_argument(self, call.arg(1)) : size, begin, size);
  return derived(self, Nodes(self->nodes.begin() + begin, self->nodes.begin() + stop));
}

JSValue index(This self, Call call) {
  const auto position = [&](const Nodes& nodes, const Node* node) {
    const auto found = std::find(nodes.begin(), nodes.end(), node);
    return JS_NewInt64(self.context, found == nodes.end() ? -1 : found - nodes.begin());
  };
  if (self->nodes.empty()) return JS_NewInt32(self.context, -1);
  const Node* node = self->nodes.front();
  if (!call.has(0)) {
    int before = 0;
    for (const Node* at = node->previous_element(); at != nullptr; at = at->previous_element()) ++before;
    return JS_NewInt32(self.context, before);
  }
  if (const Selection* other = script::Class<Selection>::of(call.arg(0))) {
    return position(self->nodes, other->nodes.empty() ? nullptr : other->nodes.front());
  }
  const Condition condition(self.context, call.arg(0));
  return position(condition.selector() ? condition.selector()->find_all(self->document->root()) : Nodes(), node);
}

JSValue size(This self, Call) { return JS_NewInt64(self.context, static_cast<std::int64_t>(self->nodes.size())); }

// Calling for each

JSValue each(This self, Call call) {
  if (!JS_IsFunction(self.context, call.arg(0))) return script::throw_error(self.context, "the argument to each() must be a function");
  for (std::size_t i = 0; i < self->nodes.size(); ++i) {
    const Value number(self.context, JS_NewInt64(self.context, static_cast<std::int64_t>(i)));
    const Value item(self.context, element(self, self->nodes[i]));
    if (item.is_exception()) return JS_EXCEPTION;
    JSValueConst arguments[] = {number.get(), item.get()};
    const Value answer(self.context, JS_Call(self.context, call.arg(0), JS_UNDEFINED, 2, arguments));
    if (answer.is_exception()) return JS_EXCEPTION;
  }
  return JS_DupValue(self.context, self.value);
}

JSValue map(This self, Call call) {
  if (!JS_IsFunction(self.context, call.arg(0))) return script::throw_error(self.context, "the argument to map() must be a function");
  const Value list(self.context, JS_NewArray(self.context));
  for (std::size_t i = 0; i < self->nodes.size(); ++i) {
    const Value number(self.context, JS_NewInt64(self.context, static_cast<std::int64_t>(i)));
    const Value item(self.context, one(self, self->nodes[i]));
    if (item.is_exception()) return JS_EXCEPTION;
    JSValueConst arguments[] = {number.get(), item.get()};
    Value answer(self.context, JS_Call(self.context, call.arg(0), JS_UNDEFINED, 2, arguments));
    if (answer.is_exception()) return JS_EXCEPTION;
    JS_DefinePropertyValueUint32(self.context, list.get(), static_cast<std::uint32_t>(i), answer.release(), JS_PROP_C_W_E);
  }
  return list.dup();
}

// Reading

JSValue attr(This self, Call call) {
  const script::Text name(self.context, call.arg(0));
  if (name.failed()) return JS_EXCEPTION;
  const std::string* value = self->nodes.empty() ? nullptr : self->nodes.front()->attribute(name.view());
  if (value == nullptr) return call.has(1) ? JS_DupValue(self.context, call.arg(1)) : JS_UNDEFINED;
  return script::new_string(self.context, *value);
}

JSValue inner_html(This self, Call call) {
  if (self->nodes.empty()) return call.has(0) ? JS_DupValue(self.context, call.arg(0)) : script::new_string(self.context, "");
  return script::new_string(self.context, to_html(*self->nodes.front(), false));
}

JSValue text(This self, Call) {
  std::string all;
  for (const Node* node : self->nodes) all += to_text(*node);
  return script::new_string(self.context, all);
}

JSValue val(This self, Call call) {
  if (self->nodes.empty()) return call.has(0) ? JS_DupValue(self.context, call.arg(0)) : JS_UNDEFINED;
  return field_value(self.context, *self->nodes.front());
}

/// A data attribute's value as jQuery reads it: what is written as a number, boolean, null or JSON is one.
JSValue data_value(JSContext* context, const std::string& text) {
  if (text.empty() || text == "null" || text == "undefined") return JS_UNDEFINED;
  if (text == "true" || text == "false") return JS_NewBool(context, text == "true");
  if (text.front() == '{' || text.front() == '[') {
    Value parsed = script::from_json(context, text);
    if (!parsed.is_exception()) return parsed.release();
    JS_FreeValue(context, JS_GetException(context));
    return script::new_string(context, text);
  }
  const Value given(context, script::new_string(context, text));
  double number = 0;
  if (JS_ToFloat64(context, &number, given.get()) == 0) {
    Value back(context, JS_NewFloat64(context, number));
    if (script::Text(back).view() == text && text != "NaN" && text.find("Infinity") == std::string::npos) return back.release();
  }
  return script::new_string(context, text);
}

/// "data-user-id" to "userId".
std::string data_key(std::string_view attribute) {
  std::string key;
  for (std::size_t i = 5; i < attribute.size(); ++i) {
    const bool is_hump = attribute[i] == '-' && i + 1 < attribute.size() && attribute[i + 1] >= 'a' && attribute[i + 1] <= 'z';
    key += is_hump ? static_cast<char>(attribute[++i] - 0x20) : attribute[i];
  }
  return key;
}

JSValue data(This self, Call call) {
  if (self->nodes.empty()) return JS_UNDEFINED;
  const Node& node = *self->nodes.front();
  if (call.has(0)) {
    const script::Text wanted(self.context, call.arg(0));
    if (wanted.failed()) return JS_EXCEPTION;
    for (const html::Attribute& each : node.attributes) {
      if (each.name.starts_with("data-") && (data_key(each.name) == wanted.view() || each.name.substr(5) == wanted.view())) {
        return data_value(self.context, each.value);
      }
    }
    return JS_UNDEFINED;
  }
  Value object(self.context, JS_NewObject(self.context));
  for (const html::Attribute& each : node.attributes) {
    if (each.name.starts_with("data-") && each.name.size() > 5) {
      object.set(data_key(each.name), Value(self.context, data_value(self.context, each.value)));
    }
  }
  return object.release();
}

// Forms

JSValue serialize_array(This self, Call) {
  const Value list(self.context, JS_NewArray(self.context));
  std::uint32_t count = 0;
  for (const auto& [name, field] : form_fields(self->nodes)) {
    Value entry(self.context, JS_NewObject(self.context));
    entry.set("name", name);
    entry.set("value", Value(self.context, field_value(self.context, *field)));
    JS_DefinePropertyValueUint32(self.context, list.get(), count++, entry.release(), JS_PROP_C_W_E);
  }
  return list.dup();
}

JSValue serialize_object(This self, Call) {
  Value object(self.context, JS_NewObject(self.context));
  for (const auto& [name, field] : form_fields(self->nodes)) object.set(name, Value(self.context, field_value(self.context, *field)));
  return object.release();
}

JSValue serialize(This self, Call) {
  std::map<std::string, std::vector<std::string>> values;
  for (const auto& [name, field] : form_fields(self->nodes)) {
    const Value value(self.context, field_value(self.context, *field));
    if (!value.is_array()) {
      values[name].push_back(value.is_nullish() ? std::string() : script::Text(value).str());
      continue;
    }
    const std::int64_t length = script::list_length(self.context, value.get());
    for (std::int64_t i = 0; i < length; ++i) values[name].push_back(script::Text(value.element(static_cast<std::uint32_t>(i))).str());
  }
  std::string out;
  for (const auto& [name, all] : values) {
    for (const std::string& each : all) {
      if (!out.empty()) out += '&';
      wire::append_query_escaped(out, name);
      out += '=';
      wire::append_query_escaped(out, each);
    }
  }
  return script::new_string(self.context, out);
}

const script::Member kSelection[] = {
    script::method<&patiently<This, &add>>("add", 1),
    script::method<&patiently<This, &attr>>("attr", 2),
    script::method<&patiently<This, &walk<&to_children>>>("children", 1),
    script::method<&patiently<This, &closest>>("closest", 1),
    script::method<&patiently<This, &walk<&to_contents>>>("contents", 0),
    script::method<&patiently<This, &data>>("data", 1),
    script::method<&patiently<This, &each>>("each", 1),
    script::method<&patiently<This, &end>>("end", 0),
    script::method<&patiently<This, &eq>>("eq", 1),
    script::method<&patiently<This, &filtered<Keep::matching>>>("filter", 1),
    script::method<&patiently<This, &find>>("find", 1),
    script::method<&patiently<This, &first>>("first", 0),
    script::method<&patiently<This, &get>>("get", 1),
    script::method<&patiently<This, &has>>("has", 1),
    script::method<&patiently<This, &inner_html>>("html", 1),
    script::method<&patiently<This, &index>>("index", 1),
    script::method<&patiently<This, &is>>("is", 1),
    script::method<&patiently<This, &last>>("last", 0),
    script::method<&patiently<This, &single>>("single", 1),
    script::method<&patiently<This, &map>>("map", 1),
    script::method<&patiently<This, &walk<&to_next>>>("next", 1),
    script::method<&patiently<This, &walk<&to_all_next>>>("nextAll", 1),
    script::method<&patiently<This, &walk_until<&next_of>>>("nextUntil", 2),
    script::method<&patiently<This, &filtered<Keep::others>>>("not", 1),
    script::method<&patiently<This, &walk<&to_parent>>>("parent", 1),
    script::method<&patiently<This, &walk<&to_parents>>>("parents", 1),
    script::method<&patiently<This, &walk_until<&parent_of>>>("parentsUntil", 2),
    script::method<&patiently<This, &walk<&to_previous>>>("prev", 1),
    script::method<&patiently<This, &walk<&to_all_previous>>>("prevAll", 1),
    script::method<&patiently<This, &walk_until<&previous_of>>>("prevUntil", 2),
    script::method<&patiently<This, &serialize>>("serialize", 0),
    script::method<&patiently<This, &serialize_array>>("serializeArray", 0),
    script::method<&patiently<This, &serialize_object>>("serializeObject", 0),
    script::method<&patiently<This, &walk<&to_siblings>>>("siblings", 1),
    script::method<&patiently<This, &size>>("size", 0),
    script::method<&patiently<This, &slice>>("slice", 2),
    script::method<&patiently<This, &text>>("text", 0),
    script::method<&patiently<This, &to_array>>("toArray", 0),
    script::method<&patiently<This, &val>>("val", 1),
};

JSValue parse_html(Call call) {
  if (!call.has(0)) return new_page_selection(call.context, "", "");
  const script::Text source(call.context, call.arg(0));
  return source.failed() ? JS_EXCEPTION : new_page_selection(call.context, source, "");
}

const script::Member kExports[] = {script::function<&parse_html>("parseHTML", 1)};

std::string option_value(const Node& option) { return attribute_or(option, "value", to_text(option)); }

/// A document that counts towards the heap limit until the last selection and element of it is gone.
struct CountedPage {
  std::shared_ptr<const html::Document> document;
  script::NativeMemory memory;
};

}  // namespace

Selection::~Selection() {
  while (origin && origin.use_count() == 1) origin = std::exchange(origin->origin, nullptr);
}

JSValue new_selection(JSContext* context, std::unique_ptr<Selection> selection) {
  // Twice: what is derived from it keeps a copy.
  const std::size_t bytes = 2 * (sizeof(Selection) + selection->nodes.capacity() * sizeof(Node*) + selection->url.capacity());
  selection->memory = std::make_shared<script::NativeMemory>();
  if (!selection->memory->charge(context, bytes)) return JS_EXCEPTION;
  script::Class<Selection>::define(context, "Object", kSelection);
  const Value url(context, script::new_string(context, selection->url));
  Value object(context, script::Class<Selection>::create(context, std::move(selection)));
  if (!object.is_exception()) object.set("url", url);
  return object.release();
}

JSValue new_page_selection(JSContext* context, std::string_view source, std::string url, std::string_view selector) {
  auto selection = std::make_unique<Selection>();
  auto page = std::make_shared<CountedPage>();
  {
    script::NativeMemory meanwhile;
    page->document = html::Document::parse(source, [&](std::size_t bytes) {
      constexpr std::size_t kWork = 4096;
      return !script::interrupted(context, kWork) && (bytes == 0 || meanwhile.charge(context, bytes));
    });
  }
  if (!page->document) {
    if (JS_HasException(context)) return JS_EXCEPTION;
    return script::throw_error(context, "the page is not parsed: it nests its elements so deeply that it would take too long");
  }
  if (!page->memory.charge(context, page->document->memory_bytes())) return JS_EXCEPTION;
  selection->document = std::shared_ptr<const html::Document>(page, page->document.get());
  selection->url = std::move(url);
  if (selector.empty()) {
    selection->nodes = {&selection->document->root()};
  } else if (const auto parsed = Selector::parse(selector)) {
    const html::Patience patience(until_interrupted(context));
    try {
      selection->nodes = parsed->find_all(selection->document->root());
    } catch (const html::Interrupted&) {
      return JS_EXCEPTION;
    }
  }
  return new_selection(context, std::move(selection));
}

bool is_disabled(const Node& field) {
  if (field.attribute("disabled") != nullptr) return true;
  const Node* inner = &field;  // the child of `outer` that the field is in
  for (const Node* outer = field.parent; outer != nullptr; inner = outer, outer = outer->parent) {
    if (outer->name != "fieldset" || outer->attribute("disabled") == nullptr) continue;
    const auto legend =
        std::find_if(outer->children.begin(), outer->children.end(), [](const Node* child) { return child->name == "legend"; });
    if (legend == outer->children.end() || *legend != inner) return true;
  }
  return false;
}

JSValue field_value(JSContext* context, const Node& field) {
  if (field.name == "input") {
    const bool is_ticked = attribute_or(field, "type") == "checkbox" || attribute_or(field, "type") == "radio";
    return script::new_string(context, attribute_or(field, "value", is_ticked ? "on" : ""));
  }
  if (field.name == "button" || field.name == "param") return script::new_string(context, attribute_or(field, "value"));
  if (field.name == "textarea") return script::new_string(context, to_text(field));
  if (field.name == "option") return script::new_string(context, option_value(field));
  if (field.name != "select") return JS_UNDEFINED;
  const bool is_multiple = field.attribute("multiple") != nullptr;
  const Value list(context, JS_NewArray(context));
  std::uint32_t count = 0;
  for (const Node* node = next_in_order(&field, &field); node != nullptr; node = next_in_order(node, &field)) {
    if (node->name != "option" || node->attribute("selected") == nullptr) continue;
    JSValue value = script::new_string(context, option_value(*node));
    if (!is_multiple) return value;
    JS_DefinePropertyValueUint32(context, list.get(), count++, value, JS_PROP_C_W_E);
  }
  return is_multiple ? list.dup() : script::new_string(context, "");
}

std::vector<std::pair<std::string, const Node*>> form_fields(const Nodes& nodes) {
  std::vector<std::pair<std::string, const Node*>> fields;
  const auto take = [&](const Node& node) {
    if (node.name != "input" && node.name != "select" && node.name != "textarea") return;
    const std::string* name = node.attribute("name");
    if (name == nullptr || name->empty()) return;
    const std::string type = attribute_or(node, "type");
    if (type == "submit" || type == "button" || type == "reset" || type == "image" || type == "file") return;
    if ((type == "checkbox" || type == "radio") && node.attribute("checked") == nullptr) return;
    if (is_disabled(node)) return;
    fields.emplace_back(*name, &node);
  };
  for (const Node* root : nodes) {
    if (root->name != "form") {
      take(*root);
      continue;
    }
    for (const Node* node = next_in_order(root, root); node != nullptr; node = next_in_order(node, root)) take(*node);
  }
  return fields;
}

void init_html(script::Module& module) { module.exports(kExports); }

}  // namespace gauntlet::engine::api
