#pragma once
// POSTs bodies to a receiver from a thread of its own, so that one that is slow or away holds up nothing but itself:
// what does not fit into its queue is lost, counted and told.
//
//   HttpPush push("InfluxDB", {.url = "http://127.0.0.1:8086/write?db=k6"}, tell);
//   push.send(std::move(lines), 1200);
//   ...
//   push.finish(std::chrono::seconds(10));
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/output/sample_output.hpp"

namespace gauntlet::engine::output {

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

class HttpPush {
 public:
  /// `name` is what messages call the receiver.
  HttpPush(std::string name, PushTarget target, Tell tell);
  ~HttpPush();
  HttpPush(const HttpPush&) = delete;
  HttpPush& operator=(const HttpPush&) = delete;

  /// Queues a body that stands for so many samples. Never waits.
  void send(std::string body, std::uint64_t samples);
  /// Sends an empty body to another address of the receiver, before what follows; its failure is told and costs
  /// nothing.
  void announce(std::string url);
  /// Waits until all is sent, at most so long, and tells what was lost in all.
  void finish(std::chrono::milliseconds patience);

  /// Bodies that may wait; more are lost.
  static constexpr std::size_t kMostWaiting = 16;
  /// Of a body that the receiver could not take just now (no connection, 429, 5xx).
  static constexpr int kAttempts = 3;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gauntlet::engine::output
