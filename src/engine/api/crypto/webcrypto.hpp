#pragma once
// The global `crypto`: random values and subtle. https://grafana.com/docs/k6/latest/javascript-api/crypto/
#include <quickjs.h>

namespace gauntlet::engine::api {

/// The `crypto` object of a context; made when a script first touches it.
JSValue new_webcrypto(JSContext* context);

}  // namespace gauntlet::engine::api
