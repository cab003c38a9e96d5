#include "engine/fleet/seat.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>

namespace gauntlet::engine::fleet {
namespace {

constexpr std::size_t kMostLastWords = 4096;
constexpr std::chrono::milliseconds kPoll(5);
constexpr std::chrono::milliseconds kToTellItsStatus(300);  // a carrier whose output has ended
constexpr std::chrono::milliseconds kToEnd(1000);           // one that has been hung up on; as long again after SIGTERM
/// A clock that shows more nanoseconds (146 years) cannot be.
constexpr std::int64_t kFarthest = std::int64_t{1} << 62;
using Clock = std::chrono::steady_clock;

void keep_end(std::string& text, std::size_t most) {
  if (text.size() > most) text.erase(0, text.size() - most);
}

bool has_ended(pid_t process, int& status) {
  const pid_t ended = waitpid(process, &status, WNOHANG);
  return ended == process || (ended < 0 && errno == ECHILD);
}

std::string trimmed(std::string text) {
  const auto is_space = [](unsigned char c) { return c <= ' '; };
  text.erase(std::find_if_not(text.rbegin(), text.rend(), is_space).base(), text.end());
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), is_space));
  return text;
}

}  // namespace

Place place_of_command(std::string name, std::string command, std::uint32_t weight) {
  command = trimmed(std::move(command));
  const std::size_t last = command.find_last_of(" \t/");
  const std::string_view last_word = std::string_view(command).substr(last == std::string::npos ? 0 : last + 1);
  if (last_word == "gauntlet") {
    command += " agent";
  } else if (last_word != "agent") {
    command += " gauntlet agent";
  }
  return {std::move(name), {"/bin/sh", "-c", std::move(command)}, weight};
}

