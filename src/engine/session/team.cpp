#include "engine/session/team.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>

namespace gauntlet::engine::session {
namespace {

enum class Kind : char { ready = 'r', setup = 's', finished = 'f', results = 'R', verdict = 'v', go = 'g', stop = 'x', teardown = 't' };

/// Results are as large as a test has metrics and seconds; more than this is a broken pipe's noise.
constexpr std::uint64_t kLargestMessage = 1U << 30U;

bool write_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(fd, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    data += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

bool read_all(int fd, char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t got = ::read(fd, data, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    data += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

void send(int fd, Kind kind, const std::string& body = {}) {
  std::string message(1 + sizeof(std::uint64_t), static_cast<char>(kind));
  const std::uint64_t size = body.size();
  std::memcpy(message.data() + 1, &size, sizeof size);
  message += body;
  // A reader that has gone is noticed when its end is read.
  static_cast<void>(write_all(fd, message.data(), message.size()));
}

struct Message {
  Kind kind{};
  std::string body;
};

std::optional<Message> receive(int fd) {
  std::array<char, 1 + sizeof(std::uint64_t)> head{};
  if (!read_all(fd, head.data(), head.size())) return std::nullopt;
  std::uint64_t size = 0;
  std::memcpy(&size, head.data() + 1, sizeof size);
  if (size > kLargestMessage) return std::nullopt;
  Message message{static_cast<Kind>(head[0]), std::string(size, '\0')};
  if (!read_all(fd, message.body.data(), size)) return std::nullopt;
  return message;
}

/// A value that may be missing, as a message's body.
std::string packed(const std::optional<std::string>& text) { return text ? "1" + *text : "0"; }
std::optional<std::string> unpacked(const std::string& body) {
  return body.empty() || body[0] == '0' ? std::nullopt : std::optional(body.substr(1));
}

}  // namespace

void TeamMember::say_ready() { send(to_leader_, Kind::ready); }
void TeamMember::give_setup_data(const std::optional<std::string>& json) { send(to_leader_, Kind::setup, packed(json)); }

TeamMember::Start TeamMember::wait_for_start() {
  const auto message = receive(from_leader_);
  if (!message || message->kind != Kind::go) return {};
  return {true, unpacked(message->body)};
}

void TeamMember::say_finished() { send(to_leader_, Kind::finished); }

bool TeamMember::wait_for_teardown() {
  const auto message = receive(from_leader_);
  return message && message->kind == Kind::teardown;
}

void TeamMember::give_results(const std::string& gathered_json) { send(to_leader_, Kind::results, gathered_json); }

void TeamMember::give_verdict(ExitCode code, const std::string& message, const std::string& hint) {
  send(to_leader_, Kind::verdict, fmt::format("{}\n{}\n{}", static_cast<int>(code), hint, message));
}

struct Team::Seat {
  pid_t process = 0;
  int to_member = -1;
  int from_member = -1;
  bool ready = false;
  bool finished = false;
  bool judged = false;  // has given its verdict
  bool gone = false;

  ~Seat() {
    if (to_member >= 0) close(to_member);
    if (from_member >= 0) close(from_member);
  }
};

Team::Team() = default;

Team::~Team() {
  std::vector<pid_t> left;
  for (const auto& seat : seats_) {
    if (seat->process > 0) left.push_back(seat->process);
  }
  seats_.clear();  // closes the pipes: members that wait for a word end
  for (const pid_t process : left) waitpid(process, nullptr, 0);
}

base::Expected<std::unique_ptr<Team>> Team::fork(std::size_t size, const std::function<int(std::size_t, TeamMember&)>& member) {
  signal(SIGPIPE, SIG_IGN);
  std::unique_ptr<Team> team(new Team());
  std::fflush(nullptr);
  for (std::size_t i = 0; i < size; ++i) {
    std::array<int, 2> down{};
    std::array<int, 2> up{};
    if (pipe2(down.data(), O_CLOEXEC) != 0 || pipe2(up.data(), O_CLOEXEC) != 0) {
      return base::fail(base::ErrorKind::unavailable, fmt::format("no pipes for process {}: {}", i + 1, std::strerror(errno)));
    }
    const pid_t leader = getpid();
    const pid_t process = ::fork();
    if (process < 0)
      return base::fail(base::ErrorKind::unavailable, fmt::format("process {} could not be started: {}", i + 1, std::strerror(errno)));
    if (process == 0) {
      prctl(PR_SET_PDEATHSIG, SIGTERM);
      if (getppid() != leader) _exit(1);
      setpgid(0, 0);
      team->seats_.clear();  // the ends of the others' pipes
      close(down[1]);
      close(up[0]);
      TeamMember end(down[0], up[1], i == 0, size);
      const int code = member(i, end);
      std::fflush(nullptr);
      _exit(code);
    }
    close(down[0]);
    close(up[1]);
    auto seat = std::make_unique<Seat>();
    seat->process = process;
    seat->to_member = down[1];
    seat->from_member = up[0];
    team->seats_.push_back(std::move(seat));
  }
  return team;
}

TeamResults Team::lead(const std::function<void(int)>& on_signal) {
  TeamResults results;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const int signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
  bool started = false;
  bool torn_down = false;
  bool has_setup_data = false;
  const auto all = [&](bool Seat::*what) {
    return std::all_of(seats_.begin(), seats_.end(), [&](const auto& seat) { return seat->gone || seat.get()->*what; });
  };
  // Who ends the test ends it for all. Once: a second signal would end a member without its teardown.
  bool ending = false;
  const auto end_for_all = [&] {
    if (ending || !started) return;
    ending = true;
    for (const auto& seat : seats_) {
      if (!seat->gone && !seat->judged) kill(seat->process, SIGTERM);
    }
  };
  const auto blame = [&](ExitCode code, std::string message, std::string hint) {
    if (results.code != ExitCode::ok) return;
    results.code = code;
    results.message = std::move(message);
    results.hint = std::move(hint);
  };

  while (std::any_of(seats_.begin(), seats_.end(), [](const auto& seat) { return !seat->gone; })) {
    std::vector<pollfd> watched;
    for (const auto& seat : seats_) watched.push_back({seat->gone ? -1 : seat->from_member, POLLIN, 0});
    watched.push_back({signal_fd, POLLIN, 0});
    if (poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) break;
    if ((watched.back().revents & POLLIN) != 0) {
      signalfd_siginfo info{};
      if (::read(signal_fd, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        ending = true;
        for (const auto& seat : seats_) {
          if (!seat->gone) kill(seat->process, static_cast<int>(info.ssi_signo));
        }
        on_signal(static_cast<int>(info.ssi_signo));
      }
    }
    for (std::size_t i = 0; i < seats_.size(); ++i) {
      Seat& seat = *seats_[i];
      if (seat.gone || watched[i].revents == 0) continue;
      auto message = receive(seat.from_member);
      if (!message) {
        seat.gone = true;
        if (seat.judged) continue;
        blame(ExitCode::other, fmt::format("process {} of {} ended without its results", i + 1, seats_.size()), "");
        end_for_all();
        continue;
      }
      switch (message->kind) {
        case Kind::ready: seat.ready = true; break;
        case Kind::setup:
          has_setup_data = true;
          results.setup_data = unpacked(message->body);
          break;
        case Kind::finished: seat.finished = true; break;
        case Kind::results: results.gathered_json.push_back(std::move(message->body)); break;
        case Kind::verdict: {
          seat.judged = true;
          const std::size_t first = message->body.find('\n');
          const std::size_t second = message->body.find('\n', first + 1);
          const auto code = static_cast<ExitCode>(std::atoi(message->body.c_str()));
          if (code == ExitCode::ok) break;
          blame(code, message->body.substr(second + 1), message->body.substr(first + 1, second - first - 1));
          end_for_all();
          break;
        }
        default: break;
      }
    }
    if (!started && all(&Seat::ready) && (has_setup_data || seats_[0]->gone || seats_[0]->judged)) {
      started = true;
      for (const auto& seat : seats_) send(seat->to_member, has_setup_data ? Kind::go : Kind::stop, packed(results.setup_data));
    }
    if (started && !torn_down && all(&Seat::finished)) {
      torn_down = true;
      send(seats_[0]->to_member, Kind::teardown);
    }
  }
  close(signal_fd);
  for (auto& seat : seats_) {
    waitpid(seat->process, nullptr, 0);
    seat->process = 0;
  }
  return results;
}

}  // namespace gauntlet::engine::session
