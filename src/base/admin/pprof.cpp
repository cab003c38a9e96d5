#include "base/admin/pprof.hpp"

#include <dlfcn.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <gperftools/malloc_extension.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "base/admin/allocation_profile.hpp"
#include "base/admin/cpu_profile.hpp"
#include "base/admin/named_profile.hpp"
#include "base/admin/stack_walk.hpp"
#include "base/admin/symbols.hpp"
#include "base/admin/thread_stacks.hpp"
#include "base/admin/turns.hpp"
#include "base/whole_file.hpp"

namespace gauntlet::base::admin {
namespace {

using http::ExchangePtr;
using http::Response;

constexpr std::int64_t kDefaultProfileSeconds = 30;
constexpr std::int64_t kDefaultAllocationSeconds = 10;
constexpr std::int64_t kMaxProfileSeconds = 300;
constexpr std::int64_t kMaxAddresses = 16'384;  // of one "symbol"; a profile holds some thousand

/// gperftools' functions, looked up at run time so that programs without it (tests, tools) link and run.
template <class Function>
Function library_function(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
}

MallocExtension* tcmalloc() {
  static const auto instance = library_function<MallocExtension* (*)()>("_ZN15MallocExtension8instanceEv");
  return instance == nullptr ? nullptr : instance();
}

/// tcmalloc's sampling interval in bytes, which it reads anew for each sample; null without tcmalloc.
std::int64_t* sampling_interval() {
  return library_function<std::int64_t*>(
      "_ZN61FLAG__namespace_do_not_use_directly_use_DECLARE_int64_instead31FLAGS_tcmalloc_sample_parameterE");
}

Response plain(int status, std::string text) {
  return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(text)};
}

Response binary(std::string bytes) { return {.status = 200, .content_type = "application/octet-stream", .body = std::move(bytes)}; }

/// Of /proc.
std::string contents_of(const std::string& path) { return read_whole_file(path).value_or(""); }

/// "30" of ?seconds=30; nothing when it is no number.
std::optional<std::int64_t> requested_seconds(const http::Request& request, std::int64_t fallback) {
  const auto text = request.query_value("seconds");
  if (!text) return fallback;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return seconds;
}

constexpr std::string_view kIndex = R"(<html><head><title>/debug/pprof/</title></head><body>
<h1>/debug/pprof/</h1>
<p>Set debug=1 as a query parameter to read goroutine as text.</p>
<ul>
<li><a href="profile?seconds=10">profile</a>: CPU profile; seconds sets its length (30)
<li><a href="heap">heap</a>: sample of the memory in use
<li><a href="allocs?seconds=10">allocs</a>: sample of what is allocated meanwhile, be it freed again; seconds sets its length (10)
<li><a href="goroutine?debug=2">goroutine</a>: every thread's name and stack
<li><a href="cmdline">cmdline</a>: the command line
<li><a href="symbol">symbol</a>: function names of addresses
<li>block, mutex, threadcreate, trace: answer 501 and say why
</ul></body></html>
)";

}  // namespace

struct Pprof::State {
  using Clock = EventLoop::Clock;

  /// A profile of a while, and who waits for it. One of each kind at a time.
  template <class Profile>
  struct UnderWay {
    std::unique_ptr<Profile> profile;  // null: none
    ExchangePtr caller;
    std::chrono::seconds length;
    Clock::time_point begin;

    Clock::time_point end() const { return begin + length; }
    /// Ends it when its caller has gone: nobody would read it, and others may want one.
    void end_if_abandoned() {
      if (profile == nullptr || !caller->client_has_left()) return;
      caller->respond(plain(499, "the profile was ended because its caller closed the connection\n"));
      *this = {};
    }
  };

  const bool from_anywhere;
  Symbols symbols;
  Turns turns;
  UnderWay<CpuProfile> cpu;
  UnderWay<AllocationProfile> allocations;

  void profile(const ExchangePtr& exchange) {
    take(cpu, "CPU", kDefaultProfileSeconds, exchange, [this] {
      cpu.profile->collect();
      return named_cpu_profile(cpu.profile->stacks(), Clock::now() - cpu.begin, symbols);
    });
  }

  void allocs(const ExchangePtr& exchange) {
    if (!AllocationProfile::is_supported()) {
      exchange->respond(plain(501, "allocation profiles need gperftools' libtcmalloc, which this program is not linked with\n"));
      return;
    }
    take(allocations, "allocation", kDefaultAllocationSeconds, exchange,
         [this] { return named_heap_profile(allocations.profile->text(), true, symbols); });
  }

