#pragma once
// k6/crypto: digests, HMAC and random bytes. https://grafana.com/docs/k6/latest/javascript-api/k6-crypto/

namespace gauntlet::engine::script {
class Module;
}

namespace gauntlet::engine::api {

void init_crypto(script::Module& module);

}  // namespace gauntlet::engine::api
