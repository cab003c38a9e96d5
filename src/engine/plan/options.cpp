#include "engine/plan/options.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/parse.hpp"
#include "engine/plan/options_table.hpp"

namespace gauntlet::engine::plan {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
/// `count` as a number of units of 10^`digits`, exactly and without exponent: "1.5", "0.000004".
std::string in_units(std::uint64_t count, unsigned digits) {
  std::string text = fmt::format("{:0{}}", count, digits + 1);
  text.insert(text.size() - digits, 1, '.');
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

template <class T>
void take(Setting<T>& lower, const Setting<T>& upper) {
  if (upper.given) lower = upper;
}

/// Its parts come from different places, too.
void take(Setting<DnsOptions>& lower, const Setting<DnsOptions>& upper) {
  if (!upper.given) return;
  take(lower.value.ttl, upper->ttl);
  take(lower.value.select, upper->select);
  take(lower.value.policy, upper->policy);
  lower.given = true;
}

template <class T>
void wipe(Setting<T>& setting) {
  setting = Setting<T>();
}

}  // namespace

const char* name_of(ExecutorKind kind) {
  switch (kind) {
    case ExecutorKind::shared_iterations: return "shared-iterations";
    case ExecutorKind::per_vu_iterations: return "per-vu-iterations";
    case ExecutorKind::constant_vus: return "constant-vus";
    case ExecutorKind::ramping_vus: return "ramping-vus";
    case ExecutorKind::constant_arrival_rate: return "constant-arrival-rate";
    case ExecutorKind::ramping_arrival_rate: return "ramping-arrival-rate";
  }
  return "";
}

std::string format_duration(Nanoseconds duration) {
  const std::int64_t count = duration.count();
  if (count == 0) return "0s";
  const std::string sign = count < 0 ? "-" : "";
  const auto whole = static_cast<std::uint64_t>(count < 0 ? -count : count);
  if (whole < 1'000) return fmt::format("{}{}ns", sign, whole);
  if (whole < 1'000'000) return fmt::format("{}{}µs", sign, in_units(whole, 3));
  if (whole < kSecond) return fmt::format("{}{}ms", sign, in_units(whole, 6));
  const std::uint64_t minutes = whole / (60 * kSecond);
  const std::string seconds = in_units(whole % (60 * kSecond), 9);
  if (minutes == 0) return fmt::format("{}{}s", sign, seconds);
  if (minutes < 60) return fmt::format("{}{}m{}s", sign, minutes, seconds);
  return fmt::format("{}{}h{}m{}s", sign, minutes / 60, minutes % 60, seconds);
}

base::Expected<void> check(const DnsOptions& dns) {
  const auto wrong = [](const char* part, const std::string& value, const char* wanted) {
    return base::fail(base::ErrorKind::invalid_argument, fmt::format("the option dns.{} is \"{}\" and should be {}", part, value, wanted));
  };
  const auto among = [](const std::string& word, std::initializer_list<const char*> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  if (dns.ttl.value != "inf" && !base::parse_duration(dns.ttl.value))
    return wrong("ttl", dns.ttl, "a duration, as '5m', or 'inf', or '0' for none");
  if (!among(dns.select, {"first", "random", "roundRobin"})) return wrong("select", dns.select, "'first', 'random' or 'roundRobin'");
  if (!among(dns.policy, {"preferIPv4", "preferIPv6", "onlyIPv4", "onlyIPv6", "any"}))
    return wrong("policy", dns.policy, "'preferIPv4', 'preferIPv6', 'onlyIPv4', 'onlyIPv6' or 'any'");
  return {};
}

base::Expected<void> check_time_unit(std::string_view unit) {
  if (unit.empty() || unit == "s" || unit == "ms" || unit == "us") return {};
  return base::fail(base::ErrorKind::invalid_argument, fmt::format("the unit \"{}\" is not there; there are s, ms and us", unit));
}

base::Expected<Stage> parse_stage(std::string_view text) {
  Stage stage;
  const std::size_t colon = text.find(':');
  const std::string_view duration = text.substr(0, colon);
  if (!duration.empty()) {
    if (duration != "0" && duration.find_first_not_of("0123456789.") == std::string_view::npos) {
      return base::fail(base::ErrorKind::invalid_argument, fmt::format("the duration \"{}\" has no unit, as {}s", duration, duration));
    }
    const auto parsed = TRY(base::parse_duration(duration));
    stage.duration = parsed;
  }
  stage.has_duration = !duration.empty();
  stage.has_target = colon != std::string_view::npos && colon + 1 < text.size();
  if (stage.has_target) {
    const auto parsed = TRY(base::parse_integer(text.substr(colon + 1)));
    stage.target = parsed;
  }
  return stage;
}

void take_part(Options& options, std::int64_t part, std::int64_t parts) {
  options.execution_segment = fmt::format("{}/{}:{}/{}", part - 1, parts, part, parts);
  std::string sequence = "0";
  for (std::int64_t i = 1; i <= parts; ++i) sequence += fmt::format(",{}/{}", i, parts);
  options.execution_segment_sequence = std::move(sequence);
}

Options merge(Options lower, const Options& upper) {
  if (upper.duration.given || upper.iterations.given || upper.stages.given || upper.scenarios.given) {
    wipe(lower.duration);
    lower.iterations = Options().iterations;
    wipe(lower.stages);
    wipe(lower.scenarios);
  }
  for_each_option([&](const auto& row) { take(lower.*row.member, upper.*row.member); });
  return lower;
}

}  // namespace gauntlet::engine::plan
