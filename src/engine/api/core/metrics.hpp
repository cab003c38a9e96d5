#pragma once
// k6/metrics: the script's own metrics. https://grafana.com/docs/k6/latest/javascript-api/k6-metrics/

namespace gauntlet::engine::js {
class Module;
}

namespace gauntlet::engine::modules {

void init_metrics(js::Module& module);

}  // namespace gauntlet::engine::modules
