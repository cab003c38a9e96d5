#pragma once
// challenge-event-handler as a process of its own, against a database that the caller names; killed with the test.
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "postgres/connection_options.hpp"

namespace gauntlet::support {

struct HandlerStart {
  std::string program;
  std::string challenge_config;  // path
  postgres::ConnectionOptions database;
  std::uint16_t grpc_port = 0;                                   // 0: the kernel chooses
  std::vector<std::pair<std::string, std::string>> environment;  // further settings; LOG_LEVEL at most info, whose lines say that it serves
};

/// One start of the program. Errors end the test program with the handler's log.
class HandlerProcess {
 public:
  /// Returns once it serves.
  explicit HandlerProcess(const HandlerStart& start);
  /// Kills it when it still runs.
  ~HandlerProcess();
  HandlerProcess(const HandlerProcess&) = delete;
  HandlerProcess& operator=(const HandlerProcess&) = delete;

  pid_t pid() const { return pid_; }
  std::uint16_t port() const { return port_; }
  void signal(int number) const;
  /// SIGTERM; its exit status, or 128 and the signal that ended it.
  int stop();
  /// SIGKILL.
  void kill();

 private:
  int wait();
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace gauntlet::support
