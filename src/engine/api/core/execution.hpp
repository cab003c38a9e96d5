#pragma once
// k6/execution: where the script is in the test. https://grafana.com/docs/k6/latest/javascript-api/k6-execution/

namespace gauntlet::engine::script {
class Module;
}

namespace gauntlet::engine::api {

void init_execution(script::Module& module);

}  // namespace gauntlet::engine::api
