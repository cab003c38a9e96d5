#pragma once
// k6/net/grpc: https://grafana.com/docs/k6/latest/javascript-api/k6-net-grpc/

namespace gauntlet::engine::js {
class Module;
}

namespace gauntlet::engine::modules {

void init_grpc(js::Module& module);

}  // namespace gauntlet::engine::modules
