#pragma once
// Calls a unary method of a receiver with each body: see PushQueue. The answer's content is not looked at.
//
//   GrpcPush push("collector", {.address = "127.0.0.1:4317", .path = "/pkg.Service/Export"}, tell);
//   push.send(request.SerializeAsString(), 1200);
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "engine/sinks/push/push_queue.hpp"

namespace gauntlet::engine::sinks {

struct GrpcPushTarget {
  std::string address;                                        ///< "host:port"
  std::string path;                                           ///< "/pkg.Service/Method"
  std::vector<std::pair<std::string, std::string>> metadata;  ///< lower-case names
  bool tls = false;
  bool accept_any_certificate = false;
  std::string authority_path;           ///< PEM file with the certificates to trust; empty: the system's
  std::string client_certificate_path;  ///< PEM; empty: none
  std::string client_key_path;
  std::chrono::milliseconds timeout{5000};  ///< of one attempt, and of one to connect
};

class GrpcPush final : public PushQueue {
 public:
  /// `name` is what messages call the receiver. Tried again are the statuses that OTLP calls retryable
  /// (https://opentelemetry.io/docs/specs/otlp/#failures).
  GrpcPush(std::string name, const GrpcPushTarget& target, Tell tell);
};

}  // namespace gauntlet::engine::sinks