  /// Takes a profile for the seconds that the caller wants and answers with what `write` makes of it then.
  template <class Profile>
  void take(UnderWay<Profile>& under_way, std::string_view kind, std::int64_t default_seconds, const ExchangePtr& exchange,
            std::function<std::string()> write) {
    const auto seconds = requested_seconds(exchange->request(), default_seconds);
    if (!seconds || *seconds < 1 || *seconds > kMaxProfileSeconds) {
      exchange->respond(plain(400, fmt::format("seconds must be a number from 1 to {}\n", kMaxProfileSeconds)));
      return;
    }
    under_way.end_if_abandoned();
    if (under_way.profile != nullptr) return refuse(under_way, kind, exchange);
    under_way = {Profile::start(), exchange, std::chrono::seconds(*seconds), Clock::now()};
    if (under_way.profile == nullptr) {
      under_way = {};
      exchange->respond(plain(503, fmt::format("another {} profile of this process is being taken\n", kind)));
      return;
    }
    look_after(under_way, exchange->loop(), std::move(write));
  }

  template <class Profile>
  void look_after(UnderWay<Profile>& under_way, EventLoop& loop, std::function<std::string()> write) {
    const auto next = std::min(Clock::now() + CpuProfile::kCollectEvery, under_way.end());
    loop.call_at(next, [this, &under_way, &loop, caller = under_way.caller, write = std::move(write)]() mutable {
      under_way.end_if_abandoned();
      if (under_way.caller != caller) return;
      if (Clock::now() >= under_way.end()) {
        caller->respond(binary(write()));
        under_way = {};
        return;
      }
      if constexpr (requires { under_way.profile->collect(); }) under_way.profile->collect();
      look_after(under_way, loop, std::move(write));
    });
  }

  template <class Profile>
  static void refuse(const UnderWay<Profile>& under_way, std::string_view kind, const ExchangePtr& exchange) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(under_way.end() - Clock::now());
    const auto end = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() + left);
    Response response =
        plain(503, fmt::format("another {} profile, of {} s, is being taken until {:%H:%M:%S} UTC; ask again in {} s, or end it: it "
                               "ends when its caller leaves\n",
                               kind, under_way.length.count(), fmt::gmtime(end), left.count()));
    response.headers.emplace_back("retry-after", fmt::format("{}", left.count()));
    exchange->respond(std::move(response));
  }

  void heap(const ExchangePtr& exchange) {
    MallocExtension* const extension = tcmalloc();
    const std::int64_t* const interval = sampling_interval();
    if (extension == nullptr || interval == nullptr) {
      exchange->respond(plain(501, "heap profiles need gperftools' libtcmalloc, which this program is not linked with\n"));
      return;
    }
    if (*interval <= 0) {
      exchange->respond(plain(501, "tcmalloc does not sample; start with TCMALLOC_SAMPLE_PARAMETER=524288\n"));
      return;
    }
    turns.answer(exchange, "heap", [this, extension] {
      std::string sample;
      extension->GetHeapSample(&sample);
      return binary(named_heap_profile(sample, false, symbols));
    });
  }

  /// Asked "symbol" with addresses "0x401000+0x401020", answers a line for each.
  void symbol(const ExchangePtr& exchange) {
    const http::Request& request = exchange->request();
    const std::string_view addresses = request.method() == "POST" ? request.body() : request.query();
    if (std::ranges::count(addresses, '+') >= kMaxAddresses) {
      exchange->respond(plain(413, fmt::format("at most {} addresses at a time\n", kMaxAddresses)));
      return;
    }
    turns.answer(exchange, fmt::format("symbol {}", addresses),
                 [this, addresses = std::string(addresses)] { return plain(200, names_of(addresses)); });
  }

  std::string names_of(std::string_view addresses) {
    std::string answer = "num_symbols: 1\n";
    while (!addresses.empty()) {
      const std::size_t end = std::min(addresses.find('+'), addresses.size());
      std::string_view text = addresses.substr(0, end);
      addresses.remove_prefix(std::min(end + 1, addresses.size()));
      if (text.starts_with("0x")) text.remove_prefix(2);
      std::uintptr_t address = 0;
      if (std::from_chars(text.data(), text.data() + text.size(), address, 16).ec != std::errc()) continue;
      if (const std::string name = symbols.name(address); !name.empty()) answer += fmt::format("{:#x}\t{}\n", address, name);
    }
    return answer;
  }

  void goroutine(const ExchangePtr& exchange) {
    const std::string debug = exchange->request().query_value("debug").value_or("0");
    if (debug == "2") {
      turns.answer(exchange, "stacks", [this] { return plain(200, stacks_as_text()); });
    } else if (debug == "0") {
      turns.answer(exchange, "stack counts", [this] { return binary(stack_counts()); });
    } else {
      turns.answer(exchange, "stack counts as text", [this] { return plain(200, stack_counts_as_text()); });
    }
  }

  std::string stacks_as_text() {
    std::string text;
    for (const ThreadStack& stack : thread_stacks()) {
      text += fmt::format("thread {} \"{}\" [{}]:\n", stack.id, stack.name, stack.state);
      for (const std::uintptr_t frame : stack.frames) text += fmt::format("  {}\n", symbols.describe(frame));
      text += stack.frames.empty() ? "  (did not answer)\n\n" : "\n";
    }
    return text;
  }

  static StackCounts counted(const std::vector<ThreadStack>& stacks) {
    StackCounts counts;
    for (const ThreadStack& stack : stacks) ++counts[stack.frames];
    return counts;
  }

  std::string stack_counts() {
    NamedProfile profile(symbols, {{"goroutine", "count"}}, 1);
    for (const auto& [frames, count] : counted(thread_stacks())) profile.add(frames, {count});
    return profile.finish();
  }

  /// Go's text format: threads with the same stack on one line.
  std::string stack_counts_as_text() {
    const auto stacks = thread_stacks();
    std::string text = fmt::format("goroutine profile: total {}\n", stacks.size());
    for (const auto& [frames, count] : counted(stacks)) {
      text += fmt::format("{} @", count);
      for (const std::uintptr_t frame : frames) text += fmt::format(" {:#x}", frame);
      text += '\n';
      for (const std::uintptr_t frame : frames) text += fmt::format("#\t{:#x}\t{}\n", frame, symbols.describe(frame));
      text += '\n';
    }
    return text + "--- Memory map: ---\n" + contents_of("/proc/self/maps");
  }
};

