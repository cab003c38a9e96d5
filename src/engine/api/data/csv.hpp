#pragma once
// k6/experimental/csv: the rows of a file, all at once or one by one.
// https://grafana.com/docs/k6/latest/javascript-api/k6-experimental/csv/

namespace gauntlet::engine::js {
class Module;
}

namespace gauntlet::engine::modules {

void init_csv(js::Module& module);

}  // namespace gauntlet::engine::modules
