#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <thread>

#include "base/system_error.hpp"
#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "lab/process/launch.hpp"

namespace gauntlet::cli {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(100);

/// Prints what is appended to the file until the reader goes away or Ctrl-C; starts over when it has been rotated.
void follow(int fd, off_t from) {
  off_t position = from;
  char chunk[1 << 16];
  for (;;) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return;
    if (status.st_size < position) position = 0;
    const ssize_t size = ::pread(fd, chunk, sizeof chunk, position);
    if (size < 0) return;
    if (size == 0) {
      std::this_thread::sleep_for(kPoll);
      continue;
    }
    if (std::fwrite(chunk, 1, static_cast<std::size_t>(size), stdout) != static_cast<std::size_t>(size) || std::fflush(stdout) != 0) return;
    position += size;
  }
}

void print_all(int fd) {
  char chunk[1 << 16];
  for (ssize_t size = 0; (size = ::read(fd, chunk, sizeof chunk)) > 0;)
    if (std::fwrite(chunk, 1, static_cast<std::size_t>(size), stdout) != static_cast<std::size_t>(size)) return;
  std::fflush(stdout);
}

/// Becomes that program; why it could not.
base::Error replaced_by(std::vector<std::string> command) {
  std::vector<char*> words;
  words.reserve(command.size() + 1);
  for (auto& word : command) words.push_back(word.data());
  words.push_back(nullptr);
  ::execv(words[0], words.data());
  return base::system_error(errno, "cannot start " + command[0]);
}

}  // namespace

void add_logs_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("logs", "Print the log of a part of the stack")->group(kStackGroup);
  struct Flags {
    std::string name;
    bool follow = false;
    int tail = -1;
  };
  auto flags = std::make_shared<Flags>();
  command->add_option("name", flags->name, "Whose log; `supervisor` is the stack's own")
      ->required()
      ->check(CLI::IsMember({lab::kPostgres, lab::kRedis, lab::kService, lab::kEventHandler, "supervisor"}));
  command->add_flag("-f,--follow", flags->follow, "Go on printing as it grows");
  command->add_option("-n,--tail", flags->tail, "Only so many last lines")->check(CLI::NonNegativeNumber);
  command->callback([flags, &session] {
    if (session.docker) {
      if (flags->name == "supervisor") return session.fail({base::ErrorKind::invalid_argument, "containers have no supervisor's log"});
      return session.fail(replaced_by(lab::ContainerStack::log_command(flags->name, flags->follow, flags->tail)));
    }
    auto stack = session.open_stack();
    if (!stack) return session.fail(stack.error());
    const auto file = stack->directory().log_of(flags->name);
    const lab::Descriptor log(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!log) {
      if (errno == ENOENT)
        return session.fail({base::ErrorKind::unavailable, flags->name + " has no log: it was never started (gauntlet up)"});
      return session.fail(base::system_error(errno, "cannot read " + file.string()));
    }
    if (flags->tail >= 0) fmt::print("{}", lab::tail_of(file, flags->tail));
    else print_all(log.get());
    std::fflush(stdout);
    if (flags->follow) follow(log.get(), flags->tail >= 0 ? ::lseek(log.get(), 0, SEEK_END) : ::lseek(log.get(), 0, SEEK_CUR));
  });
}

}  // namespace gauntlet::cli
