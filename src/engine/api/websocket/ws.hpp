#pragma once
// k6/ws: WebSockets with callbacks. https://grafana.com/docs/k6/latest/javascript-api/k6-ws/

namespace gauntlet::engine::js {
class Module;
}

namespace gauntlet::engine::modules {

void init_ws(js::Module& module);

}  // namespace gauntlet::engine::modules
