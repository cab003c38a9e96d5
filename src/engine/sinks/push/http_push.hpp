#pragma once
// POSTs bodies to a receiver: see PushQueue.
//
//   HttpPush push("InfluxDB", {.url = "http://127.0.0.1:8086/write?db=k6"}, tell);
//   push.send(std::move(lines), 1200);
//   ...
//   push.finish(std::chrono::seconds(10));
#include <chrono>
#include <string>
#include <vector>

#include "engine/sinks/push/push_queue.hpp"

namespace gauntlet::engine::sinks {

struct PushTarget {
  std::string url;
  std::vector<std::string> headers;  ///< "Content-Type: application/x-protobuf"
  std::string username;              ///< basic authentication; empty: none
  std::string password;
  bool accept_any_certificate = false;
  std::string authority_path;           ///< PEM file with the certificates to trust; empty: the system's
  std::string client_certificate_path;  ///< PEM; empty: none
  std::string client_key_path;
  std::chrono::milliseconds timeout{5000};  ///< of one attempt
};

class HttpPush final : public PushQueue {
 public:
  /// `name` is what messages call the receiver. 429 and 5xx are tried again.
  HttpPush(std::string name, const PushTarget& target, Tell tell);
};

}  // namespace gauntlet::engine::sinks
