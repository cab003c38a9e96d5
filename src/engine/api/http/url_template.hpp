#pragma once
// http.url`...`: a URL that carries the name under which its requests are counted.
#include <quickjs.h>

#include <string>

namespace gauntlet::engine::api {

struct UrlTemplate {
  std::string url;
  std::string name;  ///< the template with ${} for what was put in
};

void define_url_template(JSContext* context);
/// The tag function: (strings, ...values).
JSValue new_url_template(JSContext* context, int count, JSValueConst* arguments);

}  // namespace gauntlet::engine::api
