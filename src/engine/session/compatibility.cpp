#include "engine/session/compatibility.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace gauntlet::engine {
namespace {

using enum Compatibility;

constexpr std::string_view kLanguage = "Language and loading";
constexpr std::string_view kModules = "Modules";
constexpr std::string_view kHttp = "k6/http";
constexpr std::string_view kGrpc = "k6/net/grpc";
constexpr std::string_view kExecution = "Execution";
constexpr std::string_view kResults = "Metrics and results";
constexpr std::string_view kCommands = "Commands";

constexpr std::array kTable = {
    CompatibilityRow{kLanguage, "ES modules, local imports, re-exports, import.meta.resolve", better,
                     "a name that a module does not export is an error at load; in k6 it is undefined"},
    CompatibilityRow{kLanguage, "CommonJS (require, module.exports)", same, ""},
    CompatibilityRow{kLanguage, "open() text and binary, init only", same, ""},
    CompatibilityRow{
        kLanguage, "JavaScript itself", better,
        "QuickJS-ng: all of ES2023, Set operations, Uint8Array.fromHex, Error.isError, JSON.rawJSON; k6's engine lacks for await, "
        "named groups and more; no Intl: localeCompare goes by code points, whatever the language"},
    CompatibilityRow{kLanguage, "timers, promises, async exported functions", same, ""},
    CompatibilityRow{kLanguage, "console", same, "standard error, as k6's log lines"},
    CompatibilityRow{kLanguage, "TypeScript", better,
                     "lines and columns in stack traces are those of the source; namespaces with code are refused"},
    CompatibilityRow{kLanguage, "imports over https (jslib)", better,
                     "from copies in the module folder (GAUNTLET_MODULES); nothing is fetched while a test runs"},
    CompatibilityRow{kLanguage, "crypto global (webcrypto)", better,
                     "HKDF and wrapping keys, too; errors are Errors, and key.algorithm is as the W3C has it"},
    CompatibilityRow{kLanguage, "URL, URLSearchParams, structuredClone", better,
                     "there, as the web has them, for hosts in ASCII; k6 has none of them"},
    CompatibilityRow{kLanguage, "fetch, Request, Response, Headers, AbortController", better,
                     "there, as the web has them without a page, with the metrics of k6/http; k6 has none of them"},

    CompatibilityRow{kModules, "k6", better,
                     "group() as with k6 2's --features async-metric-context: its tags go on after await, in timers and listeners, and "
                     "tags set inside stay inside; Math.random after randomSeed() repeats itself, but not Go's sequence"},
    CompatibilityRow{kModules, "k6/data", better, "SharedArray; what its JSON would lose (ArrayBuffer, Map) is refused"},
    CompatibilityRow{kModules, "k6/encoding", same, ""},
    CompatibilityRow{kModules, "k6/execution", same, ""},
    CompatibilityRow{kModules, "k6/http", same, "see below"},
    CompatibilityRow{kModules, "k6/metrics", same, ""},
    CompatibilityRow{kModules, "k6/net/grpc", same, "see below"},
    CompatibilityRow{kModules, "k6/timers", same, ""},
    CompatibilityRow{kModules, "k6/crypto", same, ""},
    CompatibilityRow{kModules, "k6/crypto/x509", same, "publicKey.key.curve is {name}, without Go's methods"},
    CompatibilityRow{kModules, "k6/html", same, "an exception in map() reaches the script; k6 swallows it"},
    CompatibilityRow{kModules, "k6/ws", same, ""},
    CompatibilityRow{kModules, "k6/websockets", better,
                     "a message right behind the handshake arrives, of which k6 1.8.1 on a busy machine loses one in some 2,000; a Blob "
                     "can be sent, too, and its stream() gives bytes, where k6 gives a text"},
    CompatibilityRow{
        kModules, "k6/secrets", better,
        "sources file and mock; errors are Errors; comments in the file; only values are hidden in logs, not the words of the log itself"},
    CompatibilityRow{kModules, "k6/experimental/csv", better, "a byte order mark is no data"},
    CompatibilityRow{kModules, "k6/experimental/fs", better,
                     "SeekMode.End counts from the end of the file; k6 counts from the byte before"},
    CompatibilityRow{
        kModules, "k6/experimental/streams", better,
        "the standard's order of jobs; tee(), for await, from(), pipeTo(), and WritableStream of k6 2, too; no streams of bytes"},
    CompatibilityRow{kModules, "k6/experimental/websockets", same, "the same as k6/websockets"},
    CompatibilityRow{kModules, "k6/experimental/redis", absent, "gone in k6 2, too: the message says what there is instead"},
    CompatibilityRow{kModules, "k6/browser", absent, "out of scope"},
    CompatibilityRow{kModules, "k6/x/*", absent, "extensions are Go code"},

    CompatibilityRow{kHttp, "get, head, post, put, patch, del, options, request, asyncRequest, batch", same,
                     "asyncRequest takes a signal (AbortSignal), too"},
    CompatibilityRow{kHttp, "params, Response with lazy properties, json() with selectors", same, ""},
    CompatibilityRow{kHttp, "cookies, redirects, multipart, forms, url template, response callbacks", same,
                     "form fields as in k6 2.3: empty for null, a warning for an object; --strict-k6 gives 1.8's <nil>"},
    CompatibilityRow{kHttp, "auth basic, digest and ntlm", same, ""},
    CompatibilityRow{kHttp, "TLS: versions, cipher suites, insecureSkipTLSVerify", same, "no OCSP answers: ocsp.status stays unknown"},
    CompatibilityRow{kHttp, "TLS: client certificates", better, "sent only to the domains that tlsAuth names; k6 sends them to all"},
    CompatibilityRow{kHttp, "option tlsAIAFetch", better, "by http alone, once for each address; servers by their IP addresses, too"},
    CompatibilityRow{kHttp, "HTTP/2 over TLS", same, "chosen by ALPN"},
    CompatibilityRow{kHttp, "option httpVersion", better,
                     "\"1.1\" never offers HTTP/2, \"2\" speaks nothing else: over plain http:// as h2c"},
    CompatibilityRow{kHttp, "option jsonBodies", better,
                     "objects and lists as bodies are sent as JSON where the request's Content-Type says JSON; k6 sends a form"},
    CompatibilityRow{kHttp, "responseType 'stream'", better,
                     "a body is read while it comes, as bytes, text or server-sent events, with metrics of their times"},
    CompatibilityRow{kHttp, "option maxResponseBytes", better,
                     "bounds bodies and messages as they are after decompression; k6 has no bound"},
    CompatibilityRow{kHttp, "streams that the server resets with PROTOCOL_ERROR or refuses for ever", better,
                     "an error; k6 1.8.1 sends the request again without end"},
    CompatibilityRow{kHttp, "proxies from the environment", same, "http:// and socks5:// proxies, not https:// ones"},
    CompatibilityRow{kHttp, "hosts, blockHostnames, blacklistIPs, dns, localIPs, connection reuse, batch limits", same, ""},
    CompatibilityRow{kHttp, "html(), submitForm(), clickLink()", better,
                     "forms as browsers send them: bare checked, disabled, all values of a name, formaction"},

    CompatibilityRow{kGrpc, "load, loadProtoset, connect, invoke, asyncInvoke, close", same, ""},
    CompatibilityRow{kGrpc, "Stream, reflection, healthCheck, TLS with client certificates", same, ""},
    CompatibilityRow{kGrpc, "metrics of calls that time out", better, "recorded; k6 leaves them out"},
    CompatibilityRow{kGrpc, "grpc_reqs, grpc_req_failed", better, "k6 has no count and no failure rate"},
    CompatibilityRow{kGrpc, "schemas", better, "compiled once a process, not once a virtual user"},
    CompatibilityRow{kGrpc, "status constants", better, "plain numbers, so that === 0 holds, too"},

    CompatibilityRow{kExecution,
                     "shared-iterations, per-vu-iterations, constant-vus, ramping-vus, constant-arrival-rate, ramping-arrival-rate", same,
                     ""},
    CompatibilityRow{kExecution, "--scenario, --once", same, "as k6 2.3; --once takes every scenario, or those of --scenario"},
    CompatibilityRow{kExecution, "--vus alone", same, "as many shared iterations, as in k6 2.3; --strict-k6 gives 1.8's one iteration"},
    CompatibilityRow{
        kExecution, "--duration alone", better,
        "stretches every time of the script's own scenarios alike, startTime included, and says so; --strict-k6 gives k6's rule"},
    CompatibilityRow{kExecution, "intended start", better, "latency from the moment an iteration was due, beside service time"},
    CompatibilityRow{kExecution, "execution segments and sequences", same, "--segment I/N is short for both"},
    CompatibilityRow{kExecution, "--processes N, merge, compare", better,
                     "segments of a test add up by histograms, exactly; two runs are compared with intervals"},
    CompatibilityRow{kExecution, "--warm-up, --setup-apart", better,
                     "results without the first seconds, or without what setup() and teardown() request"},
    CompatibilityRow{kExecution, "the generator's own health", better,
                     "threshold generator_ok, loop_lag and schedule_slip, exit code 111 with --require-generator-ok"},
    CompatibilityRow{
        kExecution, "setupVU(), teardownVU()", better,
        "exported functions that each virtual user calls before its first iteration of a scenario and after its last one; what "
        "the former returns is the iterations' second argument"},
    CompatibilityRow{kExecution, "scripts that change built-in objects (polyfills)", same,
                     "where the init of user 0 does, each user gets its own, as with the option isolatedUsers; else users share them and a "
                     "change is a TypeError"},
    CompatibilityRow{kExecution, "option maxHeapBytes", better,
                     "bounds what a virtual user's script may keep, responses and pages included: 1 GB, less where the machine has less; "
                     "the error names the line"},
    CompatibilityRow{kExecution, "endless loops", better,
                     "stopped at the iteration's hard stop and by the first Ctrl-C while the script loads, in natives, too; a second "
                     "Ctrl-C ends any run within a second (105)"},
    CompatibilityRow{kExecution, "exit codes", same, ""},
    CompatibilityRow{kExecution, "externally-controlled executor", absent, "gone in k6 2, too: use the stages of ramping-vus"},

    CompatibilityRow{kResults, "thresholds with tag filters, abortOnFail, delayAbortEval", same, ""},
    CompatibilityRow{kResults, "thresholds without a sample, failed checks", better,
                     "\"no data\" in the summary, where k6 and --strict-k6 have a tick; --require-all-ok makes both fail the run"},
    CompatibilityRow{kResults, "memory of metrics", better,
                     "does not grow with the number of samples; percentiles within 0.1 %, exact while counts are small"},
    CompatibilityRow{kResults, "end-of-test summary, handleSummary, handleSummaryTimeout, --summary-export", same, ""},
    CompatibilityRow{kResults, "progress, and what each scenario did", better,
                     "iterations a second that are done, by scenario; a table of several scenarios after the summary, without --strict-k6"},
    CompatibilityRow{kResults, "--out json=F.json", better, "the summary and a series; --out points=F is k6's line format"},
    CompatibilityRow{kResults, "--out csv=F", same, ""},
    CompatibilityRow{kResults, "--out influxdb", same, "receivers that do not keep up are told, here and below, and never slow the test"},
    CompatibilityRow{kResults, "--out experimental-prometheus-rw", better,
                     "a trend's count is its count (k6: divided by 1,000); no _HEADERS_NAME variables"},
    CompatibilityRow{
        kResults, "--out opentelemetry", same,
        "over gRPC or http/protobuf; the default addresses are spoken to without TLS; =http://... and =grpc://... in --out choose, too"},
    CompatibilityRow{kResults, "--out prometheus=PORT", better, "a page to scrape"},
    CompatibilityRow{kResults, "--out cloud", absent, ""},
    CompatibilityRow{kResults, "web dashboard (K6_WEB_DASHBOARD, _HOST, _PORT, _PERIOD, _OPEN, _EXPORT; --out web-dashboard=...)", better,
                     "a page of our own, also by --web: each second, thresholds, endpoints, errors by kind, generator health; binds "
                     "127.0.0.1 unless told, "
                     "never delays exit; _RECORD, _TAGS and .dashboard.json have no meaning"},

    CompatibilityRow{kCommands, "run, new, inspect, archive, deps, version", same, "archives are read both ways"},
    CompatibilityRow{kCommands, "new --types", better,
                     "types of all that a script can import, beside the script: editors complete and check it without a package"},
    CompatibilityRow{kCommands, "check", better,
                     "says what a script would do, draws its load and finds thresholds that never have a sample, without a request"},
    CompatibilityRow{kCommands, "REST API (--address); pause, resume, scale, status, stats, login", absent,
                     "gone in k6 2, too, but for reading by --address and stats: --web and --out prometheus=PORT show a running test"},
    CompatibilityRow{kCommands,
                     "--no-summary, K6_NO_SUMMARY, options.ext.loadimpact, K6_OTEL_EXPORTER_TYPE, K6_OTEL_SINGLE_COUNTER_FOR_RATE", absent,
                     "gone in k6 2, too: the message says what there is instead"},
    CompatibilityRow{kCommands, "completion", same, "gauntlet completion bash, zsh"},
    CompatibilityRow{kCommands, "--linger", same, "K6_LINGER, too; the time that it waits is not the test's"},
    CompatibilityRow{kCommands, "features, --features, K6_FEATURES", same,
                     "freeze-env, merge-run-tags and native-histograms; async-metric-context is always on"},
    CompatibilityRow{kCommands, "cloud, x", absent, ""},
};

constexpr std::string_view word_of(Compatibility state) {
  switch (state) {
    case same: return "same";
    case better: return "better";
    case absent: return "absent";
  }
  return "";
}

}  // namespace

std::span<const CompatibilityRow> compatibility_table() { return kTable; }

std::string compatibility_markdown() {
  const auto count = [](Compatibility state) {
    return std::count_if(kTable.begin(), kTable.end(), [&](const auto& row) { return row.state == state; });
  };
  std::string text = fmt::format(
      "# What of k6 the engine has\n\n"
      "Printed by `gauntlet compatibility` from `src/engine/session/compatibility.cpp`; the yardstick is k6 2.3, and\n"
      "`tests/conformance` holds the engine, script by script, to what 1.8.1 was recorded to do where 2.3 did not change it (--strict-k6\n"
      "is the way of 1.8 where it did). {} rows are the same, {} better on purpose, {} absent:\n"
      "what is absent fails with a message that names it, never silently.\n",
      count(same), count(better), count(absent));
  std::string_view area;
  for (const CompatibilityRow& row : kTable) {
    if (row.area != area) {
      area = row.area;
      text += fmt::format("\n## {}\n\n| item | state | note |\n|---|---|---|\n", area);
    }
    text += fmt::format("| {} | {} | {} |\n", row.item, word_of(row.state), row.note);
  }
  return text;
}

}  // namespace gauntlet::engine
