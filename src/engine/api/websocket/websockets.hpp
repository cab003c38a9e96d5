#pragma once
// k6/websockets, which is also k6/experimental/websockets: the browser's WebSocket on the iteration's event loop.
// https://grafana.com/docs/k6/latest/javascript-api/k6-websockets/

namespace gauntlet::engine::script {
class Module;
}

namespace gauntlet::engine::api {

void init_websockets(script::Module& module);
/// The same, with k6's word that the name is going away.
void init_experimental_websockets(script::Module& module);

}  // namespace gauntlet::engine::api
