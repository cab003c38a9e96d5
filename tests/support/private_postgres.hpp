#pragma once
// A PostgreSQL 15 cluster of a test's own: in a fresh temporary folder, on a unix socket there and an ephemeral TCP port
// of 127.0.0.1, run as user `postgres` when the test runs as root. Stopped and removed by the destructor.
//
//   auto& server = support::PrivatePostgres::shared();          // one for the whole test program
//   auto options = server.fresh_database();                      // a database of this test alone
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "postgres/connection_options.hpp"

namespace gauntlet::support {

class PrivatePostgres {
 public:
  using Variables = std::vector<std::pair<std::string, std::string>>;
  /// Creates and starts a cluster, its servers with these environment variables besides ours; aborts the test program with
  /// a message when it cannot.
  explicit PrivatePostgres(Variables environment = {});
  ~PrivatePostgres();
  PrivatePostgres(const PrivatePostgres&) = delete;
  PrivatePostgres& operator=(const PrivatePostgres&) = delete;

  /// The program's common cluster, started by the first caller and stopped at exit.
  static PrivatePostgres& shared();

  /// Options for database `postgres` (TCP, 127.0.0.1).
  postgres::ConnectionOptions options() const;
  /// Creates an empty database with a name of its own.
  postgres::ConnectionOptions fresh_database();
  /// The same with the repository's migrations applied.
  postgres::ConnectionOptions migrated_database();

  /// Ends the server like a crash (SIGKILL to the whole server, no checkpoint). start() recovers it on the same port.
  void kill();
  /// pg_ctl stop -m fast.
  void stop();
  /// pg_ctl stop -m immediate: sessions are thrown out and nothing is checkpointed; start() recovers.
  void stop_immediately();
  void start();
  /// False once it has ended by itself, as after a full disk.
  bool is_running();

  int port() const { return port_; }
  pid_t pid() const { return pid_; }

 private:
  void stop_with(int signal);

  const Variables environment_;
  std::filesystem::path folder_;
  int port_ = 0;
  pid_t pid_ = -1;
  int databases_ = 0;
};

}  // namespace gauntlet::support
