#pragma once
// grpc.reflection v1 and v1alpha over protobuf's generated descriptor pool: grpcurl, Postman and k6's reflect find the
// methods without .proto files.
namespace gauntlet::base::grpc {

class Server;

/// Adds ServerReflectionInfo of both versions. Lists the services that `server` has at the time of the question; their
/// descriptors must be linked into the program (generated code registers itself).
void add_reflection(Server& server);

}  // namespace gauntlet::base::grpc
