#pragma once
// k6/experimental/streams: the streams of the web (https://streams.spec.whatwg.org), default controllers only.
// https://grafana.com/docs/k6/latest/javascript-api/k6-experimental/streams/
// What happens is in streams/*.js: state machines of promises that the standard writes down in JavaScript's terms.
// Streams need nothing of the event loop: their promises are settled by what the script does, so that a read that
// nobody answers does not keep an iteration from ending, as in k6.

#include <quickjs.h>

#include <string_view>

namespace gauntlet::engine::script {
class Module;
}

namespace gauntlet::engine::api {

void init_streams(script::Module& module);

/// A ReadableStream that gives `bytes` as one Uint8Array, for natives that have a stream() method.
JSValue new_byte_stream(JSContext* context, std::string_view bytes);

}  // namespace gauntlet::engine::api
