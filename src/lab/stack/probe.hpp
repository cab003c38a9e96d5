#pragma once
// Is a server ready to serve? Asked over its own port, as a client would.
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/event_loop.hpp"

namespace gauntlet::lab {

struct ProbeSpec {
  enum class Kind {
    tcp,       // somebody accepts connections
    http,      // GET path answers 200
    postgres,  // the start-up packet gets an authentication request (what pg_isready does)
    redis,     // PING answers +PONG, or that it wants a password
  };
  Kind kind = Kind::tcp;
  int port = 0;      // on 127.0.0.1
  std::string path;  // http only

  bool operator==(const ProbeSpec&) const = default;
};

enum class Verdict { undecided, ready, not_ready };

/// What the bytes received so far say. Pure.
Verdict judge(ProbeSpec::Kind kind, std::string_view received);
/// What a probe sends once connected. Pure; empty for tcp.
std::string question_of(const ProbeSpec& probe);

/// One probe under way on a loop. Destroying it gives it up.
class Probe {
 public:
  /// `done` is called once, from the loop, never from here: "" for ready, else why not. It may destroy the probe.
  Probe(base::EventLoop& loop, const ProbeSpec& spec, std::chrono::milliseconds timeout, std::function<void(std::string why_not)> done);
  ~Probe();

 private:
  class Exchange;
  std::unique_ptr<Exchange> exchange_;
};

}  // namespace gauntlet::lab
