#include "base/admin/admin_server.hpp"

#include <gmock/gmock.h>
#include <zlib.h>

#include <array>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "base/admin/named_profile.hpp"
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

perftools::profiles::Profile parsed(const std::string& gzip) {
  std::string plain(1 << 22, '\0');
  z_stream stream{};
  inflateInit2(&stream, 15 + 16);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  stream.next_out = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_out = static_cast<uInt>(plain.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  plain.resize(stream.total_out);
  inflateEnd(&stream);
  perftools::profiles::Profile profile;
  EXPECT_TRUE(profile.ParseFromString(plain));
  return profile;
}

std::vector<std::string> names_in_profile(const std::string& gzip) {
  const auto profile = parsed(gzip);
  std::vector<std::string> names;
  for (const auto& function : profile.function())
    names.push_back(profile.string_table(static_cast<int>(function.name())));
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
  const std::array<std::uintptr_t, 14> words{0, 3, 0, 10'000, 0, 7, 2, inside, inside + 1, 1, 1, 0x10, 0, 1};
  std::string legacy(reinterpret_cast<const char*>(words.data()), sizeof words);
  legacy.append(8, '\0').append("the memory map");
  Symbols symbols;
  const auto profile = named_cpu_profile(legacy, symbols);
  ASSERT_TRUE(profile);
  EXPECT_THAT(values_of(*profile, kNamed), testing::ElementsAre(testing::ElementsAre(7, 70'000'000)));
  EXPECT_EQ(parsed(*profile).sample_size(), 2) << "the address that nobody can name counts, too";
  EXPECT_FALSE(named_cpu_profile("nothing of the kind", symbols));
  EXPECT_FALSE(named_cpu_profile("", symbols));
  EXPECT_TRUE(named_cpu_profile(legacy.substr(0, 8 * 8), symbols)) << "cut off within a stack: what is whole before it";
}

TEST(NamedProfile, of_memory_counts_for_what_was_not_sampled) {
  char line[160];
  std::snprintf(line, sizeof line,
                "heap profile: 9: 9 [ 9: 9] @ heap_v2/1000\n  2: 2000 [ 4: 8000] @ %p 0x2\n\nMAPPED_LIBRARIES:\n",
                reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(&wait_in_a_named_function) + 2));
  Symbols symbols;
  EXPECT_THAT(values_of(named_heap_profile(line, false, symbols), kNamed),
              testing::ElementsAre(testing::ElementsAre(3, 3164)));
  EXPECT_THAT(values_of(named_heap_profile(line, true, symbols), kNamed),
              testing::ElementsAre(testing::ElementsAre(5, 9252)));
}

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
  } while (text.find("wait_in_a_named_function") == std::string::npos ||
           text.find("\"the-waiting-one\" [sleeping]") == std::string::npos);
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
