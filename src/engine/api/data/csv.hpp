#pragma once
// k6/experimental/csv: the rows of a file, all at once or one by one.
// https://grafana.com/docs/k6/latest/javascript-api/k6-experimental/csv/

namespace gauntlet::engine::script {
class Module;
}

namespace gauntlet::engine::api {

void init_csv(script::Module& module);

}  // namespace gauntlet::engine::api
