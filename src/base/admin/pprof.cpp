#include "base/admin/pprof.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gperftools/malloc_extension.h>
#include <sys/mman.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>

#include "base/admin/allocation_profile.hpp"
#include "base/admin/named_profile.hpp"
#include "base/admin/symbols.hpp"
#include "base/admin/thread_stacks.hpp"
#include "base/whole_file.hpp"

namespace gauntlet::base::admin {
namespace {

using http::ExchangePtr;
using http::Response;

constexpr std::int64_t kDefaultProfileSeconds = 30;
constexpr std::int64_t kDefaultAllocationSeconds = 10;
constexpr std::int64_t kMaxProfileSeconds = 300;

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

Response binary(std::string bytes) {
  return {.status = 200, .content_type = "application/octet-stream", .body = std::move(bytes)};
}

/// Of /proc, or of what gperftools has just written; an empty profile says by itself that there was nothing.
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
  const bool from_anywhere;
  Symbols symbols;
  bool profiling = false;

  void profile(const ExchangePtr& exchange) {
    using Start = int (*)(const char*);
    using Stop = void (*)();
    // Loaded when first asked for: nothing in the program refers to it, so a linker would leave it out.
    if (library_function<Start>("ProfilerStart") == nullptr) dlopen("libprofiler.so.0", RTLD_NOW | RTLD_GLOBAL);
    const auto start = library_function<Start>("ProfilerStart");
    const auto stop = library_function<Stop>("ProfilerStop");
    if (start == nullptr || stop == nullptr) {
      exchange->respond(plain(501, "CPU profiles need gperftools' libprofiler.so.0, which is not installed\n"));
      return;
    }
    const auto seconds = requested_seconds(exchange->request(), kDefaultProfileSeconds);
    if (!seconds || *seconds < 1 || *seconds > kMaxProfileSeconds) {
      exchange->respond(plain(400, fmt::format("seconds must be a number from 1 to {}\n", kMaxProfileSeconds)));
      return;
    }
    if (profiling) {
      exchange->respond(plain(503, "another CPU profile is being taken; try again when it is done\n"));
      return;
    }
    // A file in memory: nothing to clean up, and nothing to fail on a full or read-only disk.
    const int file = memfd_create("cpu-profile", MFD_CLOEXEC);
    const std::string path = fmt::format("/proc/self/fd/{}", file);
    if (file < 0 || start(path.c_str()) == 0) {
      if (file >= 0) close(file);
      exchange->respond(plain(503, "the profiler could not be started; is CPUPROFILE set for this process?\n"));
      return;
    }
    profiling = true;
    exchange->loop().call_after(std::chrono::seconds(*seconds), [this, exchange, stop, file, path] {
      stop();
      profiling = false;
      const auto profile = named_cpu_profile(contents_of(path), symbols);
      close(file);
      if (!profile) return exchange->respond(profile.error());
      exchange->respond(binary(*profile));
    });
  }

  void heap(const ExchangePtr& exchange) {
    MallocExtension* const extension = tcmalloc();
    const std::int64_t* const interval = sampling_interval();
    if (extension == nullptr || interval == nullptr) {
      exchange->respond(
          plain(501, "heap profiles need gperftools' libtcmalloc, which this program is not linked with\n"));
      return;
    }
    if (*interval <= 0) {
      exchange->respond(plain(501, "tcmalloc does not sample; start with TCMALLOC_SAMPLE_PARAMETER=524288\n"));
      return;
    }
    std::string sample;
    extension->GetHeapSample(&sample);
    exchange->respond(binary(named_heap_profile(sample, false, symbols)));
  }

