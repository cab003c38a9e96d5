#pragma once
// k6/crypto: digests, HMAC and random bytes. https://grafana.com/docs/k6/latest/javascript-api/k6-crypto/

namespace gauntlet::engine::js {
class Module;
}

namespace gauntlet::engine::modules {

void init_crypto(js::Module& module);

}  // namespace gauntlet::engine::modules
