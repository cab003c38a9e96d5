#include "engine/script/fiber/fiber.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace gauntlet::engine::fiber {
namespace {

TEST(Fiber, stops_where_it_suspends_and_goes_on_there) {
  StackPool stacks;
  std::string story;
  Fiber fiber(stacks, [&] {
    story += 'a';
    Fiber::suspend();
    story += 'c';
  });
  EXPECT_FALSE(fiber.started());
  fiber.resume();
  story += 'b';
  EXPECT_FALSE(fiber.finished());
  fiber.resume();
  EXPECT_TRUE(fiber.finished());
  EXPECT_EQ(story, "abc");
  EXPECT_EQ(Fiber::current(), nullptr);
}

TEST(Fiber, may_resume_another_fiber) {
  StackPool stacks;
  std::string story;
  Fiber inner(stacks, [&] {
    story += 'i';
    Fiber::suspend();
    story += 'j';
  });
  Fiber outer(stacks, [&] {
    Fiber* const self = Fiber::current();
    inner.resume();
    EXPECT_EQ(Fiber::current(), self);
    story += 'o';
    inner.resume();
  });
  outer.resume();
  EXPECT_EQ(story, "ioj");
}

TEST(Awaited, gives_the_value_whether_it_comes_before_or_during_the_wait) {
  StackPool stacks;
  Awaited<std::string>* late = nullptr;
  std::string got;
  Fiber fiber(stacks, [&] {
    Awaited<std::string> early;
    early.complete("early ");
    got += *early.wait();
    Awaited<std::string> value;
    late = &value;
    got += *value.wait();
  });
  fiber.resume();
  EXPECT_EQ(got, "early ");
  late->complete("late");
  EXPECT_EQ(got, "early late");
  EXPECT_TRUE(fiber.finished());
}

TEST(Awaited, gives_nothing_when_the_fiber_is_interrupted) {
  StackPool stacks;
  int empty_waits = 0;
  Fiber fiber(stacks, [&] {
    for (int i = 0; i < 2; ++i) {
      Awaited<int> value;
      if (!value.wait()) ++empty_waits;
    }
    Fiber::current()->clear_interrupt();
    Awaited<int> value;
    value.complete(1);
    EXPECT_TRUE(value.wait());
  });
  fiber.resume();
  fiber.interrupt();
  EXPECT_EQ(empty_waits, 2);
  EXPECT_TRUE(fiber.finished());
}

TEST(Fiber, thousands_share_slabs_of_stacks_and_give_them_back) {
  StackPool stacks;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::unique_ptr<Fiber>> fibers;
    int done = 0;
    for (int i = 0; i < 1000; ++i) {
      fibers.push_back(std::make_unique<Fiber>(stacks, [&] {
        volatile char deep[64 * 1024];
        deep[0] = 1;
        Fiber::suspend();
        done += deep[0];
      }));
      fibers.back()->resume();
    }
    for (auto& fiber : fibers) fiber->resume();
    EXPECT_EQ(done, 1000);
  }
}

TEST(StackPool, has_stacks_for_more_users_than_a_process_may_have_mappings) {
  StackPool stacks;
  std::vector<Stack> taken(70'000);
  for (Stack& stack : taken) stack = stacks.take();
  std::memset(taken.back().bottom, 1, 1);
  for (const Stack& stack : taken) stacks.give_back(stack);
}

TEST(StackPool, what_runs_over_the_end_of_its_stack_ends_the_program_and_not_its_neighbour) {
  StackPool stacks;
  const Stack stack = stacks.take();
  EXPECT_DEATH(*static_cast<volatile std::byte*>(stack.bottom - 1) = std::byte{1}, "");
  stacks.give_back(stack);
}

}  // namespace
}  // namespace gauntlet::engine::fiber
