#include "engine/fleet/agent_end.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "base/loop_thread.hpp"
#include "base/write_all.hpp"
#include "engine/fleet/clock.hpp"

namespace gauntlet::engine::fleet {

AgentEnd::AgentEnd(int from_leader, int to_leader) : from_leader_(from_leader), to_leader_(to_leader), ending_(eventfd(0, EFD_CLOEXEC)) {
  unsaid_.push_back({std::string(kGreeting), false});
  unsaid_bytes_ = kGreeting.size();
  writer_ = std::thread([this] { write(); });
  reader_ = std::thread([this] { read(); });
}

AgentEnd::~AgentEnd() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  writer_.join();
  eventfd_write(ending_, 1);
  reader_.join();
  close(ending_);
}

void AgentEnd::say(const words::FromAgent& word) {
  Frame frame{framed(word), word.has_window()};
  {
    const std::lock_guard lock(mutex_);
    unsaid_bytes_ += frame.bytes.size();
    if (frame.is_window) ++unsaid_windows_;
    (frame.is_window || word.has_pong() || word.has_reading() ? urgent_ : unsaid_).push_back(std::move(frame));
  }
  changed_.notify_all();
}

void AgentEnd::say_if_room(const words::FromAgent& word) {
  {
    const std::lock_guard lock(mutex_);
    if (unsaid_bytes_ > kMostUnsaid) {
      ++dropped_;
      return;
    }
  }
  say(word);
}

void AgentEnd::wait_for_room() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return unsaid_bytes_ < kMostUnsaid; });
}

std::uint64_t AgentEnd::take_dropped() {
  const std::lock_guard lock(mutex_);
  return std::exchange(dropped_, 0);
}

bool AgentEnd::is_clear() const {
  const std::lock_guard lock(mutex_);
  return unsaid_windows_ == 0;
}

void AgentEnd::write() {
  base::name_this_thread("to-leader");
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return !urgent_.empty() || !unsaid_.empty() || ends_; });
    if (urgent_.empty() && unsaid_.empty()) return;
    auto& next = urgent_.empty() ? unsaid_ : urgent_;
    const Frame frame = std::move(next.front());
    next.pop_front();
    lock.unlock();
    if (!base::write_all(to_leader_, frame.bytes)) _exit(kLeaderGone);
    lock.lock();
    unsaid_bytes_ -= frame.bytes.size();
    if (frame.is_window) --unsaid_windows_;
    changed_.notify_all();
  }
}

void AgentEnd::read() {
  base::name_this_thread("from-leader");
  FrameReader frames;
  std::array<char, 64 * 1024> bytes{};
  std::array<pollfd, 2> watched{pollfd{from_leader_, POLLIN, 0}, pollfd{ending_, POLLIN, 0}};
  for (;;) {
    const int ready = poll(watched.data(), watched.size(), static_cast<int>(kMostSilence.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (watched[1].revents != 0) return;
    if (ready <= 0) _exit(kLeaderGone);
    const ssize_t got = ::read(from_leader_, bytes.data(), bytes.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) {
      // At the end of a test both sides close, the leader perhaps a moment before this end is asked to.
      std::unique_lock lock(mutex_);
      if (changed_.wait_for(lock, kMostQuiet, [this] { return ends_; })) return;
      _exit(kLeaderGone);
    }
    frames.feed({bytes.data(), static_cast<std::size_t>(got)});
    for (;;) {
      words::ToAgent word;
      const auto is_whole = frames.next(word);
      if (!is_whole) _exit(kLeaderGone);
      if (!*is_whole) break;
      hear(std::move(word));
    }
    if (std::chrono::steady_clock::now() - answered_ > kMostQuiet) {
      words::FromAgent reading;
      reading.mutable_reading();
      answer(reading);
    }
  }
}

void AgentEnd::answer(const words::FromAgent& word) {
  answered_ = std::chrono::steady_clock::now();
  say(word);
}

void AgentEnd::hear(words::ToAgent word) {
  if (word.has_ping()) {
    words::FromAgent pong;
    pong.mutable_pong()->set_leader_ns(word.ping().leader_ns());
    pong.mutable_pong()->set_agent_ns(steady_ns());
    pong.mutable_pong()->set_calendar_ns(calendar_ns());
    answer(pong);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    if (on_word_) {
      on_word_(std::move(word));
    } else {
      heard_.push_back(std::move(word));
    }
  }
  changed_.notify_all();
}

words::ToAgent AgentEnd::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !heard_.empty(); });
  words::ToAgent word = std::move(heard_.front());
  heard_.pop_front();
  return word;
}

void AgentEnd::listen(std::function<void(words::ToAgent)> on_word) {
  const std::lock_guard lock(mutex_);
  on_word_ = std::move(on_word);
  if (!on_word_) return;
  for (auto& word : heard_) on_word_(std::move(word));
  heard_.clear();
}

}  // namespace gauntlet::engine::fleet
