#pragma once
// k6/data: SharedArray. https://grafana.com/docs/k6/latest/javascript-api/k6-data/

namespace gauntlet::engine::js {
class Module;
}

namespace gauntlet::engine::modules {

void init_data(js::Module& module);

}  // namespace gauntlet::engine::modules
