#pragma once
// The script's grpc.Stream: messages both ways, told to handlers of 'data', 'error' and 'end'.

namespace gauntlet::engine::script {
class Module;
}

namespace gauntlet::engine::api {

/// The constructor `Stream` with its methods.
void export_grpc_stream(script::Module& module);

}  // namespace gauntlet::engine::api