base::Expected<std::unique_ptr<Seat>> Seat::start(base::EventLoop& loop, const Place& place, Ears ears) {
  const auto failed = [&](int reason) {
    return base::fail(base::ErrorKind::unavailable, fmt::format("{} could not be started: {}", place.name, std::strerror(reason)));
  };
  std::unique_ptr<Seat> seat(new Seat(loop));
  seat->ears_ = std::move(ears);
  std::array<std::array<int, 2>, 3> pipes{};
  for (auto& pipe : pipes) pipe = {-1, -1};
  const auto close_all = [&] {
    for (auto& pipe : pipes) {
      for (int& fd : pipe) {
        if (fd >= 0) ::close(fd);
      }
    }
  };
  for (auto& pipe : pipes) {
    if (pipe2(pipe.data(), O_CLOEXEC) != 0) {
      const int reason = errno;
      close_all();
      return failed(reason);
    }
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipes[0][0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, pipes[1][1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, pipes[2][1], STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  sigset_t defaults;
  sigemptyset(&defaults);
  for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&defaults, number);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  std::vector<std::string> words = place.command;
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const int reason = posix_spawn(&seat->process_, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (reason != 0) {
    close_all();
    seat->process_ = 0;
    return failed(reason);
  }
  for (const int fd : {pipes[0][0], pipes[1][1], pipes[2][1]}) ::close(fd);
  const auto take = [&](Pipe& pipe, int fd, void (Seat::*ready)(), std::uint32_t events) {
    pipe.seat = seat.get();
    pipe.ready = ready;
    pipe.fd = fd;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    loop.watch(fd, events, &pipe);
  };
  take(seat->input_, pipes[0][1], &Seat::write_input, EPOLLOUT | EPOLLET);
  take(seat->output_, pipes[1][0], &Seat::read_output, EPOLLIN);
  take(seat->errors_, pipes[2][0], &Seat::read_errors, EPOLLIN);
  return seat;
}

Seat::~Seat() {
  ask_to_end();
  if (has_ended_by(hung_up_at_ + 2 * kToEnd)) return;
  kill(-process_, SIGKILL);
  waitpid(process_, nullptr, 0);
}

void Seat::ask_to_end() {
  hang_up();
  if (!std::exchange(is_asked_to_end_, true) && !has_ended_by(hung_up_at_ + kToEnd)) kill(-process_, SIGTERM);
}

bool Seat::has_ended_by(Clock::time_point due) {
  int status = 0;
  while (process_ > 0 && !ended_ && !(ended_ = has_ended(process_, status)) && Clock::now() < due) std::this_thread::sleep_for(kPoll);
  return process_ <= 0 || ended_;
}

void Seat::close(Pipe& pipe) {
  if (pipe.fd < 0) return;
  loop_.unwatch(pipe.fd);
  ::close(std::exchange(pipe.fd, -1));
}

void Seat::hang_up() {
  if (hung_up_at_ == Clock::time_point{}) hung_up_at_ = Clock::now();
  ears_ = {};
  loop_.cancel(status_timer_);
  const std::lock_guard lock(input_mutex_);
  unsaid_.clear();
  for (Pipe* pipe : {&input_, &output_, &errors_}) close(*pipe);
}

void Seat::say(const words::ToAgent& word) { say(std::make_shared<const std::string>(framed(word))); }

void Seat::say(std::shared_ptr<const std::string> frame) {
  const std::lock_guard lock(input_mutex_);
  if (input_.fd < 0) return;
  unsaid_.push_back({std::move(frame), 0});
  write_unsaid();
}

void Seat::write_input() {
  const std::lock_guard lock(input_mutex_);
  write_unsaid();
}

void Seat::write_unsaid() {
  while (!unsaid_.empty()) {
    Unsaid& next = unsaid_.front();
    const ssize_t written = ::write(input_.fd, next.bytes->data() + next.begin, next.bytes->size() - next.begin);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      is_full_ = errno == EAGAIN;
      if (!is_full_) unsaid_.clear();  // the end of its output says why
      return;
    }
    if (std::exchange(is_full_, false)) silent_s_ = 0;  // it reads on
    if ((next.begin += static_cast<std::size_t>(written)) == next.bytes->size()) unsaid_.pop_front();
  }
}

void Seat::ping() {
  std::int64_t never = 0;
  first_ping_ns_.compare_exchange_strong(never, steady_ns());
  ping_again();
}

void Seat::ping_again() {
  const std::lock_guard lock(input_mutex_);
  if (first_ping_ns_ == 0 || input_.fd < 0) return;
  if (unsaid_.empty()) {
    words::ToAgent word;
    word.mutable_ping()->set_leader_ns(steady_ns());
    unsaid_.push_back({std::make_shared<const std::string>(framed(word)), 0});
  }
  write_unsaid();
}

bool Seat::read_more_errors() {
  std::array<char, 4096> bytes{};
  const ssize_t got = ::read(errors_.fd, bytes.data(), bytes.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return false;
  if (got <= 0) {
    close(errors_);
    return false;
  }
  const std::string_view text(bytes.data(), static_cast<std::size_t>(got));
  last_errors_ += text;
  keep_end(last_errors_, kMostLastWords);
  error_line_ += text;
  for (std::size_t end = 0; (end = error_line_.find('\n')) != std::string::npos;) {
    const std::string line = trimmed(error_line_.substr(0, end));
    error_line_.erase(0, end + 1);
    if (const auto hear = ears_.line; hear && !line.empty()) hear(line);
  }
  keep_end(error_line_, kMostLastWords);
  return true;
}

void Seat::read_output() {
  std::array<char, 64 * 1024> bytes{};
  const ssize_t got = ::read(output_.fd, bytes.data(), bytes.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got <= 0) {
    close(output_);
    status_due_ = Clock::now() + kToTellItsStatus;
    tell_how_it_ended();
    return;
  }
  silent_s_ = 0;
  frames_.feed({bytes.data(), static_cast<std::size_t>(got)});
  const auto greeted = frames_.greeted();
  if (!greeted) {
    end(greeted.error().message);
    return;
  }
  while (*greeted && output_.fd >= 0) {
    words::FromAgent word;
    const auto is_whole = frames_.next(word);
    if (!is_whole) {
      end(is_whole.error().message);
      return;
    }
    if (!*is_whole) return;
    if (word.has_pong()) {
      const std::int64_t now = steady_ns();
      if (first_ping_ns_ == 0 || word.pong().leader_ns() < first_ping_ns_ || word.pong().leader_ns() > now || word.pong().agent_ns() < 0 ||
          word.pong().agent_ns() > kFarthest || word.pong().calendar_ns() < 0 || word.pong().calendar_ns() > kFarthest) {
        end("it answers a ping that was not sent, or by a clock that cannot be");
        return;
      }
      clock_.take(word.pong(), now, calendar_ns());
    }
    if (const auto hear = ears_.word) hear(std::move(word));  // a copy: it may hang up
  }
}

void Seat::end(const std::string& why) {
  const auto gone = std::exchange(ears_, {}).gone;
  hang_up();
  if (gone) gone(why);
}

void Seat::tell_how_it_ended() {
  int status = 0;
  ended_ = has_ended(process_, status);
  if (!ended_ && Clock::now() < status_due_) {
    status_timer_ = loop_.call_after(kPoll, [this] { tell_how_it_ended(); });
    return;
  }
  while (errors_.fd >= 0 && read_more_errors()) {  // what it said last
  }
  end(!ended_               ? "its connection ended"
      : WIFSIGNALED(status) ? fmt::format("it was ended by signal {}", WTERMSIG(status))
                            : fmt::format("it ended with exit status {}", WEXITSTATUS(status)));
}

std::string Seat::last_words() const { return trimmed(frames_.noise() + (frames_.noise().empty() ? "" : "\n") + last_errors_); }

}  // namespace gauntlet::engine::fleet
