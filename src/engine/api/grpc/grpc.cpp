#include "engine/api/grpc/grpc.hpp"

#include "engine/api/grpc/answer.hpp"
#include "engine/api/grpc/client.hpp"
#include "engine/api/grpc/state.hpp"
#include "engine/api/grpc/stream.hpp"
#include "engine/script/binding.hpp"

namespace gauntlet::engine::api {
namespace {

// Plain numbers; in k6 they are objects that compare equal to them with ==, but not with ===.
const script::Member kConstants[] = {
    script::int_constant("StatusOK", 0),
    script::int_constant("StatusCanceled", 1),
    script::int_constant("StatusUnknown", 2),
    script::int_constant("StatusInvalidArgument", 3),
    script::int_constant("StatusDeadlineExceeded", 4),
    script::int_constant("StatusNotFound", 5),
    script::int_constant("StatusAlreadyExists", 6),
    script::int_constant("StatusPermissionDenied", 7),
    script::int_constant("StatusResourceExhausted", 8),
    script::int_constant("StatusFailedPrecondition", 9),
    script::int_constant("StatusAborted", 10),
    script::int_constant("StatusOutOfRange", 11),
    script::int_constant("StatusUnimplemented", 12),
    script::int_constant("StatusInternal", 13),
    script::int_constant("StatusUnavailable", 14),
    script::int_constant("StatusDataLoss", 15),
    script::int_constant("StatusUnauthenticated", 16),
    script::int_constant("HealthCheckUnknown", 0),
    script::int_constant("HealthCheckServing", 1),
    script::int_constant("HealthCheckNotServing", 2),
    script::int_constant("HealthCheckServiceUnkown", 3),  // spelt as k6 has it
};

}  // namespace

void init_grpc(script::Module& module) {
  define_grpc_answer(module.context());
  export_grpc_client(module);
  export_grpc_stream(module);
  module.exports(kConstants);
}

}  // namespace gauntlet::engine::api
