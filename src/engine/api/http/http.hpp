#pragma once
// k6/http: https://grafana.com/docs/k6/latest/javascript-api/k6-http/
#include <quickjs.h>

#include <string_view>

namespace gauntlet::engine::script {
class Module;
struct Call;
}  // namespace gauntlet::engine::script

namespace gauntlet::engine::api {

void init_http(script::Module& module);
/// (promise, reason): the request that asyncRequest() gave the promise for is ended, unless its answer is there.
JSValue abort_request(script::Call call);

/// What http.request() does, for natives that make requests of their own.
JSValue make_http_request(JSContext* context, std::string_view method, JSValueConst url, JSValueConst body, JSValueConst params);

}  // namespace gauntlet::engine::api