Pprof::Pprof(bool from_anywhere) : state_(std::make_unique<State>(from_anywhere)) {}
Pprof::~Pprof() = default;

void Pprof::start_heap_sampling() {
  std::int64_t* const interval = sampling_interval();
  if (interval != nullptr && tcmalloc_walks_without_locks() && std::getenv("TCMALLOC_SAMPLE_PARAMETER") == nullptr)
    *interval = kBytesPerSample;
}

void Pprof::add_routes(http::Router& router) {
  State& state = *state_;
  const auto guarded = [&state](std::function<void(const ExchangePtr&)> handler) {
    return [&state, handler = std::move(handler)](const ExchangePtr& exchange) {
      if (state.from_anywhere || exchange->request().from_loopback()) {
        handler(exchange);
      } else {
        exchange->respond(plain(403, "profiles are for callers on this machine\n"));
      }
    };
  };
  const auto unsupported = [&](std::string_view name, std::string reason) {
    router.get(fmt::format("/debug/pprof/{}", name),
               guarded([reason = std::move(reason)](const ExchangePtr& exchange) { exchange->respond(plain(501, reason + "\n")); }));
  };
  router.get("/debug/pprof/", guarded([](const ExchangePtr& exchange) {
               exchange->respond({.status = 200, .content_type = "text/html; charset=utf-8", .body = http::Body::of_static(kIndex)});
             }));
  router.get("/debug/pprof/profile", guarded([&state](const ExchangePtr& exchange) { state.profile(exchange); }));
  router.get("/debug/pprof/heap", guarded([&state](const ExchangePtr& exchange) { state.heap(exchange); }));
  router.get("/debug/pprof/allocs", guarded([&state](const ExchangePtr& exchange) { state.allocs(exchange); }));
  router.get("/debug/pprof/goroutine", guarded([&state](const ExchangePtr& exchange) { state.goroutine(exchange); }));
  router.get("/debug/pprof/cmdline", guarded([](const ExchangePtr& exchange) {
               std::string arguments = contents_of("/proc/self/cmdline");
               if (!arguments.empty() && arguments.back() == '\0') arguments.pop_back();
               exchange->respond(plain(200, std::move(arguments)));
             }));
  const auto symbol = guarded([&state](const ExchangePtr& exchange) { state.symbol(exchange); });
  router.get("/debug/pprof/symbol", symbol);
  router.post("/debug/pprof/symbol", symbol);
  unsupported("mutex", "there is no mutex contention profile: the hot paths share no mutex, and pthread has no hook");
  unsupported("block", "there is no blocking profile: threads wait only in their event loops; see goroutine?debug=2");
  unsupported("threadcreate", "threads are created once, at the start; see goroutine?debug=2");
  unsupported("trace", "execution traces are a feature of the Go runtime; use profile, or perf record on the host");
}

}  // namespace gauntlet::base::admin
