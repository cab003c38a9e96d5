#pragma once
// k6/http: https://grafana.com/docs/k6/latest/javascript-api/k6-http/
#include <quickjs.h>

#include <string_view>

namespace gauntlet::engine::js {
class Module;
}

namespace gauntlet::engine::modules {

void init_http(js::Module& module);

/// What http.request() does, for natives that make requests of their own.
JSValue make_http_request(JSContext* context, std::string_view method, JSValueConst url, JSValueConst body, JSValueConst params);

}  // namespace gauntlet::engine::modules
