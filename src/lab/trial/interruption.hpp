#pragma once
// Ctrl-C as a fact to look at, for work that must clean up behind itself.
#include <chrono>

#include "base/error.hpp"
#include "lab/process/launch.hpp"

namespace gauntlet::lab {

/// From its making on, SIGINT and SIGTERM no longer end this process: they wait here to be noticed. Make one, in main's
/// thread, before any other thread.
class Interruption {
 public:
  Interruption();
  /// A signal has come.
  bool has_come();
  /// Waits until `process` has ended, or a signal has come; true when it has ended.
  bool wait_for_end(const Descriptor& pidfd);

 private:
  Descriptor signals_;
  bool come_ = false;
};

}  // namespace gauntlet::lab
