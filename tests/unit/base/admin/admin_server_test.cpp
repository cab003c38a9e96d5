#include "base/admin/admin_server.hpp"

#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/admin/named_profile.hpp"
#include "base/admin/pprof.hpp"
#include "base/admin/symbols.hpp"
#include "base/admin/thread_stacks.hpp"
#include "base/gzip.hpp"
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

/// One that is busy in a library's function, at the end of so many calls.
[[gnu::noinline]] void work_in_a_named_function(int calls) {
  static std::array<char, 65536> memory;
  if (calls > 0) {
    work_in_a_named_function(calls - 1);
  } else {
    for (int i = 0; i < 100; ++i) std::memset(memory.data(), i, memory.size());
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

perftools::profiles::Profile parsed(const std::string& gzip) {
  std::string plain;
  EXPECT_EQ(Inflater(ZlibFormat::gzip).read(gzip, 1 << 22, plain), Inflated::ok);
  perftools::profiles::Profile profile;
  EXPECT_TRUE(profile.ParseFromString(plain));
  return profile;
}

std::vector<std::string> names_in_profile(const std::string& gzip) {
  const auto profile = parsed(gzip);
  std::vector<std::string> names;
  for (const auto& function : profile.function()) names.push_back(profile.string_table(static_cast<int>(function.name())));
  return names;
}

/// The values of a profile's samples whose innermost function is the named one.
std::vector<std::vector<std::int64_t>> values_of(const std::string& gzip, const std::string& name) {
  const auto profile = parsed(gzip);
  std::vector<std::vector<std::int64_t>> values;
  for (const auto& sample : profile.sample()) {
    const auto& location = profile.location(static_cast<int>(sample.location_id(0)) - 1);
    if (location.line_size() == 0 || location.mapping_id() == 0) continue;
    const auto& function = profile.function(static_cast<int>(location.line(0).function_id()) - 1);
    if (profile.string_table(static_cast<int>(function.name())).starts_with(name))
      values.emplace_back(sample.value().begin(), sample.value().end());
  }
  return values;
}

constexpr const char* kNamed = "gauntlet::base::admin::wait_in_a_named_function(";

TEST(NamedProfile, of_the_cpu_names_its_functions_and_counts_time) {
  const auto inside = reinterpret_cast<std::uintptr_t>(&wait_in_a_named_function) + 1;
  Symbols symbols;
  const std::string profile = named_cpu_profile({{{inside, inside + 1}, 7}, {{0x10}, 1}}, std::chrono::seconds(2), symbols);
  EXPECT_THAT(values_of(profile, kNamed), testing::ElementsAre(testing::ElementsAre(7, 70'000'000)));
  EXPECT_EQ(parsed(profile).sample_size(), 2) << "the address that nobody can name counts, too";
  EXPECT_EQ(parsed(profile).duration_nanos(), 2'000'000'000);
}

TEST(NamedProfile, of_memory_counts_for_what_was_not_sampled) {
  char line[160];
  std::snprintf(line, sizeof line, "heap profile: 9: 9 [ 9: 9] @ heap_v2/1000\n  2: 2000 [ 4: 8000] @ %p 0x2\n\nMAPPED_LIBRARIES:\n",
                reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(&wait_in_a_named_function) + 2));
  Symbols symbols;
  EXPECT_THAT(values_of(named_heap_profile(line, false, symbols), kNamed), testing::ElementsAre(testing::ElementsAre(3, 3164)));
  EXPECT_THAT(values_of(named_heap_profile(line, true, symbols), kNamed), testing::ElementsAre(testing::ElementsAre(5, 9252)));
}

TEST_F(AdminTest, serves_metrics_and_the_services_own_routes) {
  EXPECT_THAT(get("/metrics"), AllOf(HasSubstr("Content-Type: text/plain; version=0.0.4"), HasSubstr("\nthings_total 7\n")));
  EXPECT_THAT(get("/readyz"), EndsWith("ready"));
}

TEST_F(AdminTest, says_why_a_profile_is_not_there) {
  for (const char* name : {"mutex", "block", "trace", "threadcreate"}) {
    EXPECT_THAT(get(std::string("/debug/pprof/") + name), StartsWith("HTTP/1.1 501 ")) << name;
  }
  EXPECT_THAT(get("/debug/pprof/profile?seconds=0"), testing::AnyOf(StartsWith("HTTP/1.1 400 "), StartsWith("HTTP/1.1 501 ")));
  EXPECT_THAT(get("/debug/pprof/profile?seconds=x"), testing::AnyOf(StartsWith("HTTP/1.1 400 "), StartsWith("HTTP/1.1 501 ")));
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
  const std::string counts = get("/debug/pprof/goroutine?debug=1");
  EXPECT_THAT(counts, HasSubstr("goroutine profile: total "));
  EXPECT_THAT(counts, HasSubstr("\n--- Memory map: ---\n"));
  const std::string answer = get("/debug/pprof/goroutine");
  const auto frames = names_in_profile(answer.substr(answer.find("\r\n\r\n") + 4));
  EXPECT_THAT(frames, testing::Contains(StartsWith("gauntlet::base::admin::wait_in_a_named_function(")));
  EXPECT_EQ(write(ends[1], "x", 1), 1);
  waiting.join();
  close(ends[0]);
  close(ends[1]);
}

TEST_F(AdminTest, shows_in_a_cpu_profile_who_calls_whom) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer delays signals, by which the CPU's time is sampled";
#endif
  std::atomic<bool> done{false};
  std::thread working([&] {
    while (!done.load()) work_in_a_named_function(8);
  });
  std::int64_t samples = 0;
  std::int64_t whole = 0;
  for (int round = 0; samples < 10 && round < 30; ++round) {  // a busy machine leaves few to a second
    const std::string answer = get("/debug/pprof/profile?seconds=1");
    const auto profile = parsed(answer.substr(answer.find("\r\n\r\n") + 4));
    for (const auto& sample : profile.sample()) {
      int calls = 0;
      for (const std::uint64_t id : sample.location_id()) {
        const auto& location = profile.location(static_cast<int>(id) - 1);
        if (location.line_size() == 0) continue;
        const auto& function = profile.function(static_cast<int>(location.line(0).function_id()) - 1);
        const std::string& name = profile.string_table(static_cast<int>(function.name()));
        if (name.starts_with("gauntlet::base::admin::work_in_a_named_function(")) ++calls;
      }
      if (calls > 0) samples += sample.value(0);
      if (calls == 9) whole += sample.value(0);
    }
  }
  done = true;
  working.join();
  EXPECT_GT(whole, samples / 2) << "of " << samples << ", all nine calls, though memset() has no frame pointers";
}

TEST_F(AdminTest, ends_a_profile_whose_caller_has_gone_and_says_to_others_how_long_one_takes) {
  auto impatient = std::make_unique<http::Socket>(admin.port());
  EXPECT_TRUE(impatient->send("GET /debug/pprof/profile?seconds=300 HTTP/1.1\r\nHost: h\r\n\r\n"));
  std::string refused;
  do {
    refused = get("/debug/pprof/profile?seconds=1");
  } while (!refused.starts_with("HTTP/1.1 503 "));  // while the other's request is on its way ours is taken
  EXPECT_THAT(refused, ContainsRegex("another CPU profile, of 300 s, is being taken until ..:..:.. UTC; ask again in "
                                     "(299|300) s, or end it: it ends when its caller leaves\n"));
  EXPECT_THAT(refused, ContainsRegex("\nretry-after: (299|300)\r"));
  impatient.reset();
  std::string answer;
  do {
    answer = get("/debug/pprof/profile?seconds=1");
  } while (answer.starts_with("HTTP/1.1 503 "));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminTest, refuses_more_addresses_than_a_profile_has) {
  std::string body;
  for (int i = 0; i < 20'000; ++i) body += "0x10+";
  http::Socket socket(admin.port());
  EXPECT_TRUE(socket.send("POST /debug/pprof/symbol HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: " +
                          std::to_string(body.size()) + "\r\n\r\n" + body));
  const std::string answer = socket.read_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(answer, EndsWith("at most 16384 addresses at a time\n"));
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
