// Options in their text form: K6_* variables and flags.
#include <fmt/format.h>

#include "base/parse.hpp"
#include "engine/plan/options_table.hpp"

namespace gauntlet::engine::plan {
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

template <class T>
base::Expected<void> assign(T& into, base::Expected<T> value) {
  if (!value) return Failure(std::move(value).error());
  into = std::move(*value);
  return {};
}

// One for each type that has a text form.
base::Expected<void> read(std::string_view text, bool& into) { return assign(into, base::parse_bool(text)); }
base::Expected<void> read(std::string_view text, std::int64_t& into) { return assign(into, base::parse_integer(text)); }
base::Expected<void> read(std::string_view text, Nanoseconds& into) { return assign(into, base::parse_duration(text)); }
base::Expected<void> read(std::string_view text, std::vector<Stage>& into) { return assign(into, parse_stages(text)); }
base::Expected<void> read(std::string_view text, DnsOptions& into) { return assign(into, parse_dns(text)); }
base::Expected<void> read(std::string_view text, std::string& into) {
  into = text;
  return {};
}
base::Expected<void> read(std::string_view text, std::vector<std::string>& into) {
  into = split(text, ',');
  return {};
}

/// Reads the text into the option of that row.
template <class T>
base::Expected<void> set(Options& options, const OptionRow<T>& row, std::string_view text) {
  if constexpr (requires(T & into) { read(text, into); }) {
    if (row.ways.check != nullptr)
      if (auto ok = row.ways.check(text); !ok) return ok;
    T value{};
    if (auto ok = read(text, value); !ok) return ok;
    options.*row.member = std::move(value);
    return {};
  } else {
    return base::fail(base::ErrorKind::invalid_argument, fmt::format("the option {} has no text form", row.name));
  }
}

}  // namespace

base::Expected<void> set_option(Options& options, std::string_view name, std::string_view text) {
  base::Expected<void> outcome = base::fail(base::ErrorKind::invalid_argument, fmt::format("there is no option {}", name));
  for_each_option([&](const auto& row) {
    if (name == row.name) outcome = set(options, row, text);
  });
  return outcome;
}

base::Expected<Options> options_from_environment(const std::function<const char*(const char*)>& variable) {
  Options options;
  base::Expected<void> outcome;
  for_each_option([&](const auto& row) {
    const char* text = row.ways.variable == nullptr || !outcome ? nullptr : variable(row.ways.variable);
    if (text == nullptr || *text == '\0') return;
    outcome = set(options, row, text);
    if (!outcome) outcome = Failure(std::move(outcome.error()).in(fmt::format("{}='{}'", row.ways.variable, text)));
  });
  if (!outcome) return Failure(std::move(outcome.error()));
  return options;
}

std::vector<OptionFlag> option_flags() {
  std::vector<OptionFlag> flags;
  for_each_option([&](const auto& row) {
    if (row.ways.flag != nullptr) flags.push_back({row.name, row.ways.flag, row.ways.letter, row.ways.value, row.ways.help});
  });
  return flags;
}

}  // namespace gauntlet::engine::plan
