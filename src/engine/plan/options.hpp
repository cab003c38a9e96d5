#pragma once
// The options of a test: what a script exports as `options`, what K6_* variables, flags and a config file say, and
// k6's defaults. Names, defaults and meaning are k6's (https://grafana.com/docs/k6/latest/using-k6/k6-options/).
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "engine/plan/segment.hpp"

namespace gauntlet::engine::plan {

using Nanoseconds = std::chrono::nanoseconds;
using StringMap = std::map<std::string, std::string>;

/// A value that always has one (the default until it is given), and whether somebody gave it.
template <class T>
struct Setting {
  T value{};
  bool given = false;

  Setting() = default;
  explicit Setting(T default_value) : value(std::move(default_value)) {}
  Setting& operator=(T new_value) {
    value = std::move(new_value);
    given = true;
    return *this;
  }
  operator const T&() const { return value; }
  const T* operator->() const { return &value; }
};

struct Stage {
  Nanoseconds duration{0};
  std::int64_t target = 0;
  bool has_duration = true;
  bool has_target = true;
};

enum class ExecutorKind {
  shared_iterations,
  per_vu_iterations,
  constant_vus,
  ramping_vus,
  constant_arrival_rate,
  ramping_arrival_rate,
};
/// k6's name, as "constant-vus".
const char* name_of(ExecutorKind kind);

/// One entry of `scenarios`. Which of the later fields count depends on the executor.
struct Scenario {
  std::string name;
  ExecutorKind executor = ExecutorKind::per_vu_iterations;
  Setting<Nanoseconds> start_time{Nanoseconds(0)};
  Setting<Nanoseconds> graceful_stop{std::chrono::seconds(30)};
  Setting<std::string> exec{"default"};
  Setting<StringMap> env;
  Setting<StringMap> tags;

  Setting<std::int64_t> vus{1};
  Setting<std::int64_t> iterations{1};
  Setting<Nanoseconds> max_duration{std::chrono::minutes(10)};
  Setting<Nanoseconds> duration;
  Setting<std::int64_t> start_vus{1};
  Setting<std::vector<Stage>> stages;
  Setting<Nanoseconds> graceful_ramp_down{std::chrono::seconds(30)};
  Setting<std::int64_t> rate;
  Setting<std::int64_t> start_rate;
  Setting<Nanoseconds> time_unit{std::chrono::seconds(1)};
  Setting<std::int64_t> pre_allocated_vus;
  Setting<std::int64_t> max_vus;

  // What of it this process runs, and which of the whole test's virtual users and iterations its own are. Set by
  // take_share() (scenario.hpp), which makes the counts above this process's own.
  Stripe vu_stripe;
  Stripe iteration_stripe;
};

struct ThresholdOption {
  std::string expression;
  bool abort_on_fail = false;
  std::optional<Nanoseconds> delay_abort_eval;
};

struct TlsAuth {
  std::string certificate;
  std::string key;
  std::string password;
  std::vector<std::string> domains;
};

/// "tls1.0" ... "tls1.3"; empty is the library's own limit.
struct TlsVersions {
  std::string min;
  std::string max;
};

struct DnsOptions {
  Setting<std::string> ttl{"5m"};
  Setting<std::string> select{"random"};
  Setting<std::string> policy{"preferIPv4"};
};

/// Fails in the words for the user where a part is not one of what it can be.
base::Expected<void> check(const DnsOptions& dns);

/// Each member has a row in options_table.hpp.
struct Options {
  // What runs. plan_scenarios() (scenario.hpp) derives the scenarios from the shortcuts.
  Setting<bool> paused;
  Setting<std::int64_t> vus{1};
  Setting<Nanoseconds> duration;
  Setting<std::int64_t> iterations{1};
  Setting<std::vector<Stage>> stages;
  Setting<std::vector<Scenario>> scenarios;  // sorted by name
  Setting<std::string> execution_segment;
  Setting<std::string> execution_segment_sequence;
  Setting<bool> no_setup;
  Setting<bool> no_teardown;
  Setting<Nanoseconds> setup_timeout{std::chrono::seconds(60)};
  Setting<Nanoseconds> teardown_timeout{std::chrono::seconds(60)};
  Setting<Nanoseconds> handle_summary_timeout{std::chrono::seconds(120)};
  Setting<Nanoseconds> min_iteration_duration{Nanoseconds(0)};

