#include "base/task.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

namespace gauntlet::base {
namespace {

Task<int> add_later(int a, std::function<void(int)>* answer_b) {
  const int b = co_await callback_of<int>([&](auto done) { *answer_b = std::move(done); });
  co_return a + b;
}

Task<std::string> twice(std::function<void(int)>* answer) {
  const int sum = co_await add_later(1, answer);
  co_return std::to_string(sum) + "!";
}

TEST(Task, goes_on_when_the_callback_comes) {
  std::function<void(int)> answer;
  std::string result;
  start(twice(&answer), [&](std::string text) { result = std::move(text); });
  EXPECT_EQ(result, "");
  answer(41);
  EXPECT_EQ(result, "42!");
}

TEST(Task, goes_on_at_once_when_the_callback_comes_at_once) {
  int result = 0;
  const auto immediate = []() -> Task<int> {
    int sum = 0;
    for (int i = 0; i < 100'000; ++i) sum += co_await callback_of<int>([](auto done) { done(1); });  // no recursion
    co_return sum;
  };
  start(immediate(), [&](int sum) { result = sum; });
  EXPECT_EQ(result, 100'000);
}

TEST(Task, keeps_its_parameters_until_it_is_done) {
  std::function<void(int)> answer;
  auto owned = std::make_shared<int>(7);
  const std::weak_ptr<int> watch = owned;
  const auto hold = [](std::shared_ptr<int> value, std::function<void(int)>* callback) -> Task<int> {
    const int more = co_await callback_of<int>([&](auto done) { *callback = std::move(done); });
    co_return *value + more;
  };
  int result = 0;
  start(hold(std::move(owned), &answer), [&](int sum) { result = sum; });
  EXPECT_FALSE(watch.expired());
  std::exchange(answer, nullptr)(1);
  EXPECT_EQ(result, 8);
  EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace gauntlet::base
