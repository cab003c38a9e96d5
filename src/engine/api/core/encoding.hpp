#pragma once
// k6/encoding: base64. https://grafana.com/docs/k6/latest/javascript-api/k6-encoding/

namespace gauntlet::engine::js {
class Module;
}

namespace gauntlet::engine::modules {

void init_encoding(js::Module& module);

}  // namespace gauntlet::engine::modules