  // HTTP and the network under it.
  Setting<std::int64_t> rps;  // 0: no limit
  Setting<DnsOptions> dns;
  Setting<std::int64_t> max_redirects{10};
  Setting<std::string> user_agent;  // not given: "Grafana k6/<version>"
  Setting<std::int64_t> batch{20};
  Setting<std::int64_t> batch_per_host{6};
  Setting<std::string> http_debug;  // "" off, "headers", "full"
  Setting<bool> insecure_skip_tls_verify;
  Setting<std::vector<std::string>> tls_cipher_suites;
  Setting<TlsVersions> tls_version;
  Setting<std::vector<TlsAuth>> tls_auth;
  Setting<bool> tls_aia_fetch;  // issuers' certificates that a server does not send
  Setting<bool> throw_errors;   // option `throw`
  Setting<std::vector<std::string>> blacklist_ips;
  Setting<std::vector<std::string>> block_hostnames;
  Setting<StringMap> hosts;
  Setting<bool> no_connection_reuse;
  Setting<bool> no_vu_connection_reuse;
  Setting<std::string> local_ips;
  Setting<bool> no_cookies_reset;
  Setting<bool> discard_response_bodies;
  // Not k6's.
  Setting<bool> isolated_users;                 // each virtual user has built-in objects of its own
  Setting<std::string> http_version;            // "1.1", "2"; not given: by ALPN, as k6
  Setting<bool> json_bodies;                    // objects are sent as JSON where the Content-Type says so
  Setting<std::int64_t> max_heap_bytes{0};      // of a virtual user's script; 0: by the machine's memory
  Setting<std::int64_t> max_response_bytes{0};  // of a body or message as the script gets it; 0: the engine's own bounds

  // Results.
  Setting<std::map<std::string, std::vector<ThresholdOption>>> thresholds;  // by metric, with its tag filter
  Setting<std::vector<std::string>> summary_trend_stats{{"avg", "min", "med", "max", "p(90)", "p(95)"}};
  Setting<std::string> summary_time_unit;         // "", "s", "ms", "us"
  Setting<std::vector<std::string>> system_tags;  // not given: k6's default set
  Setting<StringMap> tags;
  Setting<std::int64_t> metric_samples_buffer_size{1000};
  Setting<std::string> console_output;
};

/// Of summaryTimeUnit.
base::Expected<void> check_time_unit(std::string_view unit);

/// As k6 prints durations: "1m30s", "300ms", "0s".
std::string format_duration(Nanoseconds duration);
/// "10s:100", or "100" for a jump.
base::Expected<Stage> parse_stage(std::string_view text);

/// Options in their JSON form: a script's export, or a config file.
inline constexpr std::string_view kLoadImpact = "ext.loadimpact";  // k6 2 has called it `cloud`
struct ParsedOptions {
  Options options;
  std::vector<std::string> unknown_fields;  // worth a warning, no error
};
base::Expected<ParsedOptions> parse_options(std::string_view json);
/// What a user is told of one of the unknown fields.
std::string unknown_option(std::string_view name);

/// One option in its text form, as K6_* variables and flags give it. `name` is the JSON name ("vus", "stages").
/// Fails on what has no text form.
base::Expected<void> set_option(Options& options, std::string_view name, std::string_view text);

/// How an option is given on the command line.
struct OptionFlag {
  const char* option = nullptr;  ///< for set_option()
  const char* name = nullptr;
  char letter = '\0';
  const char* value = nullptr;  ///< what the help calls it; nullptr: a switch
  const char* help = nullptr;   ///< nullptr: not listed
};
/// Of all options that one text gives.
std::vector<OptionFlag> option_flags();

/// Makes the options those of the part-th (from 1) of so many equal parts of the test: a segment and its sequence.
void take_part(Options& options, std::int64_t part, std::int64_t parts);

/// The K6_* variables that are options; `variable` returns nullptr for what is not set.
base::Expected<Options> options_from_environment(const std::function<const char*(const char*)>& variable);

/// `upper` over `lower`. An execution shortcut or `scenarios` in `upper` wipes those of `lower`.
Options merge(Options lower, const Options& upper);

/// The options in their JSON form: what exec.test.options and `inspect` show. Options that nobody gave are null.
std::string to_json(const Options& options);
/// The same JSON with a line for each member.
std::string indented(std::string_view json);

}  // namespace gauntlet::engine::plan
