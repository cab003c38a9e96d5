#pragma once
// A line for every request and call: at debug, and as a warning where the service failed. With the ids by which a
// client or a gateway asks about it.
#include "base/grpc/server.hpp"
#include "base/http/listener.hpp"

namespace gauntlet::service {

/// For http::ListenerOptions::observer.
void log_request(const base::http::Answered& answered);
/// For grpc::ServerOptions::observer.
void log_call(const base::grpc::EndedCall& ended);

}  // namespace gauntlet::service
