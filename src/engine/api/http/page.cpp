#include "engine/api/http/page.hpp"

#include <fmt/format.h>

#include <map>
#include <vector>

#include "engine/api/html/selection.hpp"
#include "engine/api/http/http.hpp"
#include "engine/wire/url.hpp"

namespace gauntlet::engine::api {
namespace {

using html::Node;
using script::Call;
using script::Self;
using script::Value;

std::string url_of(const Response& response) { return response.fetch ? std::string(response.fetch->hop_url()) : std::string(); }

/// The page, or what `selector` finds in it; an exception value when there is no body.
Value select(const Self<Response>& self, std::string_view selector) {
  if (self->has_null_body()) {
    return {self.context,
            script::throw_error(self.context,
                                "the body is null so we can't transform it to HTML - this likely was because of a request error "
                                "getting the response")};
  }
  return {self.context, new_page_selection(self.context, self->text(), url_of(*self.object), selector)};
}

const std::vector<const Node*>& nodes_of(const Value& selection) { return script::Class<Selection>::of(selection.get())->nodes; }

/// An option of the call as text, or `otherwise`.
std::string option(const Value& options, const char* name, const char* otherwise) {
  const Value value = options.property(name);
  return value.is_nullish() ? otherwise : script::Text(value).str();
}

std::string resolved(const std::string& base, std::string_view reference) {
  const auto url = wire::Url::parse(base);
  const auto target = url ? url->resolve(reference) : url;
  return target ? target->text() : std::string(reference);
}

/// What a form sends: values by name, in the order of names.
using Fields = std::map<std::string, std::vector<std::string>>;

void add_field(Fields& fields, const std::string& name, const Value& value) {
  auto& list = fields[name];
  if (!value.is_array()) {
    list.push_back(value.is_undefined() ? std::string() : script::Text(value).str());
    return;
  }
  const std::int64_t length = script::list_length(value.context(), value.get());
  for (std::int64_t i = 0; i < length; ++i) list.push_back(script::Text(value.element(static_cast<std::uint32_t>(i))).str());
}

Value body_of(JSContext* context, const Fields& fields) {
  Value body(context, JS_NewObject(context));
  for (const auto& [name, values] : fields) {
    if (values.size() == 1) {
      body.set(name, values.front());
      continue;
    }
    Value list(context, JS_NewArray(context));
    for (std::uint32_t i = 0; i < values.size(); ++i)
      JS_DefinePropertyValueUint32(context, list.get(), i, script::new_string(context, values[i]), JS_PROP_C_W_E);
    body.set(name, std::move(list));
  }
  return body;
}

std::string query_of(const Fields& fields) {
  std::string query;
  for (const auto& [name, values] : fields) {
    for (const std::string& value : values) {
      query += query.empty() ? "" : "&";
      wire::append_query_escaped(query, name);
      query += '=';
      wire::append_query_escaped(query, value);
    }
  }
  return query;
}

}  // namespace

JSValue page_html(Self<Response> self, Call call) {
  if (!call.has(0)) return select(self, "").release();
  const script::Text selector(self.context, call.arg(0));
  return selector.failed() ? JS_EXCEPTION : select(self, selector).release();
}

JSValue page_submit_form(Self<Response> self, Call call) {
  JSContext* const context = self.context;
  if (call.count > 0 && JS_IsNull(call.arg(0))) return script::throw_type_error(context, "Cannot convert undefined or null to object");
  const Value options = call.has(0) ? Value::copy(context, call.arg(0)) : Value(context, JS_NewObject(context));
  const std::string form_selector = option(options, "formSelector", "form");
  const Value forms = select(self, form_selector);
  if (forms.is_exception()) return JS_EXCEPTION;
  if (nodes_of(forms).empty()) {
    return script::throw_error(context,
                               fmt::format("no form found for selector '{}' in response '{}'", form_selector, url_of(*self.object)));
  }
  const Node& form = *nodes_of(forms).front();

  Fields fields;
  for (const Node* one : nodes_of(forms)) {  // a field of a later form replaces an earlier form's, as in k6
    Fields own;
    for (const auto& [name, field] : form_fields({one})) add_field(own, name, Value(context, field_value(context, *field)));
    for (auto& [name, values] : own) fields[name] = std::move(values);
  }
  const Value find = forms.property("find");
  const Value submit_selector(context, script::new_string(context, option(options, "submitSelector", "[type=\"submit\"]")));
  JSValueConst arguments[] = {submit_selector.get()};
  const Value submits(context, JS_Call(context, find.get(), forms.get(), 1, arguments));
  if (submits.is_exception()) return JS_EXCEPTION;
  if (script::Class<Selection>::of(submits.get()) == nullptr)
    return script::throw_error(context, "find() of the page is not what it was: it gives no Selection");
  std::string action = attribute_or(form, "action");
  std::string method = attribute_or(form, "method", "GET");
  if (!nodes_of(submits).empty() && !is_disabled(*nodes_of(submits).front())) {
    const Node& submit = *nodes_of(submits).front();
    if (const std::string* name = submit.attribute("name")) fields[*name] = {attribute_or(submit, "value")};
    action = attribute_or(submit, "formaction", action);
    method = attribute_or(submit, "formmethod", method);
  }
  const Value given = options.property("fields");
  if (given.is_object()) {
    const bool walked = script::for_each_property(context, given.get(), [&](std::string_view name, const Value& value) {
      fields.erase(std::string(name));
      add_field(fields, std::string(name), value);
      return true;
    });
    if (!walked) return JS_EXCEPTION;
  }

  for (char& c : method) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c;
  std::string url = resolved(url_of(*self.object), action);
  const Value params = options.property("params");
  Value body(context, JS_NULL);
  if (method == "GET") {
    if (auto parsed = wire::Url::parse(url)) {
      parsed->raw_query = query_of(fields);
      url = parsed->text();
    }
  } else {
    body = body_of(context, fields);
  }
  const Value target(context, script::new_string(context, url));
  return make_http_request(context, method, target.get(), body.get(), params.get());
}

JSValue page_click_link(Self<Response> self, Call call) {
  JSContext* const context = self.context;
  if (call.count > 0 && JS_IsNull(call.arg(0))) return script::throw_type_error(context, "Cannot convert undefined or null to object");
  const Value options = call.has(0) ? Value::copy(context, call.arg(0)) : Value(context, JS_NewObject(context));
  const std::string selector = option(options, "selector", "a[href]");
  const Value links = select(self, selector);
  if (links.is_exception()) return JS_EXCEPTION;
  if (nodes_of(links).empty()) {
    return script::throw_error(context, fmt::format("no element found for selector '{}' in response '{}'", selector, url_of(*self.object)));
  }
  const std::string* href = nodes_of(links).front()->attribute("href");
  if (href == nullptr) {
    return script::throw_error(
        context, fmt::format("no valid href attribute value found on element '{}' in response '{}'", selector, url_of(*self.object)));
  }
  const Value target(context, script::new_string(context, resolved(url_of(*self.object), *href)));
  const Value params = options.property("params");
  return make_http_request(context, "GET", target.get(), JS_UNDEFINED, params.get());
}

}  // namespace gauntlet::engine::api
