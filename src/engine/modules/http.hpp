#pragma once
// k6/http: https://grafana.com/docs/k6/latest/javascript-api/k6-http/

namespace gauntlet::engine::js {
class Module;
}

namespace gauntlet::engine::modules {

void init_http(js::Module& module);

}  // namespace gauntlet::engine::modules
