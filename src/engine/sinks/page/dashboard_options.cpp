#include "engine/sinks/page/dashboard_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/parse.hpp"

namespace gauntlet::engine::dashboard {
namespace {

base::Expected<void> set(DashboardOptions& options, std::string_view key, std::string_view text) {
  const auto wrong = [&](std::string_view wanted) {
    return base::fail(base::ErrorKind::invalid_argument, fmt::format("\"{}\" is not {}", text, wanted));
  };
  if (key == "host") {
    options.host = text.empty() ? "127.0.0.1" : text;
  } else if (key == "port") {
    const auto port = base::parse_integer(text);
    if (!port || *port < -1 || *port > 65'535) return wrong("a port: 0 takes a free one, -1 serves no page");
    options.port = static_cast<int>(*port);
  } else if (key == "period") {
    const auto period = base::parse_duration(text);
    if (!period || *period <= std::chrono::nanoseconds(0)) return wrong("a period like 1s");
    options.period = std::max(std::chrono::milliseconds(1000), std::chrono::duration_cast<std::chrono::milliseconds>(*period));
  } else if (key == "open") {
    const auto open = base::parse_bool(text.empty() ? "true" : text);
    if (!open) return wrong("true or false");
    options.open = *open;
  } else if (key == "export" || key == "report") {
    options.export_path = text;
  } else {
    return base::fail(base::ErrorKind::invalid_argument,
                      fmt::format("there is no \"{}\"; there are host, port, period, open and export", key));
  }
  return {};
}

/// "2/17 scenario 1: 200 RPS".
std::optional<RunPart> part_of(std::string_view text) {
  RunPart part;
  const auto number = [&](int& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc()) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return true;
  };
  if (!number(part.index) || !text.starts_with('/')) return std::nullopt;
  text.remove_prefix(1);
  if (!number(part.count) || !text.starts_with(' ') || part.index < 1 || part.index > part.count) return std::nullopt;
  part.text = text.substr(1);
  return part;
}

}  // namespace

base::Expected<void> read_dashboard_variables(DashboardOptions& options, const std::function<const char*(const char*)>& variable) {
  if (const char* text = variable("K6_WEB_DASHBOARD"); text != nullptr && *text != '\0') {
    const auto enabled = base::parse_bool(text);
    if (!enabled) return tl::unexpected(base::Error(enabled.error()).in("K6_WEB_DASHBOARD"));
    options.enabled = options.enabled || *enabled;
  }
  // The older name first, so that the newer one wins.
  constexpr std::array<std::pair<const char*, const char*>, 6> kVariables{{{"K6_WEB_DASHBOARD_HOST", "host"},
                                                                           {"K6_WEB_DASHBOARD_PORT", "port"},
                                                                           {"K6_WEB_DASHBOARD_PERIOD", "period"},
                                                                           {"K6_WEB_DASHBOARD_OPEN", "open"},
                                                                           {"K6_WEB_DASHBOARD_REPORT", "export"},
                                                                           {"K6_WEB_DASHBOARD_EXPORT", "export"}}};
  for (const auto& [name, key] : kVariables) {
    const char* text = variable(name);
    if (text == nullptr || *text == '\0') continue;
    if (auto ok = set(options, key, text); !ok) return tl::unexpected(std::move(ok.error()).in(name));
  }
  if (const char* text = variable("GAUNTLET_PART"); text != nullptr && *text != '\0') {
    const auto part = part_of(text);
    if (!part) return base::fail(base::ErrorKind::invalid_argument, fmt::format("GAUNTLET_PART: \"{}\" is not INDEX/COUNT TEXT", text));
    options.part = *part;
  }
  return {};
}

base::Expected<void> read_dashboard_arguments(DashboardOptions& options, std::string_view arguments) {
  options.enabled = true;
  while (!arguments.empty()) {
    const std::size_t end = std::min(arguments.find('&'), arguments.find(','));
    const std::string_view pair = arguments.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (auto ok = set(options, pair.substr(0, equals), equals == std::string_view::npos ? "" : pair.substr(equals + 1)); !ok) {
      return tl::unexpected(std::move(ok.error()).in("web-dashboard"));
    }
    if (end == std::string_view::npos) break;
    arguments.remove_prefix(end + 1);
  }
  return {};
}

}  // namespace gauntlet::engine::dashboard
