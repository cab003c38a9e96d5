// Options in their text form: K6_* variables and flags.
#include <fmt/format.h>

#include <array>

#include "engine/run/options.hpp"

namespace gauntlet::engine::run {
namespace {

using Failure = tl::unexpected<base::Error>;

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    if (const std::string_view part = text.substr(0, end); !part.empty()) parts.emplace_back(part);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return parts;
}

template <class T>
base::Expected<void> assign(Setting<T>& setting, base::Expected<T> value) {
  if (!value) return Failure(std::move(value).error());
  setting = std::move(*value);
  return {};
}

base::Expected<std::vector<Stage>> parse_stages(std::string_view text) {
  std::vector<Stage> stages;
  for (const std::string& part : split(text, ',')) {
    auto stage = parse_stage(part);
    if (!stage) return Failure(std::move(stage.error()).in(fmt::format("error for stage {}", stages.size())));
    stages.push_back(*stage);
  }
  return stages;
}

/// "ttl=5m,select=random,policy=preferIPv4"
base::Expected<DnsOptions> parse_dns(std::string_view text) {
  DnsOptions dns;
  for (const std::string& part : split(text, ',')) {
    const std::size_t equals = part.find('=');
    const std::string key = part.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : part.substr(equals + 1);
    if (key == "ttl") {
      dns.ttl = value;
    } else if (key == "select") {
      dns.select = value;
    } else if (key == "policy") {
      dns.policy = value;
    } else {
      return base::fail(base::ErrorKind::invalid_argument, fmt::format("unknown DNS configuration field: {}", key));
    }
  }
  return dns;
}

struct Variable {
  const char* name;
  const char* option;
};
constexpr std::array kVariables = {
    Variable{"K6_PAUSED", "paused"},
    Variable{"K6_VUS", "vus"},
    Variable{"K6_DURATION", "duration"},
    Variable{"K6_ITERATIONS", "iterations"},
    Variable{"K6_STAGES", "stages"},
    Variable{"K6_EXECUTION_SEGMENT", "executionSegment"},
    Variable{"K6_EXECUTION_SEGMENT_SEQUENCE", "executionSegmentSequence"},
    Variable{"K6_NO_SETUP", "noSetup"},
    Variable{"K6_SETUP_TIMEOUT", "setupTimeout"},
    Variable{"K6_NO_TEARDOWN", "noTeardown"},
    Variable{"K6_TEARDOWN_TIMEOUT", "teardownTimeout"},
    Variable{"K6_RPS", "rps"},
    Variable{"K6_DNS", "dns"},
    Variable{"K6_MAX_REDIRECTS", "maxRedirects"},
    Variable{"K6_USER_AGENT", "userAgent"},
    Variable{"K6_BATCH", "batch"},
    Variable{"K6_BATCH_PER_HOST", "batchPerHost"},
    Variable{"K6_HTTP_DEBUG", "httpDebug"},
    Variable{"K6_INSECURE_SKIP_TLS_VERIFY", "insecureSkipTLSVerify"},
    Variable{"K6_THROW", "throw"},
    Variable{"K6_BLACKLIST_IPS", "blacklistIPs"},
    Variable{"K6_BLOCK_HOSTNAMES", "blockHostnames"},
    Variable{"K6_NO_CONNECTION_REUSE", "noConnectionReuse"},
    Variable{"K6_NO_VU_CONNECTION_REUSE", "noVUConnectionReuse"},
    Variable{"K6_MIN_ITERATION_DURATION", "minIterationDuration"},
    Variable{"K6_SUMMARY_TREND_STATS", "summaryTrendStats"},
    Variable{"K6_SUMMARY_TIME_UNIT", "summaryTimeUnit"},
    Variable{"K6_SYSTEM_TAGS", "systemTags"},
    Variable{"K6_NO_COOKIES_RESET", "noCookiesReset"},
    Variable{"K6_DISCARD_RESPONSE_BODIES", "discardResponseBodies"},
    Variable{"K6_HTTP_VERSION", "httpVersion"},
    Variable{"K6_MAX_HEAP_BYTES", "maxHeapBytes"},
    Variable{"K6_MAX_RESPONSE_BYTES", "maxResponseBytes"},
    Variable{"K6_CONSOLE_OUTPUT", "consoleOutput"},
    Variable{"K6_LOCAL_IPS", "localIPs"},
};

}  // namespace

