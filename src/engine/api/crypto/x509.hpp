#pragma once
// k6/crypto/x509: what is written in a certificate. https://grafana.com/docs/k6/latest/javascript-api/k6-crypto/

namespace gauntlet::engine::js {
class Module;
}

namespace gauntlet::engine::modules {

void init_x509(js::Module& module);

}  // namespace gauntlet::engine::modules
