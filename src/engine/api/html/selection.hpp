#pragma once
// k6/html: parseHTML() and Selection. https://grafana.com/docs/k6/latest/javascript-api/k6-html/
#include <quickjs.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/html/document.hpp"
#include "engine/script/native_memory.hpp"

namespace gauntlet::engine::script {
class Module;
}

namespace gauntlet::engine::api {

void init_html(script::Module& module);

/// What a Selection holds; `url` is what relative links of its elements are relative to.
struct Selection {
  std::shared_ptr<const html::Document> document;  // shared: by everything that points into it
  std::string url;
  std::vector<const html::Node*> nodes;
  std::shared_ptr<Selection> origin;             // shared: what end() goes back to
  std::shared_ptr<script::NativeMemory> memory;  // shared: by the copies that are origins

  Selection() = default;
  Selection(const Selection&) = default;
  Selection& operator=(const Selection&) = default;
  /// Without recursion: a script may derive one from another without end.
  ~Selection();
};

JSValue new_selection(JSContext* context, std::unique_ptr<Selection> selection);
/// A selection of a whole page; of what a CSS selector finds in it when `selector` is not empty.
JSValue new_page_selection(JSContext* context, std::string_view html, std::string url, std::string_view selector = {});

/// An Element object (element.hpp), undefined for nullptr.
JSValue new_element(JSContext* context, std::shared_ptr<const html::Document> document, const std::string& url, const html::Node* node);

/// `otherwise` of a node without that attribute.
std::string attribute_or(const html::Node& node, std::string_view name, std::string_view otherwise = "");

/// A field that a browser does not send: `disabled` itself, or in a fieldset that is (its legend excepted).
bool is_disabled(const html::Node& field);
/// The value of a form field as val() has it: undefined, a string, or an array for a list of several.
JSValue field_value(JSContext* context, const html::Node& field);
/// The fields of a form that are sent with it, by name.
std::vector<std::pair<std::string, const html::Node*>> form_fields(const std::vector<const html::Node*>& nodes);

}  // namespace gauntlet::engine::api
