#include "support/handler_process.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "support/source_directory.hpp"

namespace gauntlet::support {
namespace {

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "challenge-event-handler: %s\n", what.c_str());
  std::exit(1);
}

}  // namespace

HandlerProcess::HandlerProcess(const HandlerStart& start) {
  const auto& database = start.database;
  std::vector<std::pair<std::string, std::string>> environment{{"DB_HOST", database.hosts()},
                                                               {"DB_PORT", database.ports()},
                                                               {"DB_NAME", database.database},
                                                               {"DB_USER", database.user},
                                                               {"AB_NAMESPACE", "test"},
                                                               {"CONFIG_PATH", start.challenge_config},
                                                               {"GRPC_PORT", std::to_string(start.grpc_port)},
                                                               {"METRICS_PORT", "0"},
                                                               {"MIGRATIONS_PATH", std::string(source_directory()) + "/migrations"}};
  environment.insert(environment.end(), start.environment.begin(), start.environment.end());
  int out[2];
  if (pipe(out) != 0) give_up("pipe failed");
  pid_ = fork();
  if (pid_ < 0) give_up("fork failed");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);  // Ctrl-C at the terminal is for who started it
    dup2(out[1], STDOUT_FILENO);
    dup2(out[1], STDERR_FILENO);
    close(out[0]);
    for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
    execl(start.program.c_str(), start.program.c_str(), nullptr);
    _exit(127);
  }
  close(out[1]);
  // "... is serving grpc_port=41234 ...", then the log is read away for ever.
  auto* log = fdopen(out[0], "r");
  char line[4096];
  std::string seen;
  while (port_ == 0 && std::fgets(line, sizeof line, log) != nullptr) {
    seen += line;
    if (const char* at = std::strstr(line, "grpc_port=")) port_ = static_cast<std::uint16_t>(std::atoi(at + 10));
  }
  if (port_ == 0) give_up("it did not start:\n" + seen);
  std::thread([log] {
    char rest[4096];
    while (std::fgets(rest, sizeof rest, log) != nullptr) {
    }
    std::fclose(log);
  }).detach();
}

HandlerProcess::~HandlerProcess() { kill(); }

void HandlerProcess::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

int HandlerProcess::stop() {
  signal(SIGTERM);
  return wait();
}

void HandlerProcess::kill() {
  if (pid_ <= 0) return;
  signal(SIGKILL);
  wait();
}

int HandlerProcess::wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace gauntlet::support
