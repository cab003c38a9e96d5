#pragma once
// k6/net/grpc: https://grafana.com/docs/k6/latest/javascript-api/k6-net-grpc/

namespace gauntlet::engine::script {
class Module;
}

namespace gauntlet::engine::api {

void init_grpc(script::Module& module);

}  // namespace gauntlet::engine::api
