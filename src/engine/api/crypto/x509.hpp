#pragma once
// k6/crypto/x509: what is written in a certificate. https://grafana.com/docs/k6/latest/javascript-api/k6-crypto/

namespace gauntlet::engine::script {
class Module;
}

namespace gauntlet::engine::api {

void init_x509(script::Module& module);

}  // namespace gauntlet::engine::api
