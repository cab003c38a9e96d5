#pragma once
// k6/execution: where the script is in the test. https://grafana.com/docs/k6/latest/javascript-api/k6-execution/

namespace gauntlet::engine::js {
class Module;
}

namespace gauntlet::engine::modules {

void init_execution(js::Module& module);

}  // namespace gauntlet::engine::modules
