#include "base/admin/turns.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "unit/base/http/test_server.hpp"

namespace gauntlet::base::admin {
namespace {

/// GET /slow makes an answer in 20 ms that says the how manieth it is; GET /long one in 250 ms, GET /quick one at once.
struct TurnsTest : testing::Test {
  TurnsTest()
      : server({}, [this](http::Router& router) {
          router.get("/slow", [this](const http::ExchangePtr& exchange) {
            turns.answer(exchange, "slow", [this] {
              std::this_thread::sleep_for(kSlow);
              return http::Response{.body = "number " + std::to_string(++made)};
            });
          });
          router.get("/long", [this](const http::ExchangePtr& exchange) {
            turns.answer(exchange, "long", [] {
              std::this_thread::sleep_for(Turns::kLongestRest / Turns::kRestFactor);
              return http::Response{.body = "long"};
            });
          });
          router.get("/quick", [this](const http::ExchangePtr& exchange) {
            turns.answer(exchange, "quick", [] { return http::Response{.body = "quick"}; });
          });
        }) {}

  static std::unique_ptr<http::Socket> ask(std::uint16_t port, const std::string& path) {
    auto socket = std::make_unique<http::Socket>(port);
    EXPECT_TRUE(socket->send("GET " + path + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    return socket;
  }

  static constexpr std::chrono::milliseconds kSlow{20};
  Turns turns;
  std::atomic<int> made{0};
  http::TestServer server;
};

TEST_F(TurnsTest, give_one_answer_to_all_who_ask_before_it_is_made_and_none_made_before_the_question) {
  EXPECT_THAT(ask(server.port(), "/slow")->read_all(), testing::EndsWith("number 1"));
  std::vector<std::unique_ptr<http::Socket>> callers;
  for (int i = 0; i < 20; ++i) callers.push_back(ask(server.port(), "/slow"));
  for (const auto& caller : callers) EXPECT_THAT(caller->read_all(), testing::HasSubstr("number "));
  EXPECT_GE(made.load(), 2);
  EXPECT_LE(made.load(), 10) << "they ask within the rest after the first answer";
}

TEST_F(TurnsTest, leave_most_of_the_time_to_others) {
  const auto begin = EventLoop::Clock::now();
  std::vector<std::jthread> flood;
  for (int client = 0; client < 4; ++client) {
    flood.emplace_back([&] {
      while (EventLoop::Clock::now() < begin + std::chrono::milliseconds(500)) ask(server.port(), "/slow")->read_all();
    });
  }
  flood.clear();
  const auto took = EventLoop::Clock::now() - begin;
  EXPECT_LE(made.load() * kSlow * (1 + Turns::kRestFactor), took + kSlow * (1 + Turns::kRestFactor));
}

TEST_F(TurnsTest, make_nothing_for_those_who_have_gone) {
  ask(server.port(), "/long")->read_all();
  ask(server.port(), "/slow")->reset();  // within the rest of a second
  EXPECT_THAT(ask(server.port(), "/quick")->read_all(), testing::EndsWith("quick"));
  EXPECT_EQ(made.load(), 0);
}

}  // namespace
}  // namespace gauntlet::base::admin
