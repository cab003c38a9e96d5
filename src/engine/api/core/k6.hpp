#pragma once
// k6: check, group, sleep, fail, randomSeed. https://grafana.com/docs/k6/latest/javascript-api/k6/

namespace gauntlet::engine::script {
class Module;
}

namespace gauntlet::engine::api {

void init_k6(script::Module& module);

}  // namespace gauntlet::engine::api
