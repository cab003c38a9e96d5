#include "base/signals.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <vector>

namespace gauntlet::base {
namespace {

TEST(SignalWatch, calls_back_on_the_loop_for_each_signal) {
  EventLoop loop;
  std::vector<int> seen;
  SignalWatch watch(loop, {SIGHUP, SIGUSR1}, [&](int signal) {
    seen.push_back(signal);
    if (seen.size() == 2) loop.stop();
  });
  kill(getpid(), SIGHUP);
  kill(getpid(), SIGUSR1);
  loop.run();
  EXPECT_EQ(seen.size(), 2u);
}

}  // namespace
}  // namespace gauntlet::base
