#pragma once
// What client.invoke() returns: {message, error, headers, trailers, status}. A property is made when it is first
// looked at; a script that only checks the status pays for nothing else.
#include <quickjs.h>

#include <memory>
#include <string>

#include "engine/api/grpc/state.hpp"

namespace gauntlet::engine::api {

/// To be called once per runtime, before the first answer.
void define_grpc_answer(JSContext* context);
/// The object for a call that has ended. `discarded`: its message is null.
JSValue new_grpc_answer(JSContext* context, PooledCall call, bool discarded);

/// A failed call's {code, message, details} object. `details` are those that the schema knows.
JSValue new_grpc_error(GrpcState& state, const wire::GrpcStatus& status, const grpc::Schema* schema);

}  // namespace gauntlet::engine::api
