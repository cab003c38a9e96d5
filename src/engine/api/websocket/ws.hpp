#pragma once
// k6/ws: WebSockets with callbacks. https://grafana.com/docs/k6/latest/javascript-api/k6-ws/

namespace gauntlet::engine::script {
class Module;
}

namespace gauntlet::engine::api {

void init_ws(script::Module& module);

}  // namespace gauntlet::engine::api
