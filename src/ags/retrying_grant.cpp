#include "ags/retrying_grant.hpp"

#include <algorithm>
#include <array>
#include <memory>

namespace gauntlet::ags {
namespace {

using std::chrono::milliseconds;

constexpr std::array<milliseconds, kGrantAttempts - 1> kPauses = {milliseconds(500), milliseconds(1000), milliseconds(2000)};

/// Kept alive by the callbacks of the attempt or pause that is under way.
struct Retrying : std::enable_shared_from_this<Retrying> {
  base::EventLoop& loop;
  RewardClient& client;
  Repeating repeating;
  Grant grant;
  base::EventLoop::Clock::time_point deadline;
  std::function<void(GrantOutcome)> done;
  int attempts = 0;
  bool doubtful = false;  // some attempt may have granted

  Retrying(base::EventLoop& the_loop, RewardClient& the_client, Repeating is_repeating, Grant the_grant,
           base::EventLoop::Clock::time_point the_deadline, std::function<void(GrantOutcome)> when_done)
      : loop(the_loop),
        client(the_client),
        repeating(is_repeating),
        grant(std::move(the_grant)),
        deadline(the_deadline),
        done(std::move(when_done)) {}

  void attempt() {
    // A process that was stopped in between may come here long after its lease of the claim has ended.
    const auto now = base::EventLoop::Clock::now();
    if (now >= deadline) return end({GrantOutcome::Result::unsent, "there was no time left to ask the platform"});
    ++attempts;
    client.grant(grant, repeating == Repeating::harmless ? std::min(deadline, now + kAttemptTime) : deadline,
                 [self = shared_from_this()](GrantOutcome outcome) { self->ended(std::move(outcome)); });
  }

  void ended(GrantOutcome outcome) {
    if (outcome.result == GrantOutcome::Result::granted) return end(std::move(outcome));
    doubtful = doubtful || outcome.result == GrantOutcome::Result::uncertain;
    const bool is_last = outcome.result == GrantOutcome::Result::refused || (doubtful && repeating == Repeating::dangerous);
    if (is_last || attempts == kGrantAttempts) return end(std::move(outcome));
    const auto next = base::EventLoop::Clock::now() + kPauses[static_cast<std::size_t>(attempts - 1)];
    if (next >= deadline) return end(std::move(outcome));
    loop.call_at(next, [self = shared_from_this()] { self->attempt(); });
  }

  void end(GrantOutcome outcome) {
    if (doubtful && outcome.result != GrantOutcome::Result::granted) outcome.result = GrantOutcome::Result::uncertain;
    outcome.attempts = attempts;
    done(std::move(outcome));
  }
};

}  // namespace

void grant_with_retries(base::EventLoop& loop, RewardClient& client, Repeating repeating, Grant grant,
                        base::EventLoop::Clock::time_point deadline, std::function<void(GrantOutcome)> done) {
  std::make_shared<Retrying>(loop, client, repeating, std::move(grant), deadline, std::move(done))->attempt();
}

}  // namespace gauntlet::ags
