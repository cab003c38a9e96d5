#pragma once
// All options, a row each: the member of Options, and what scripts, K6_* variables and flags call it. What reads, writes and
// merges options goes by this table, so that a new one is a member and a row.
#include <cstddef>
#include <tuple>
#include <type_traits>

#include "base/member_count.hpp"
#include "engine/plan/options.hpp"

namespace gauntlet::engine::plan {

/// Beside the name in JSON. What is nullptr there is not.
struct OptionWays {
  const char* variable = nullptr;  ///< "K6_VUS"
  const char* flag = nullptr;      ///< "vus"
  char letter = '\0';
  const char* value = nullptr;  ///< what the help calls it; nullptr: a switch
  const char* help = nullptr;   ///< nullptr: not listed
  /// Beyond its type.
  base::Expected<void> (*check)(std::string_view) = nullptr;
  bool in_script = true;
  /// k6 1.8 has none of the name, and a script may compare the list of options with k6's: listed where it says something.
  bool ours = false;
};

template <class T>
struct OptionRow {
  Setting<T> Options::*member;
  const char* name;
  OptionWays ways;
};

namespace detail {

template <class T>
constexpr OptionRow<T> row(Setting<T> Options::*member, const char* name, OptionWays ways = {}) {
  return {member, name, ways};
}

}  // namespace detail

/// In the order in which `inspect` prints them.
inline constexpr std::tuple kOptionRows{
    detail::row(&Options::paused, "paused", {.variable = "K6_PAUSED", .flag = "paused", .letter = 'p'}),
    detail::row(&Options::vus, "vus",
                {.variable = "K6_VUS", .flag = "vus", .letter = 'u', .value = "N", .help = "number of virtual users"}),
    detail::row(&Options::duration, "duration",
                {.variable = "K6_DURATION",
                 .flag = "duration",
                 .letter = 'd',
                 .value = "D",
                 .help = "test duration; alone it stretches the script's scenarios (k6: replaces them)"}),
    detail::row(&Options::iterations, "iterations",
                {.variable = "K6_ITERATIONS",
                 .flag = "iterations",
                 .letter = 'i',
                 .value = "N",
                 .help = "iterations shared among the virtual users"}),
    detail::row(&Options::stages, "stages", {.variable = "K6_STAGES"}),
    detail::row(&Options::scenarios, "scenarios"),
    detail::row(&Options::execution_segment, "executionSegment",
                {.variable = "K6_EXECUTION_SEGMENT",
                 .flag = "execution-segment",
                 .value = "A:B",
                 .help = "run this part of the test only, as 1/4:1/2",
                 .check = &Stripe::check_segment}),
    detail::row(&Options::execution_segment_sequence, "executionSegmentSequence",
                {.variable = "K6_EXECUTION_SEGMENT_SEQUENCE",
                 .flag = "execution-segment-sequence",
                 .value = "LIST",
                 .help = "all parts' limits, as 0,1/4,1/2,1",
                 .check = &Stripe::check_sequence}),
    detail::row(&Options::no_setup, "noSetup", {.variable = "K6_NO_SETUP", .flag = "no-setup", .help = "do not call setup()"}),
    detail::row(&Options::setup_timeout, "setupTimeout", {.variable = "K6_SETUP_TIMEOUT"}),
    detail::row(&Options::no_teardown, "noTeardown",
                {.variable = "K6_NO_TEARDOWN", .flag = "no-teardown", .help = "do not call teardown()"}),
    detail::row(&Options::teardown_timeout, "teardownTimeout", {.variable = "K6_TEARDOWN_TIMEOUT"}),
    detail::row(&Options::handle_summary_timeout, "handleSummaryTimeout", {.variable = "K6_HANDLE_SUMMARY_TIMEOUT", .ours = true}),
    detail::row(&Options::rps, "rps",
                {.variable = "K6_RPS", .flag = "rps", .value = "N", .help = "limit of requests per second over all virtual users"}),
    detail::row(&Options::dns, "dns",
                {.variable = "K6_DNS", .flag = "dns", .value = "SPEC", .help = "ttl=5m,select=random,policy=preferIPv4"}),
    detail::row(&Options::max_redirects, "maxRedirects",
                {.variable = "K6_MAX_REDIRECTS", .flag = "max-redirects", .value = "N", .help = "redirects to follow (10)"}),
    detail::row(&Options::user_agent, "userAgent",
                {.variable = "K6_USER_AGENT", .flag = "user-agent", .value = "TEXT", .help = "of HTTP requests"}),
    detail::row(&Options::batch, "batch",
                {.variable = "K6_BATCH", .flag = "batch", .value = "N", .help = "parallel requests of http.batch() (20)"}),
    detail::row(&Options::batch_per_host, "batchPerHost",
                {.variable = "K6_BATCH_PER_HOST", .flag = "batch-per-host", .value = "N", .help = "of these to one host (6)"}),
    detail::row(&Options::http_debug, "httpDebug", {.variable = "K6_HTTP_DEBUG"}),
    detail::row(&Options::insecure_skip_tls_verify, "insecureSkipTLSVerify",
                {.variable = "K6_INSECURE_SKIP_TLS_VERIFY", .flag = "insecure-skip-tls-verify", .help = "accept any certificate"}),
    detail::row(&Options::tls_cipher_suites, "tlsCipherSuites"),
    detail::row(&Options::tls_version, "tlsVersion"),
    detail::row(&Options::tls_auth, "tlsAuth"),
    detail::row(&Options::tls_aia_fetch, "tlsAIAFetch", {.ours = true}),
    detail::row(&Options::throw_errors, "throw",
                {.variable = "K6_THROW", .flag = "throw", .letter = 'w', .help = "throw errors of failed requests"}),
    detail::row(&Options::thresholds, "thresholds"),
    detail::row(&Options::blacklist_ips, "blacklistIPs", {.variable = "K6_BLACKLIST_IPS"}),
    detail::row(&Options::block_hostnames, "blockHostnames",
                {.variable = "K6_BLOCK_HOSTNAMES", .flag = "block-hostnames", .value = "LIST", .help = "never resolve these names"}),
    detail::row(&Options::hosts, "hosts"),
    detail::row(&Options::no_connection_reuse, "noConnectionReuse",
                {.variable = "K6_NO_CONNECTION_REUSE", .flag = "no-connection-reuse", .help = "a connection per request"}),
    detail::row(
        &Options::no_vu_connection_reuse, "noVUConnectionReuse",
        {.variable = "K6_NO_VU_CONNECTION_REUSE", .flag = "no-vu-connection-reuse", .help = "close connections after each iteration"}),
    detail::row(
        &Options::min_iteration_duration, "minIterationDuration",
        {.variable = "K6_MIN_ITERATION_DURATION", .flag = "min-iteration-duration", .value = "D", .help = "let no iteration be shorter"}),
    detail::row(
        &Options::summary_trend_stats, "summaryTrendStats",
        {.variable = "K6_SUMMARY_TREND_STATS", .flag = "summary-trend-stats", .value = "LIST", .help = "avg,min,med,max,p(95),count..."}),
    detail::row(&Options::summary_time_unit, "summaryTimeUnit",
                {.variable = "K6_SUMMARY_TIME_UNIT",
                 .flag = "summary-time-unit",
                 .value = "UNIT",
                 .help = "s, ms or us for all times",
                 .check = &check_time_unit}),
    detail::row(&Options::system_tags, "systemTags",
                {.variable = "K6_SYSTEM_TAGS", .flag = "system-tags", .value = "LIST", .help = "system tags to record"}),
    detail::row(&Options::tags, "tags"),
    detail::row(&Options::metric_samples_buffer_size, "metricSamplesBufferSize"),
    detail::row(&Options::no_cookies_reset, "noCookiesReset", {.variable = "K6_NO_COOKIES_RESET"}),
    detail::row(&Options::isolated_users, "isolatedUsers",
                {.flag = "isolated-users",
                 .help = "no built-in objects that virtual users share: scripts may change them, and a user is 100 KB bigger",
                 .ours = true}),
    detail::row(&Options::discard_response_bodies, "discardResponseBodies",
                {.variable = "K6_DISCARD_RESPONSE_BODIES", .flag = "discard-response-bodies", .help = "read bodies and forget them"}),
    detail::row(&Options::http_version, "httpVersion", {.variable = "K6_HTTP_VERSION", .ours = true}),
    detail::row(&Options::json_bodies, "jsonBodies", {.variable = "K6_JSON_BODIES", .ours = true}),
    detail::row(&Options::max_heap_bytes, "maxHeapBytes", {.variable = "K6_MAX_HEAP_BYTES", .ours = true}),
    detail::row(&Options::max_response_bytes, "maxResponseBytes", {.variable = "K6_MAX_RESPONSE_BYTES", .ours = true}),
    detail::row(
        &Options::console_output, "consoleOutput",
        {.variable = "K6_CONSOLE_OUTPUT", .flag = "console-output", .value = "FILE", .help = "where console.log goes", .in_script = false}),
    detail::row(&Options::local_ips, "localIPs", {.variable = "K6_LOCAL_IPS", .flag = "local-ips", .value = "LIST", .in_script = false}),
};

/// Calls `visit(row)` for each.
template <class Visit>
constexpr void for_each_option(Visit&& visit) {
  std::apply([&](const auto&... row) { (visit(row), ...); }, kOptionRows);
}

namespace detail {

constexpr std::size_t rows_of_one_member() {
  std::size_t same = 0;
  for_each_option([&](const auto& one) {
    for_each_option([&](const auto& other) {
      if constexpr (std::is_same_v<decltype(one), decltype(other)>) same += one.member == other.member ? 1 : 0;
    });
  });
  return same;
}

}  // namespace detail

static_assert(std::tuple_size_v<decltype(kOptionRows)> == base::member_count<Options>(), "a member of Options has no row");
static_assert(detail::rows_of_one_member() == base::member_count<Options>(), "a member of Options has two rows");

}  // namespace gauntlet::engine::plan
