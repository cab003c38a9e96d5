#pragma once
// The schema of a server that has grpc.reflection, v1 or v1alpha: what connect() with `reflect: true` asks for.
#include <chrono>
#include <optional>

#include "base/error.hpp"
#include "engine/api/grpc/params.hpp"
#include "engine/wire/grpc/schema.hpp"

namespace gauntlet::engine::wire {
class GrpcClient;
}
namespace gauntlet::engine::users {
class VuContext;
}  // namespace gauntlet::engine::users

namespace gauntlet::engine::api {

/// On the fiber; nothing when it was interrupted. Virtual users that are told the same share one schema.
std::optional<base::Expected<grpc::SchemaPtr>> reflect(users::VuContext& vu, wire::GrpcClient& client, const GrpcMetadataList& metadata,
                                                       std::chrono::nanoseconds timeout, grpc::SchemaCache& schemas);

}  // namespace gauntlet::engine::api
