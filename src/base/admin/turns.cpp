#include "base/admin/turns.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace gauntlet::base::admin {

void Turns::answer(const http::ExchangePtr& exchange, std::string key, Work work) {
  const auto same = std::ranges::find(waiting_, key, &Waiting::key);
  if (same != waiting_.end()) {
    same->callers.push_back(exchange);
    return;
  }
  waiting_.push_back({std::move(key), std::move(work), {exchange}});
  if (!next_is_set_) set_next(exchange->loop());
}

void Turns::set_next(EventLoop& loop) {
  next_is_set_ = true;
  loop.call_at(rest_ends_, [this] { take_turn(); });
}

void Turns::take_turn() {
  const auto begin = EventLoop::Clock::now();
  const Waiting turn = std::move(waiting_.front());
  waiting_.pop_front();
  EventLoop& loop = turn.callers.front()->loop();
  if (!std::ranges::all_of(turn.callers, [](const http::ExchangePtr& caller) { return caller->abandoned(); })) {
    http::Response made = turn.work();
    const auto text = std::make_shared<const std::string>(made.body.text());
    for (const http::ExchangePtr& caller : turn.callers) {
      made.body = {};
      made.body.append_view(*text);
      made.body.keep(text);
      caller->respond(made);
    }
  }
  // Behind the writing of the answers, which belongs to what they cost.
  loop.at_end_of_round([this, begin, &loop] {
    const auto end = EventLoop::Clock::now();
    rest_ends_ = end + std::min<EventLoop::Clock::duration>(kRestFactor * (end - begin), kLongestRest);
    next_is_set_ = false;
    if (!waiting_.empty()) set_next(loop);
  });
}

}  // namespace gauntlet::base::admin
