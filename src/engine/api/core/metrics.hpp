#pragma once
// k6/metrics: the script's own metrics. https://grafana.com/docs/k6/latest/javascript-api/k6-metrics/

namespace gauntlet::engine::script {
class Module;
}

namespace gauntlet::engine::api {

void init_metrics(script::Module& module);

}  // namespace gauntlet::engine::api
