// The methods that only some tags' elements have in k6/html, most of which read an attribute.
#include <array>
#include <cstdlib>
#include <map>

#include "engine/api/html/element.hpp"
#include "engine/wire/url.hpp"

namespace gauntlet::engine::api {
namespace {

using html::Node;

const Node* ancestor(const Node& node, std::string_view name) {
  for (const Node* at = node.parent; at != nullptr; at = at->parent) {
    if (at->name == name) return at;
  }
  return nullptr;
}

// Some are more than an attribute:

const Node& root_of(const Node& node) {
  const Node* root = &node;
  while (root->parent != nullptr) root = root->parent;
  return *root;
}

const Node* form_of(const Node& node) {
  const std::string* id = node.attribute("form");
  if (id == nullptr) return ancestor(node, "form");
  const auto found =
      elements_below(root_of(node), [&](const Node& each) { return each.name == "form" && attribute_or(each, "id") == *id; });
  return found.empty() ? nullptr : found.front();
}

std::vector<const Node*> named(const Node& root, std::initializer_list<const char*> names) {
  return elements_below(
      root, [&](const Node& node) { return std::any_of(names.begin(), names.end(), [&](const char* name) { return node.name == name; }); });
}

JSValue first_named(const ElementSelf& self, const char* name) {
  const auto found = named(*self->node, {name});
  return new_element(self, found.empty() ? nullptr : found.front());
}

std::int64_t position_among(const std::vector<const Node*>& nodes, const Node* node) {
  return std::find(nodes.begin(), nodes.end(), node) - nodes.begin();
}

bool is_option_selected(const Node& option) { return option.attribute("selected") != nullptr; }

JSValue form(const ElementSelf& self) { return new_element(self, form_of(*self->node)); }
JSValue labels(const ElementSelf& self) {
  const Node& node = *self->node;
  const std::string* wanted = node.attribute("id");
  return new_element_list(self, elements_below(root_of(node), [&](const Node& label) {
                            return label.name == "label" &&
                                   (label.contains(node) || (wanted != nullptr && attribute_or(label, "for") == *wanted));
                          }));
}
JSValue elements(const ElementSelf& self) {
  return new_element_list(self, named(*self->node, {"button", "fieldset", "input", "keygen", "output", "select", "textarea"}));
}
JSValue options(const ElementSelf& self) { return new_element_list(self, named(*self->node, {"option"})); }
JSValue selected_options(const ElementSelf& self) {
  return new_element_list(self,
                          elements_below(*self->node, [](const Node& node) { return node.name == "option" && is_option_selected(node); }));
}
JSValue selected_index(const ElementSelf& self) {
  const auto all = named(*self->node, {"option"});
  const auto found = std::find_if(all.begin(), all.end(), [](const Node* each) { return is_option_selected(*each); });
  return JS_NewInt64(self.context, found == all.end() ? -1 : found - all.begin());
}
JSValue option_index(const ElementSelf& self) {
  const Node* select = ancestor(*self->node, "select");
  return JS_NewInt64(self.context, select == nullptr ? 0 : position_among(named(*select, {"option"}), self->node));
}
JSValue count_elements(const ElementSelf& self) {
  return JS_NewInt64(
      self.context,
      static_cast<std::int64_t>(named(*self->node, {"button", "fieldset", "input", "keygen", "output", "select", "textarea"}).size()));
}
JSValue count_options(const ElementSelf& self) {
  return JS_NewInt64(self.context, static_cast<std::int64_t>(named(*self->node, {"option"}).size()));
}
JSValue count_characters(const ElementSelf& self) {
  return JS_NewInt64(self.context, static_cast<std::int64_t>(attribute_or(*self->node, "value").size()));
}
JSValue selected_value(const ElementSelf& self) {
  const auto chosen = elements_below(*self->node, [](const Node& node) { return node.name == "option" && is_option_selected(node); });
  return chosen.empty() ? script::new_string(self.context, "") : field_value(self.context, *chosen.front());
}
JSValue value_or_text(const ElementSelf& self) {
  return script::new_string(self.context, attribute_or(*self->node, "value", to_text(*self->node)));
}
JSValue text(const ElementSelf& self) { return script::new_string(self.context, to_text(*self->node)); }
JSValue control(const ElementSelf& self) {
  const std::string* wanted = self->node->attribute("for");
  const auto found = wanted == nullptr
                         ? named(*self->node, {"button", "input", "keygen", "meter", "output", "progress", "select", "textarea"})
                         : elements_below(root_of(*self->node), [&](const Node& node) { return attribute_or(node, "id") == *wanted; });
  return new_element(self, found.empty() ? nullptr : found.front());
}
JSValue option_label(const ElementSelf& self) {
  return script::new_string(self.context, attribute_or(*self->node, "label", to_text(*self->node)));
}
JSValue caption(const ElementSelf& self) { return first_named(self, "caption"); }
JSValue table_head(const ElementSelf& self) { return first_named(self, "thead"); }
JSValue table_foot(const ElementSelf& self) { return first_named(self, "tfoot"); }
JSValue table_bodies(const ElementSelf& self) { return new_element_list(self, named(*self->node, {"tbody"})); }
JSValue rows(const ElementSelf& self) { return new_element_list(self, named(*self->node, {"tr"})); }
JSValue cells(const ElementSelf& self) { return new_element_list(self, named(*self->node, {"td", "th"})); }
JSValue cell_index(const ElementSelf& self) {
  const Node* row = ancestor(*self->node, "tr");
  return JS_NewInt64(self.context, row == nullptr ? -1 : position_among(named(*row, {"td", "th"}), self->node));
}
JSValue row_index(const ElementSelf& self) {
  const Node* table = ancestor(*self->node, "table");
  return JS_NewInt64(self.context, table == nullptr ? -1 : position_among(named(*table, {"tr"}), self->node));
}
JSValue section_row_index(const ElementSelf& self) {
  return JS_NewInt64(self.context, self->node->parent == nullptr ? -1 : position_among(named(*self->node->parent, {"tr"}), self->node));
}
JSValue areas(const ElementSelf& self) { return new_element_list(self, named(*self->node, {"area"})); }
JSValue map_images(const ElementSelf& self) {
  const std::string wanted = "#" + attribute_or(*self->node, "name");
  return new_element_list(self, elements_below(root_of(*self->node), [&](const Node& node) {
                            return node.name == "img" && attribute_or(node, "usemap") == wanted;
                          }));
}
JSValue text_tracks(const ElementSelf& self) { return new_element_list(self, named(*self->node, {"track"})); }
JSValue rel_list(const ElementSelf& self) { return new_string_list(self.context, words_of(attribute_or(*self->node, "rel"))); }
JSValue input_list(const ElementSelf& self) {
  const std::string* wanted = self->node->attribute("list");
  if (wanted == nullptr) return JS_UNDEFINED;
  const auto found = elements_below(root_of(*self->node),
                                    [&](const Node& node) { return node.name == "datalist" && attribute_or(node, "id") == *wanted; });
  return new_element(self, found.empty() ? nullptr : found.front());
}
JSValue select_type(const ElementSelf& self) {
  return script::new_string(self.context, self->node->attribute("multiple") == nullptr ? "select" : "select-multiple");
}
JSValue select_size(const ElementSelf& self) { return JS_NewInt32(self.context, self->node->attribute("multiple") == nullptr ? 1 : 4); }
JSValue undefined(const ElementSelf&) { return JS_UNDEFINED; }
JSValue progress_position(const ElementSelf& self) {
  const std::string* given = self->node->attribute("value");
  const double most = std::strtod(attribute_or(*self->node, "max", "1").c_str(), nullptr);
  if (given == nullptr || most <= 0) return JS_NewInt32(self.context, -1);
  char* end = nullptr;
  const double done = std::strtod(given->c_str(), &end);
  return end == given->c_str() ? JS_NewInt32(self.context, -1) : JS_NewFloat64(self.context, std::clamp(done / most, 0.0, 1.0));
}

/// An address as seen from the page at `base`; as it is when there is none.
std::string seen_from(const std::string& base, const std::string& reference) {
  if (base.empty()) return reference;
  const auto url = wire::Url::parse(base);
  const auto target = url ? url->resolve(reference) : url;
  return target ? target->text() : reference;
}

/// A part of a link's address.
template <class Part>
JSValue link_part(const ElementSelf& self, Part&& part) {
  const auto url = wire::Url::parse(seen_from(self->url, attribute_or(*self->node, "href")));
  return script::new_string(self.context, url ? part(*url) : std::string());
}
std::string host_of(const wire::Url& url) { return url.host; }
JSValue link_hash(const ElementSelf& self) {
  return link_part(self, [](const wire::Url& url) { return url.fragment.empty() ? std::string() : "#" + url.fragment; });
}
JSValue link_host(const ElementSelf& self) { return link_part(self, host_of); }
JSValue link_hostname(const ElementSelf& self) {
  return link_part(self, [](const wire::Url& url) { return std::string(url.hostname()); });
}
JSValue link_origin(const ElementSelf& self) {
  return link_part(self, [](const wire::Url& url) { return url.scheme.empty() ? std::string() : url.scheme + "://" + host_of(url); });
}
JSValue link_password(const ElementSelf& self) {
  return link_part(self, [](const wire::Url& url) { return url.password.value_or(""); });
}
JSValue link_pathname(const ElementSelf& self) {
  return link_part(self, [](const wire::Url& url) { return url.path; });
}
JSValue link_port(const ElementSelf& self) {
  return link_part(self, [](const wire::Url& url) { return std::string(url.port_text()); });
}
JSValue link_protocol(const ElementSelf& self) {
  return link_part(self, [](const wire::Url& url) { return url.scheme.empty() ? std::string(":") : url.scheme; });
}
JSValue link_search(const ElementSelf& self) {
  return link_part(self, [](const wire::Url& url) { return url.raw_query.empty() ? std::string() : "?" + url.raw_query; });
}
JSValue link_username(const ElementSelf& self) {
  return link_part(self, [](const wire::Url& url) { return url.user.value_or(""); });
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
  JSValue (*compute)(const ElementSelf&) = nullptr;
};

constexpr Method text_of(const char* name, const char* tags, const char* attribute, const char* otherwise = "") {
  return {name, tags, Method::Kind::text, attribute, otherwise};
}
constexpr Method url_of(const char* name, const char* tags, const char* attribute) { return {name, tags, Method::Kind::url, attribute}; }
constexpr Method flag_of(const char* name, const char* tags, const char* attribute) { return {name, tags, Method::Kind::flag, attribute}; }
constexpr Method number_of(const char* name, const char* tags, const char* attribute, const char* otherwise = "0") {
  return {name, tags, Method::Kind::number, attribute, otherwise};
}
constexpr Method word_of(const char* name, const char* tags, const char* attribute, const char* otherwise, const char* allowed) {
  return {name, tags, Method::Kind::word, attribute, otherwise, allowed};
}
constexpr Method computed(const char* name, const char* tags, JSValue (*compute)(const ElementSelf&)) {
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
  const auto all = words_of(list);
  return std::find(all.begin(), all.end(), word) != all.end();
}

JSValue call_method(JSContext* context, JSValueConst self_value, int, JSValueConst*, int index) {
  Element* object = script::Class<Element>::of(self_value);
  if (object == nullptr) return script::throw_type_error(context, "not an element");
  const ElementSelf self{context, self_value, object};
  const Method& method = kMethods[static_cast<std::size_t>(index)];
  if (method.kind == Method::Kind::computed) return method.compute(self);
  const std::string* given = *method.attribute == '\0' ? nullptr : self->node->attribute(method.attribute);
  switch (method.kind) {
    case Method::Kind::optional_text: return given == nullptr ? JS_UNDEFINED : script::new_string(context, *given);
    case Method::Kind::url: return script::new_string(context, given == nullptr ? std::string() : seen_from(self->url, *given));
    case Method::Kind::flag: return JS_NewBool(context, given != nullptr);
    case Method::Kind::number: {
      const std::string& digits = given == nullptr ? std::string(method.otherwise) : *given;
      char* end = nullptr;
      const long number = std::strtol(digits.c_str(), &end, 10);
      return JS_NewInt64(context, *end != '\0' || digits.empty() ? std::strtol(method.otherwise, nullptr, 10) : number);
    }
    case Method::Kind::word:
      return script::new_string(context,
                                given != nullptr && has_word(method.allowed, *given) ? std::string_view(*given) : method.otherwise);
    default: return script::new_string(context, given == nullptr ? std::string_view(method.otherwise) : *given);
  }
}

}  // namespace

const std::vector<script::Member>& methods_of_tag(const std::string& tag) {
  static const std::map<std::string, std::vector<script::Member>> kByTag = [] {
    std::map<std::string, std::vector<script::Member>> by_tag;
    for (std::size_t i = 0; i < kMethods.size(); ++i) {
      script::Member member{};
      member.name = kMethods[i].name;
      member.prop_flags = JS_PROP_C_W_E;
      member.def_type = JS_DEF_CFUNC;
      member.magic = static_cast<std::int16_t>(i);
      member.u.func.length = 0;
      member.u.func.cproto = JS_CFUNC_generic_magic;
      member.u.func.cfunc.generic_magic = &call_method;
      for (const std::string& name : words_of(kMethods[i].tags)) by_tag[name].push_back(member);
    }
    return by_tag;
  }();
  static const std::vector<script::Member> kNone;
  const auto found = kByTag.find(tag);
  return found == kByTag.end() ? kNone : found->second;
}

}  // namespace gauntlet::engine::api
