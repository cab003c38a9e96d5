#include "lab/process/launch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/system_error.hpp"

namespace gauntlet::lab {
namespace {

using base::ErrorKind;

// How far the child came before exec, told through a pipe that closes itself when exec succeeds.
enum class Step : int { directory, account, cgroup, program };
struct Failure {
  Step step;
  int reason;
};

constexpr const char* name_of(Step step) {
  switch (step) {
    case Step::directory: return "cannot enter its directory";
    case Step::account: return "cannot change to its user";
    case Step::cgroup: return "cannot enter its control group";
    case Step::program: return "cannot start the program";
  }
  return "cannot start";
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (auto& text : strings) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

[[noreturn]] void give_up(int report, Step step) {
  const Failure failure{step, errno};
  [[maybe_unused]] const auto written = ::write(report, &failure, sizeof failure);
  ::_exit(127);
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// Signal dispositions and masks survive exec; the program must not inherit ours.
void reset_signals() {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGPIPE, SIGXFSZ, SIGINT, SIGTERM, SIGHUP, SIGCHLD}) ::signal(signal, SIG_DFL);
}

bool enter_cgroup(const std::filesystem::path& procs) {
  const int fd = ::open(procs.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool entered = ::write(fd, "0", 1) == 1;
  ::close(fd);
  return entered;
}

}  // namespace

void Descriptor::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

base::Expected<Descriptor> watch_process(const ProcessId& process) {
  Descriptor fd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  // Looked at after the descriptor is there: a pid that changed hands before is noticed, after it can't matter.
  if (!fd || !is_alive(process)) return base::fail(ErrorKind::not_found, fmt::format("process {} has ended", process.pid));
  return fd;
}

base::Expected<LaunchedProcess> launch(const LaunchSpec& spec) {
  auto failed = [&](int reason, const char* what) {
    return tl::unexpected(base::system_error(reason, fmt::format("{}: {}", spec.command.at(0), what)));
  };
  const Descriptor log(::open(spec.log.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
  if (!log) return tl::unexpected(base::system_error(errno, "cannot write " + spec.log.string()));
  const Descriptor empty(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return failed(errno, "cannot start");
  Descriptor heard(ends[0]);
  Descriptor told(ends[1]);

  std::vector<std::string> command = spec.command;
  std::vector<std::string> environment;
  for (const auto& [name, value] : spec.environment) environment.push_back(fmt::format("{}={}", name, value));
  const auto arguments = pointers(command);
  const auto variables = pointers(environment);

  const pid_t pid = ::fork();
  if (pid < 0) return failed(errno, "cannot start");
  if (pid == 0) {
    ::setsid();
    reset_signals();
    ::dup2(empty.get(), STDIN_FILENO);
    ::dup2(log.get(), STDOUT_FILENO);
    ::dup2(log.get(), STDERR_FILENO);
    raise_descriptor_limit();
    ::umask(077);
    if (!spec.cgroup_procs.empty() && !enter_cgroup(spec.cgroup_procs)) give_up(told.get(), Step::cgroup);
    if (spec.account && !become(*spec.account)) give_up(told.get(), Step::account);
    if (::chdir(spec.directory.c_str()) != 0) give_up(told.get(), Step::directory);
    ::execve(arguments[0], arguments.data(), variables.data());
    give_up(told.get(), Step::program);
  }
  told.close();
  Failure failure{};
  ssize_t size = 0;
  while ((size = ::read(heard.get(), &failure, sizeof failure)) < 0 && errno == EINTR) {
  }
  if (size == sizeof failure) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return failed(failure.reason, name_of(failure.step));
  }
  Descriptor pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) return failed(errno, "started, but cannot be watched");
  // Ours to reap, so the pid cannot change hands; when it has ended already the start time no longer matters.
  return LaunchedProcess{identify(pid).value_or(ProcessId{pid, 0}), std::move(pidfd)};
}

base::Expected<std::string> run_to_end(const std::vector<std::string>& command, const std::optional<Account>& account,
                                       const std::filesystem::path& directory) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return tl::unexpected(base::system_error(errno, command.at(0)));
  Descriptor heard(ends[0]);
  Descriptor told(ends[1]);
  std::vector<std::string> words = command;
  const auto arguments = pointers(words);
  const pid_t pid = ::fork();
  if (pid < 0) return tl::unexpected(base::system_error(errno, command.at(0)));
  if (pid == 0) {
    reset_signals();
    ::dup2(told.get(), STDOUT_FILENO);
    ::dup2(told.get(), STDERR_FILENO);
    const bool ready = (!account || become(*account)) && ::chdir(directory.c_str()) == 0;
    if (ready) ::execv(arguments[0], arguments.data());
    ::dprintf(STDERR_FILENO, "%s\n", std::strerror(errno));
    ::_exit(127);
  }
  told.close();
  std::string output;
  char chunk[4096];
  for (;;) {
    const ssize_t size = ::read(heard.get(), chunk, sizeof chunk);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    output.append(chunk, static_cast<std::size_t>(size));
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return output;
  constexpr std::size_t kTail = 2000;
  return base::fail(output.find("No space left") != std::string::npos ? ErrorKind::resource_exhausted : ErrorKind::internal,
                    fmt::format("{} failed ({} {}):\n{}", command.at(0), WIFEXITED(status) ? "exit status" : "signal",
                                WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
                                output.substr(output.size() - std::min(output.size(), kTail))));
}

}  // namespace gauntlet::lab