base::Expected<void> set_option(Options& o, std::string_view name, std::string_view text) {
  const auto words = [&] { return base::Expected<std::vector<std::string>>(split(text, ',')); };
  const auto itself = [&] { return base::Expected<std::string>(std::string(text)); };
  if (name == "paused") return assign(o.paused, parse_bool(text));
  if (name == "vus") return assign(o.vus, parse_integer(text));
  if (name == "duration") return assign(o.duration, parse_duration(text));
  if (name == "iterations") return assign(o.iterations, parse_integer(text));
  if (name == "stages") return assign(o.stages, parse_stages(text));
  if (name == "executionSegment") {
    if (auto ok = Stripe::check_segment(text); !ok) return ok;
    return assign(o.execution_segment, itself());
  }
  if (name == "executionSegmentSequence") {
    if (auto ok = Stripe::check_sequence(text); !ok) return ok;
    return assign(o.execution_segment_sequence, itself());
  }
  if (name == "noSetup") return assign(o.no_setup, parse_bool(text));
  if (name == "setupTimeout") return assign(o.setup_timeout, parse_duration(text));
  if (name == "noTeardown") return assign(o.no_teardown, parse_bool(text));
  if (name == "teardownTimeout") return assign(o.teardown_timeout, parse_duration(text));
  if (name == "rps") return assign(o.rps, parse_integer(text));
  if (name == "dns") return assign(o.dns, parse_dns(text));
  if (name == "maxRedirects") return assign(o.max_redirects, parse_integer(text));
  if (name == "userAgent") return assign(o.user_agent, itself());
  if (name == "batch") return assign(o.batch, parse_integer(text));
  if (name == "batchPerHost") return assign(o.batch_per_host, parse_integer(text));
  if (name == "httpDebug") return assign(o.http_debug, itself());
  if (name == "insecureSkipTLSVerify") return assign(o.insecure_skip_tls_verify, parse_bool(text));
  if (name == "throw") return assign(o.throw_errors, parse_bool(text));
  if (name == "blacklistIPs") return assign(o.blacklist_ips, words());
  if (name == "blockHostnames") return assign(o.block_hostnames, words());
  if (name == "noConnectionReuse") return assign(o.no_connection_reuse, parse_bool(text));
  if (name == "noVUConnectionReuse") return assign(o.no_vu_connection_reuse, parse_bool(text));
  if (name == "minIterationDuration") return assign(o.min_iteration_duration, parse_duration(text));
  if (name == "summaryTrendStats") return assign(o.summary_trend_stats, words());
  if (name == "summaryTimeUnit") return assign(o.summary_time_unit, itself());
  if (name == "systemTags") return assign(o.system_tags, words());
  if (name == "noCookiesReset") return assign(o.no_cookies_reset, parse_bool(text));
  if (name == "discardResponseBodies") return assign(o.discard_response_bodies, parse_bool(text));
  if (name == "httpVersion") return assign(o.http_version, itself());
  if (name == "maxHeapBytes") return assign(o.max_heap_bytes, parse_integer(text));
  if (name == "maxResponseBytes") return assign(o.max_response_bytes, parse_integer(text));
  if (name == "consoleOutput") return assign(o.console_output, itself());
  if (name == "localIPs") return assign(o.local_ips, itself());
  return base::fail(base::ErrorKind::invalid_argument, fmt::format("the option {} has no text form", name));
}

base::Expected<Options> options_from_environment(const std::function<const char*(const char*)>& variable) {
  Options options;
  for (const auto& [name, option] : kVariables) {
    const char* text = variable(name);
    if (text == nullptr || *text == '\0') continue;
    if (auto ok = set_option(options, option, text); !ok) {
      return Failure(std::move(ok.error()).in(fmt::format("{}='{}'", name, text)));
    }
  }
  return options;
}

}  // namespace gauntlet::engine::run
