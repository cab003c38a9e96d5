#pragma once
// A TCP relay on 127.0.0.1 that can misbehave like a network: cut what runs through it, or hold it still.
#include <cstdint>
#include <memory>

#include "base/event_loop.hpp"

namespace gauntlet::support {

/// Belongs to its loop's thread; relays only while the loop runs.
class TcpProxy {
 public:
  /// Listens on a port of the kernel's choice and relays to 127.0.0.1:`target`.
  TcpProxy(base::EventLoop& loop, std::uint16_t target);
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  std::uint16_t port() const;
  /// Where connections made from now on lead.
  void set_target(std::uint16_t target);
  /// Resets every connection, both ways, whatever is on its way.
  void cut();
  /// While held, nothing is read and nobody is let in; bytes wait in the sockets, as behind a network that lost its route.
  void hold(bool held);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gauntlet::support
