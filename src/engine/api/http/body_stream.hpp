#pragma once
// The body of a request with responseType 'stream', read by the script while it comes: bytes, text or server-sent events.
// docs/ENGINE.md has what scripts see of it.
#include <quickjs.h>

#include <memory>

#include "engine/api/http/samples.hpp"
#include "engine/api/http/state.hpp"
#include "engine/script/value.hpp"

namespace gauntlet::engine::api {

void define_body_stream(JSContext* context);

/// The object that scripts read. `fetch` has given the head of its answer, of which `head` is a copy, and maybe all; `jar` is the one it
/// stores cookies in. The iteration's end closes it. An exception value where there is no memory.
script::Value new_body_stream(JSContext* context, HttpState& state, PooledFetch fetch, const wire::HttpFetch& head, HttpSamples samples,
                              std::shared_ptr<wire::CookieJar> jar);

}  // namespace gauntlet::engine::api
