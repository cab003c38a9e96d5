#include "base/event_loop.hpp"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <functional>
#include <thread>
#include <vector>

namespace gauntlet::base {
namespace {

using namespace std::chrono_literals;

TEST(EventLoop, runs_timers_in_order_of_their_due_time) {
  EventLoop loop;
  std::vector<int> order;
  loop.call_after(3ms, [&] {
    order.push_back(3);
    loop.stop();
  });
  loop.call_after(1ms, [&] { order.push_back(1); });
  const auto cancelled = loop.call_after(2ms, [&] { order.push_back(2); });
  loop.cancel(cancelled);
  loop.run();
  EXPECT_EQ(order, (std::vector<int>{1, 3}));
}

TEST(EventLoop, an_abandoned_loop_runs_no_timer_and_nothing_at_the_rounds_end) {
  EventLoop loop;
  bool ran = false;
  loop.post([&] {
    loop.call_at(EventLoop::Clock::now() - 1s, [&] { ran = true; });
    loop.at_end_of_round([&] { ran = true; });
    loop.abandon();
  });
  loop.run();
  loop.run_once(0s);
  EXPECT_FALSE(ran);
}

TEST(EventLoop, a_late_timer_that_arms_itself_again_keeps_nobody_else_waiting) {
  EventLoop loop;
  int late = 0;
  const auto past = EventLoop::Clock::now() - std::chrono::seconds(1);
  std::function<void()> again = [&] {
    if (++late < 1000) loop.call_at(past, again);
  };
  loop.call_at(past, again);
  int late_when_posted_ran = 0;
  loop.run_once(std::chrono::seconds(1));
  loop.post([&] { late_when_posted_ran = late; });
  loop.run_once(std::chrono::seconds(1));
  EXPECT_EQ(late_when_posted_ran, 1);
  EXPECT_EQ(late, 2);
}

TEST(EventLoop, runs_tasks_posted_by_other_threads_in_posting_order) {
  EventLoop loop;
  std::vector<int> seen;
  std::thread poster([&] {
    for (int i = 0; i < 1000; ++i) loop.post([&seen, i] { seen.push_back(i); });
    loop.post([&] { loop.stop(); });
  });
  loop.run();
  poster.join();
  ASSERT_EQ(seen.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

struct Reader : IoHandler {
  EventLoop& loop;
  int fd;
  std::string got;
  Reader(EventLoop& l, int f) : loop(l), fd(f) {}
  void on_io(std::uint32_t) override {
    char buffer[16];
    const auto n = read(fd, buffer, sizeof buffer);
    got.assign(buffer, static_cast<std::size_t>(n));
    loop.unwatch(fd);
    loop.stop();
  }
};

TEST(EventLoop, tells_a_handler_that_its_descriptor_is_readable) {
  EventLoop loop;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  Reader reader(loop, ends[0]);
  loop.watch(ends[0], EPOLLIN, &reader);
  loop.call_after(1ms, [&] { ASSERT_EQ(write(ends[1], "hi", 2), 2); });
  loop.run();
  EXPECT_EQ(reader.got, "hi");
  close(ends[0]);
  close(ends[1]);
}

TEST(EventLoop, runs_end_of_round_tasks_after_all_else_of_the_round_and_before_it_waits) {
  EventLoop loop;
  std::vector<int> order;
  loop.post([&] {
    loop.at_end_of_round([&] {
      order.push_back(3);
      loop.at_end_of_round([&] { order.push_back(4); });
    });
    order.push_back(1);
  });
  loop.post([&] { order.push_back(2); });
  loop.run_once(1s);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 4}));
}

TEST(EventLoop, does_not_wait_while_a_task_is_due_at_the_rounds_end) {
  EventLoop loop;
  bool ran = false;
  loop.at_end_of_round([&] { ran = true; });
  const auto began = EventLoop::Clock::now();
  loop.run_once(10s);
  EXPECT_TRUE(ran);
  EXPECT_LT(EventLoop::Clock::now() - began, 5s);
}

}  // namespace
}  // namespace gauntlet::base
