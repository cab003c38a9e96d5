#include "support/private_postgres.hpp"

#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "postgres/blocking_connection.hpp"
#include "postgres/migrations.hpp"
#include "support/source_directory.hpp"

namespace gauntlet::support {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr const char* kPrograms = "/usr/lib/postgresql/15/bin/";

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "private PostgreSQL: %s\n", what.c_str());
  std::abort();
}

/// Starts a program with its output in `log`, as user postgres when we are root.
pid_t spawn(const std::vector<std::string>& command, const fs::path& log, const PrivatePostgres::Variables& environment = {}) {
  const passwd* unprivileged = getuid() == 0 ? getpwnam("postgres") : nullptr;
  if (getuid() == 0 && unprivileged == nullptr) give_up("there is no user postgres to run as; install postgresql-15");
  std::vector<char*> arguments;
  for (const std::string& each : command) arguments.push_back(const_cast<char*>(each.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) give_up("fork failed");
  if (child > 0) return child;
  // Out of the terminal's process group: Ctrl-C must reach the test, which stops the server in order.
  setsid();
  if (std::freopen(log.c_str(), "a", stdout) == nullptr || dup2(STDOUT_FILENO, STDERR_FILENO) < 0) _exit(126);
  if (unprivileged != nullptr && (setgid(unprivileged->pw_gid) != 0 || setuid(unprivileged->pw_uid) != 0)) _exit(126);
  if (chdir("/") != 0) _exit(126);
  for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
  execv(arguments[0], arguments.data());
  _exit(127);
}

void run(const std::vector<std::string>& command, const fs::path& log) {
  int status = 0;
  if (waitpid(spawn(command, log), &status, 0) < 0 || status != 0) {
    std::ifstream in(log);
    give_up(command[0] + " failed:\n" + std::string(std::istreambuf_iterator<char>(in), {}));
  }
}

/// Below those that the kernel gives to connections: other tests that run meanwhile make thousands, and the server comes back on its
/// port after a test has killed it.
int free_port() {
  constexpr int kFirst = 20'000, kLast = 32'000;
  std::random_device random;
  for (int attempt = 0; attempt < 100; ++attempt) {
    const int port = std::uniform_int_distribution(kFirst, kLast)(random);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool is_free = fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    close(fd);
    if (is_free) return port;
  }
  give_up("no free port on 127.0.0.1 from " + std::to_string(kFirst) + " to " + std::to_string(kLast));
}

}  // namespace

PrivatePostgres::PrivatePostgres(Variables environment) : environment_(std::move(environment)) {
  std::string pattern = (fs::temp_directory_path() / "gauntlet-pg-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) give_up("cannot create " + pattern);
  folder_ = pattern;
  if (getuid() == 0)
    if (const passwd* owner = getpwnam("postgres"); owner != nullptr && chown(folder_.c_str(), owner->pw_uid, owner->pw_gid) != 0)
      give_up("cannot give " + pattern + " to user postgres");
  const fs::path data = folder_ / "data";
  run({std::string(kPrograms) + "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"},
      folder_ / "initdb.log");
  port_ = free_port();
  std::ofstream settings(data / "postgresql.conf", std::ios::app);
  settings << "port = " << port_ << "\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '" << folder_.string()
           << "'\nmax_connections = 100\nshared_buffers = 128MB\nshared_preload_libraries = 'pg_stat_statements'\n"
           << "wal_level = minimal\nmax_wal_senders = 0\nlog_line_prefix = '%m [%p] '\n";
  settings.close();
  start();
}

PrivatePostgres::~PrivatePostgres() {
  stop();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

PrivatePostgres& PrivatePostgres::shared() {
  static PrivatePostgres server;
  return server;
}

postgres::ConnectionOptions PrivatePostgres::options() const {
  postgres::ConnectionOptions options;
  options.host = "127.0.0.1";
  options.port = port_;
  options.database = "postgres";
  options.user = "postgres";
  options.application_name = "test";
  return options;
}

postgres::ConnectionOptions PrivatePostgres::fresh_database() {
  auto fresh = options();
  fresh.database = "test_" + std::to_string(++databases_);
  auto connection = postgres::BlockingConnection::connect(options());
  if (!connection) give_up(connection.error().message);
  if (const auto created = connection->run("CREATE DATABASE " + fresh.database); !created) give_up(created.error().message);
  return fresh;
}

postgres::ConnectionOptions PrivatePostgres::migrated_database() {
  auto migrated = fresh_database();
  if (const auto done = postgres::migrate(migrated, fs::path(source_directory()) / "migrations"); !done) give_up(done.error().message);
  return migrated;
}

void PrivatePostgres::start() {
  pid_ = spawn({std::string(kPrograms) + "postgres", "-D", folder_ / "data"}, folder_ / "postgres.log", environment_);
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (std::chrono::steady_clock::now() < deadline) {
    if (postgres::BlockingConnection::connect(options())) return;
    if (waitpid(pid_, nullptr, WNOHANG) == pid_) break;
    std::this_thread::sleep_for(20ms);
  }
  std::ifstream log(folder_ / "postgres.log");
  give_up("did not start:\n" + std::string(std::istreambuf_iterator<char>(log), {}));
}

bool PrivatePostgres::is_running() {
  if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
  return pid_ > 0;
}

void PrivatePostgres::stop() { stop_with(SIGINT); }
void PrivatePostgres::stop_immediately() { stop_with(SIGQUIT); }

void PrivatePostgres::stop_with(int signal) {
  if (pid_ <= 0) return;
  ::kill(pid_, signal);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void PrivatePostgres::kill() {
  if (pid_ <= 0) return;
  // Stopped first, so that it starts no further children while they are killed.
  ::kill(pid_, SIGSTOP);
  std::ifstream list("/proc/" + std::to_string(pid_) + "/task/" + std::to_string(pid_) + "/children");
  for (pid_t child = 0; list >> child;) ::kill(child, SIGKILL);
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

}  // namespace gauntlet::support
