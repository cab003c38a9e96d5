#pragma once
// k6: check, group, sleep, fail, randomSeed. https://grafana.com/docs/k6/latest/javascript-api/k6/

namespace gauntlet::engine::js {
class Module;
}

namespace gauntlet::engine::modules {

void init_k6(js::Module& module);

}  // namespace gauntlet::engine::modules
