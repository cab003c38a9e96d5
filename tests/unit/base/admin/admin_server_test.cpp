#include "base/admin/admin_server.hpp"

#include <gmock/gmock.h>

#include <array>
#include <cstdio>
#include <string>
#include <thread>

#include "base/admin/pprof.hpp"
#include "base/admin/symbols.hpp"
#include "base/admin/thread_stacks.hpp"
#include "base/http/exchange_pool.hpp"
#include "base/loop_thread.hpp"
#include "base/metrics.hpp"
#include "unit/base/http/test_server.hpp"

namespace gauntlet::base::admin {

/// A function that a profile must be able to name.
[[gnu::noinline]] void wait_in_a_named_function(int fd) {
  char byte = 0;
  while (read(fd, &byte, 1) < 0) {
  }
  asm volatile("" ::: "memory");  // no tail call: the frame stays
}

namespace {

using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

struct AdminTest : testing::Test {
  AdminTest() : admin({.address = "127.0.0.1"}, registry) {
    registry.counter("things_total", "Things.").with({}).increment(7);
    admin.router().get("/readyz", [](const http::ExchangePtr& exchange) { exchange->respond({.body = "ready"}); });
    EXPECT_TRUE(admin.start());
  }
  std::string get(const std::string& path) {
    http::Socket socket(admin.port());
    EXPECT_TRUE(socket.send("GET " + path + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    return socket.read_all();
  }
  metrics::Registry registry;
  AdminServer admin;
};

TEST_F(AdminTest, serves_metrics_and_the_services_own_routes) {
  EXPECT_THAT(get("/metrics"),
              AllOf(HasSubstr("Content-Type: text/plain; version=0.0.4"), HasSubstr("\nthings_total 7\n")));
  EXPECT_THAT(get("/readyz"), EndsWith("ready"));
}

TEST_F(AdminTest, says_why_a_profile_is_not_there) {
  for (const char* name : {"mutex", "block", "trace", "threadcreate"}) {
    EXPECT_THAT(get(std::string("/debug/pprof/") + name), StartsWith("HTTP/1.1 501 ")) << name;
  }
  EXPECT_THAT(get("/debug/pprof/profile?seconds=0"),
              testing::AnyOf(StartsWith("HTTP/1.1 400 "), StartsWith("HTTP/1.1 501 ")));
  EXPECT_THAT(get("/debug/pprof/profile?seconds=x"),
              testing::AnyOf(StartsWith("HTTP/1.1 400 "), StartsWith("HTTP/1.1 501 ")));
}

TEST_F(AdminTest, names_the_functions_of_addresses) {
  const auto address = reinterpret_cast<std::uintptr_t>(&wait_in_a_named_function);
  char query[64];
  std::snprintf(query, sizeof query, "/debug/pprof/symbol?0x%zx+0x1", address);
  EXPECT_THAT(get(query), HasSubstr("wait_in_a_named_function"));
  EXPECT_THAT(get("/debug/pprof/symbol"), EndsWith("num_symbols: 1\n"));
}

TEST_F(AdminTest, shows_every_threads_name_and_stack) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer delays signals, by which threads are asked for their stacks";
#endif
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  std::thread waiting([&] {
    name_this_thread("the-waiting-one");
    wait_in_a_named_function(ends[0]);
  });
  // Until the thread has reached its wait.
  std::string text;
  do {
    text = get("/debug/pprof/goroutine?debug=2");
  } while (text.find("wait_in_a_named_function") == std::string::npos || text.find("\"the-waiting-one\" [sleeping]") == std::string::npos);
  EXPECT_THAT(text, ContainsRegex("thread [0-9]+ \"the-waiting-one\" \\[sleeping\\]:\n"));
  EXPECT_THAT(text, HasSubstr("\"admin\""));
  const std::string counts = get("/debug/pprof/goroutine");
  EXPECT_THAT(counts, HasSubstr("goroutine profile: total "));
  EXPECT_THAT(counts, HasSubstr("\n--- Memory map: ---\n"));
  EXPECT_EQ(write(ends[1], "x", 1), 1);
  waiting.join();
  close(ends[0]);
  close(ends[1]);
}

TEST_F(AdminTest, reports_a_taken_port) {
  AdminServer second({.address = "127.0.0.1", .port = admin.port()}, registry);
  const auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, HasSubstr(std::to_string(admin.port())));
}

/// The status that pprof answers a caller from elsewhere with.
int status_for_stranger(bool from_anywhere) {
  struct Answer final : http::Exchange::Connection {
    int status = 0;
    void send(http::Exchange&, http::Response&& response) override { status = response.status; }
    void cut(http::Exchange&) override {}
  } answer;
  EventLoop loop;
  http::Router router;
  Pprof pprof(from_anywhere);
  pprof.add_routes(router);
  const auto pool = std::make_shared<http::ExchangePool>(loop, nullptr);
  const http::ExchangePtr exchange = pool->take();
  http::ExchangePool::request(*exchange).set_method("GET");
  http::ExchangePool::request(*exchange).set_target("/debug/pprof/cmdline");
  http::ExchangePool::request(*exchange).set_from_loopback(false);
  http::ExchangePool::connect(*exchange, answer, 0);
  router.dispatch(exchange);
  return answer.status;
}

TEST(Pprof, is_for_callers_on_this_machine_unless_told_otherwise) {
  EXPECT_EQ(status_for_stranger(false), 403);
  EXPECT_EQ(status_for_stranger(true), 200);
}

TEST(Symbols, describe_what_they_know_and_keep_quiet_about_the_rest) {
  Symbols symbols;
  const auto address = reinterpret_cast<std::uintptr_t>(&wait_in_a_named_function);
  EXPECT_EQ(symbols.name(address), "gauntlet::base::admin::wait_in_a_named_function(int)");
  EXPECT_EQ(symbols.describe(address + 2), "gauntlet::base::admin::wait_in_a_named_function(int)+0x2");
  EXPECT_EQ(symbols.name(1), "");
  EXPECT_EQ(symbols.describe(1), "0x1");
}

}  // namespace
}  // namespace gauntlet::base::admin