  void allocs(const ExchangePtr& exchange) {
    if (!AllocationProfile::is_supported()) {
      exchange->respond(
          plain(501, "allocation profiles need gperftools' libtcmalloc, which this program is not linked with\n"));
      return;
    }
    const auto seconds = requested_seconds(exchange->request(), kDefaultAllocationSeconds);
    if (!seconds || *seconds < 1 || *seconds > kMaxProfileSeconds) {
      exchange->respond(plain(400, fmt::format("seconds must be a number from 1 to {}\n", kMaxProfileSeconds)));
      return;
    }
    if (!AllocationProfile::start()) {
      exchange->respond(plain(503, "another allocation profile is being taken; try again when it is done\n"));
      return;
    }
    exchange->loop().call_after(std::chrono::seconds(*seconds), [this, exchange] {
      exchange->respond(binary(named_heap_profile(AllocationProfile::stop(), true, symbols)));
    });
  }

  /// Asked "symbol" with addresses "0x401000+0x401020", answers a line for each.
  void symbol(const ExchangePtr& exchange) {
    const http::Request& request = exchange->request();
    std::string_view addresses = request.method() == "POST" ? request.body() : request.query();
    std::string answer = "num_symbols: 1\n";
    while (!addresses.empty()) {
      const std::size_t end = std::min(addresses.find('+'), addresses.size());
      std::string_view text = addresses.substr(0, end);
      addresses.remove_prefix(std::min(end + 1, addresses.size()));
      if (text.starts_with("0x")) text.remove_prefix(2);
      std::uintptr_t address = 0;
      if (std::from_chars(text.data(), text.data() + text.size(), address, 16).ec != std::errc()) continue;
      if (const std::string name = symbols.name(address); !name.empty())
        answer += fmt::format("{:#x}\t{}\n", address, name);
    }
    exchange->respond(plain(200, std::move(answer)));
  }

  void goroutine(const ExchangePtr& exchange) {
    const auto stacks = thread_stacks();
    std::string text;
    const std::string debug = exchange->request().query_value("debug").value_or("0");
    if (debug == "2") {
      for (const ThreadStack& stack : stacks) {
        text += fmt::format("thread {} \"{}\" [{}]:\n", stack.id, stack.name, stack.state);
        for (const std::uintptr_t frame : stack.frames) text += fmt::format("  {}\n", symbols.describe(frame));
        text += stack.frames.empty() ? "  (did not answer)\n\n" : "\n";
      }
      exchange->respond(plain(200, std::move(text)));
      return;
    }
    std::map<std::vector<std::uintptr_t>, int> counts;
    for (const ThreadStack& stack : stacks) ++counts[stack.frames];
    if (debug == "0") {
      NamedProfile profile(symbols, {{"goroutine", "count"}}, 1);
      for (const auto& [frames, count] : counts) profile.add(frames, {count});
      return exchange->respond(binary(profile.finish()));
    }
    // Go's text format: threads with the same stack on one line.
    text = fmt::format("goroutine profile: total {}\n", stacks.size());
    for (const auto& [frames, count] : counts) {
      text += fmt::format("{} @", count);
      for (const std::uintptr_t frame : frames) text += fmt::format(" {:#x}", frame);
      text += '\n';
      for (const std::uintptr_t frame : frames) text += fmt::format("#\t{:#x}\t{}\n", frame, symbols.describe(frame));
      text += '\n';
    }
    text += "--- Memory map: ---\n" + contents_of("/proc/self/maps");
    exchange->respond(plain(200, std::move(text)));
  }
};

Pprof::Pprof(bool from_anywhere) : state_(std::make_unique<State>(State{from_anywhere, {}, false})) {}
Pprof::~Pprof() = default;

void Pprof::start_heap_sampling() {
  std::int64_t* const interval = sampling_interval();
  if (interval != nullptr && std::getenv("TCMALLOC_SAMPLE_PARAMETER") == nullptr) *interval = kBytesPerSample;
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
    router.get(fmt::format("/debug/pprof/{}", name), guarded([reason = std::move(reason)](const ExchangePtr& exchange) {
                 exchange->respond(plain(501, reason + "\n"));
               }));
  };
  router.get("/debug/pprof/", guarded([](const ExchangePtr& exchange) {
               exchange->respond(
                   {.status = 200, .content_type = "text/html; charset=utf-8", .body = http::Body::of_static(kIndex)});
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
