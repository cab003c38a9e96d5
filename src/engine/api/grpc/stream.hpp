#pragma once
// The script's grpc.Stream: messages both ways, told to handlers of 'data', 'error' and 'end'.

namespace gauntlet::engine::js {
class Module;
}

namespace gauntlet::engine::modules {

/// The constructor `Stream` with its methods.
void export_grpc_stream(js::Module& module);

}  // namespace gauntlet::engine::modules
