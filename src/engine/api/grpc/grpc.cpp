#include "engine/api/grpc/grpc.hpp"

#include "engine/api/grpc/answer.hpp"
#include "engine/api/grpc/client.hpp"
#include "engine/api/grpc/state.hpp"
#include "engine/api/grpc/stream.hpp"
#include "engine/script/binding.hpp"

namespace gauntlet::engine::modules {
namespace {

// Plain numbers; in k6 they are objects that compare equal to them with ==, but not with ===.
const js::Member kConstants[] = {
    js::int_constant("StatusOK", 0),
    js::int_constant("StatusCanceled", 1),
    js::int_constant("StatusUnknown", 2),
    js::int_constant("StatusInvalidArgument", 3),
    js::int_constant("StatusDeadlineExceeded", 4),
    js::int_constant("StatusNotFound", 5),
    js::int_constant("StatusAlreadyExists", 6),
    js::int_constant("StatusPermissionDenied", 7),
    js::int_constant("StatusResourceExhausted", 8),
    js::int_constant("StatusFailedPrecondition", 9),
    js::int_constant("StatusAborted", 10),
    js::int_constant("StatusOutOfRange", 11),
    js::int_constant("StatusUnimplemented", 12),
    js::int_constant("StatusInternal", 13),
    js::int_constant("StatusUnavailable", 14),
    js::int_constant("StatusDataLoss", 15),
    js::int_constant("StatusUnauthenticated", 16),
    js::int_constant("HealthCheckUnknown", 0),
    js::int_constant("HealthCheckServing", 1),
    js::int_constant("HealthCheckNotServing", 2),
    js::int_constant("HealthCheckServiceUnkown", 3),  // spelt as k6 has it
};

}  // namespace

void init_grpc(js::Module& module) {
  define_grpc_answer(grpc_state_of(module.context()));
  export_grpc_client(module);
  export_grpc_stream(module);
  module.exports(kConstants);
}

}  // namespace gauntlet::engine::modules
