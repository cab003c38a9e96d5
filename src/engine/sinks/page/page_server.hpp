#pragma once
// Serves the live page: GET / is the page, /events its data as server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html), /data.json everything so far, /report the page with
// its data inside. On a thread of its own at a lower priority than the engine's.
#include <cstdint>
#include <memory>
#include <string>

#include "base/error.hpp"
#include "engine/sinks/page/history.hpp"

namespace gauntlet::engine::dashboard {

/// Made and destroyed by the control thread; `history` outlives it.
class PageServer {
 public:
  /// Fails, naming address and port, when it cannot listen there. `address` is numeric.
  static base::Expected<std::unique_ptr<PageServer>> start(const std::string& address, std::uint16_t port, const History& history);
  /// Sends nothing more and closes at once: a visitor never delays the run's exit.
  ~PageServer();
  PageServer(const PageServer&) = delete;
  PageServer& operator=(const PageServer&) = delete;

  std::uint16_t port() const;
  /// Any thread: sends an event to every visitor. One who does not read is cut off, and begins anew when he returns.
  void publish(const char* event, std::string json);

  /// Visitors at a time; more are refused.
  static constexpr std::size_t kMaxConnections = 64;
  /// Bytes that may wait for one visitor beyond the document that he began with.
  static constexpr std::size_t kMaxBehindBytes = 4U << 20U;

 private:
  struct State;
  explicit PageServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gauntlet::engine::dashboard
