#pragma once
// `k6/secrets`: secrets.get(key), and secrets.source(name).get(key) where there are several sources
// (https://grafana.com/docs/k6/latest/javascript-api/k6-secrets/).
namespace gauntlet::engine::script {
class Module;
}

namespace gauntlet::engine::api {

void init_secrets(script::Module& module);

}  // namespace gauntlet::engine::api
