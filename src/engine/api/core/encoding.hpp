#pragma once
// k6/encoding: base64. https://grafana.com/docs/k6/latest/javascript-api/k6-encoding/

namespace gauntlet::engine::script {
class Module;
}

namespace gauntlet::engine::api {

void init_encoding(script::Module& module);

}  // namespace gauntlet::engine::api
