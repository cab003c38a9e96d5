#pragma once
// Bounds what answering costs, however often and by however many it is asked: one answer is made at a time, with a rest
// after it that is several times as long, and whoever asked for the same thing before its turn came gets the same answer.
// Nobody is refused, and every answer is made after its question came; to a lone caller it makes no difference.
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "base/http/exchange.hpp"

namespace gauntlet::base::admin {

/// One thread's.
class Turns {
 public:
  /// Between two turns, in lengths of the first: making answers takes at most a fifth of one core.
  static constexpr int kRestFactor = 4;
  /// However long the turn was: the next caller may be Prometheus, which gives up after 10 s.
  static constexpr std::chrono::milliseconds kLongestRest{1000};

  using Work = std::function<http::Response()>;
  /// Answers with what `work` makes, now or when its turn has come; `key` says what is asked for. Nothing is made for
  /// callers who have gone by then.
  void answer(const http::ExchangePtr& exchange, std::string key, Work work);

 private:
  struct Waiting {
    std::string key;
    Work work;
    std::vector<http::ExchangePtr> callers;
  };
  void take_turn();
  void set_next(EventLoop& loop);

  std::deque<Waiting> waiting_;
  bool next_is_set_ = false;  // or one is being taken
  EventLoop::Clock::time_point rest_ends_;
};

}  // namespace gauntlet::base::admin
