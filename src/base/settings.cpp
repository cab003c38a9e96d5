#include "base/settings.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "base/parse.hpp"
#include "base/text.hpp"
#include "base/whole_file.hpp"

extern char** environ;  // NOLINT: POSIX names it so

namespace gauntlet::base {
namespace {

constexpr std::string_view kBlanks = " \t\r";

bool is_name(std::string_view text) {
  const auto letter = [](char c) { return is_letter(c) || c == '_'; };
  return !text.empty() && letter(text.front()) && std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || is_digit(c); });
}

/// The value of a `.env` line after '='; a reason where it is malformed.
tl::expected<std::string, std::string_view> parse_env_value(std::string_view text) {
  text = trimmed(text, kBlanks);
  if (text.empty() || (text.front() != '"' && text.front() != '\'')) {
    // A comment starts at a blank and '#'; a '#' inside a word is part of it.
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '#' && (i == 0 || text[i - 1] == ' ' || text[i - 1] == '\t')) return std::string(trimmed(text.substr(0, i), kBlanks));
    }
    return std::string(text);
  }
  const char quote = text.front();
  std::string value;
  std::size_t i = 1;
  for (; i < text.size() && text[i] != quote; ++i) {
    if (quote == '"' && text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      value.push_back(text[i] == 'n' ? '\n' : text[i] == 't' ? '\t' : text[i] == 'r' ? '\r' : text[i]);
    } else {
      value.push_back(text[i]);
    }
  }
  if (i == text.size()) return tl::unexpected(std::string_view("the quote is not closed on this line"));
  const std::string_view rest = trimmed(text.substr(i + 1), kBlanks);
  if (!rest.empty() && rest.front() != '#') return tl::unexpected(std::string_view("text after the closing quote"));
  return value;
}

std::string shown(std::string_view value) { return fmt::format("'{}'", value); }

}  // namespace

Environment process_environment() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

Expected<Environment> parse_env(std::string_view text, std::string_view name) {
  Environment environment;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark, as Windows editors leave it
  std::size_t line_number = 0;
  while (!text.empty()) {
    ++line_number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = trimmed(text.substr(0, end), kBlanks);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    const auto malformed = [&](std::string_view reason) {
      return fail(ErrorKind::invalid_argument, fmt::format("{}:{}: {}", name, line_number, reason));
    };
    if (line.starts_with("export ") || line.starts_with("export\t")) line = trimmed(line.substr(7), kBlanks);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return malformed("expected NAME=VALUE");
    const std::string_view key = trimmed(line.substr(0, equals), kBlanks);
    if (!is_name(key)) return malformed(fmt::format("{} is not a variable name", shown(key)));
    auto value = parse_env_value(line.substr(equals + 1));
    if (!value) return malformed(value.error());
    environment.insert_or_assign(std::string(key), std::move(*value));
  }
  return environment;
}

Expected<Environment> read_env_file(const std::string& path) {
  const auto text = TRY(read_file(path));
  return parse_env(text, path);
}

Settings::Settings(Environment environment) : environment_(std::move(environment)) {}

const std::string* Settings::find(std::string_view name) const {
  const auto found = environment_.find(name);
  return found == environment_.end() || found->second.empty() ? nullptr : &found->second;
}

bool Settings::is_set(std::string_view name) const { return find(name) != nullptr; }

const std::string* Settings::enter(std::string_view name, std::string type, std::string fallback, std::string_view description,
                                   bool secret) {
  const std::string* value = find(name);
  entries_.push_back({std::string(name), std::move(type), std::move(fallback), std::string(description), secret, value != nullptr});
  return value;
}

void Settings::reject(std::string_view name, std::string_view reason) { complaints_.push_back(fmt::format("{}: {}", name, reason)); }

void Settings::reject_same_ports(const std::vector<std::pair<std::string_view, std::uint16_t>>& ports) {
  for (std::size_t i = 0; i < ports.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      if (ports[i].second != 0 && ports[i].second == ports[k].second)
        reject(ports[i].first, fmt::format("{} is the port of {}, too; each needs its own", ports[i].second, ports[k].first));
    }
  }
}

std::string Settings::text(std::string_view name, std::string_view fallback, std::string_view description) {
  const std::string* value = enter(name, "text", std::string(fallback), description);
  return value != nullptr ? *value : std::string(fallback);
}

std::string Settings::secret(std::string_view name, std::string_view fallback, std::string_view description) {
  const std::string* value = enter(name, "text", {}, description, true);
  return value != nullptr ? *value : std::string(fallback);
}

std::string Settings::address(std::string_view name, std::string_view fallback, std::string_view description) {
  const std::string* value = enter(name, "address", std::string(fallback), description);
  if (value == nullptr) return std::string(fallback);
  in6_addr parsed;
  if (inet_pton(AF_INET, value->c_str(), &parsed) != 1 && inet_pton(AF_INET6, value->c_str(), &parsed) != 1) {
    reject(name, fmt::format("{} is not allowed; expected a numeric address, as 127.0.0.1 or ::", shown(*value)));
    return std::string(fallback);
  }
  return *value;
}

std::string Settings::required(std::string_view name, std::string_view description) {
  const std::string* value = enter(name, "text, required", {}, description);
  if (value != nullptr) return *value;
  reject(name, fmt::format("is not set, and there is no default ({})", description));
  return {};
}

std::int64_t Settings::integer(std::string_view name, std::int64_t fallback, Range range, std::string_view description) {
  return integer(name, fallback, std::to_string(fallback), range, description);
}

std::size_t Settings::threads(std::string_view name, std::int64_t most_by_default, Range range, std::string_view description) {
  const auto cores = static_cast<std::int64_t>(std::max(1u, std::thread::hardware_concurrency()));
  std::string shown = most_by_default < range.max ? fmt::format("the cores, {} at most", most_by_default) : "the cores";
  return static_cast<std::size_t>(integer(name, std::min(cores, most_by_default), std::move(shown), range, description));
}

std::int64_t Settings::integer(std::string_view name, std::int64_t fallback, std::string shown_fallback, Range range,
                               std::string_view description) {
  std::string type = "integer";
  constexpr auto kLowest = std::numeric_limits<std::int64_t>::min();
  constexpr auto kHighest = std::numeric_limits<std::int64_t>::max();
  if (range.min != kLowest && range.max != kHighest) {
    type = fmt::format("integer {} to {}", range.min, range.max);
  } else if (range.min != kLowest) {
    type = fmt::format("integer from {}", range.min);
  } else if (range.max != kHighest) {
    type = fmt::format("integer up to {}", range.max);
  }
  const std::string* value = enter(name, type, std::move(shown_fallback), description);
  if (value == nullptr) return fallback;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (error != std::errc() || end != value->data() + value->size() || number < range.min || number > range.max) {
    reject(name, fmt::format("{} is not allowed; expected {}", shown(*value), type));
    return fallback;
  }
  return number;
}

double Settings::number(std::string_view name, double fallback, double min, double max, std::string_view description) {
  const std::string type = fmt::format("number {} to {}", min, max);
  const std::string* value = enter(name, type, fmt::format("{}", fallback), description);
  if (value == nullptr) return fallback;
  double number = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (error != std::errc() || end != value->data() + value->size() || !(number >= min && number <= max)) {
    reject(name, fmt::format("{} is not allowed; expected {}", shown(*value), type));
    return fallback;
  }
  return number;
}

bool Settings::boolean(std::string_view name, bool fallback, std::string_view description) {
  const std::string* value = enter(name, "true or false", fallback ? "true" : "false", description);
  if (value == nullptr) return fallback;
  const std::string text = lower_case(*value);
  if (text == "true" || text == "1" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "0" || text == "no" || text == "off") return false;
  reject(name, fmt::format("{} is not allowed; expected true or false", shown(*value)));
  return fallback;
}

std::chrono::nanoseconds Settings::duration(std::string_view name, std::chrono::nanoseconds fallback, std::chrono::nanoseconds min,
                                            std::chrono::nanoseconds max, std::chrono::nanoseconds bare_unit,
                                            std::string_view description) {
  const std::string type = fmt::format("duration {} to {}", format_duration(min), format_duration(max));
  const std::string* value = enter(name, type, format_duration(fallback), description);
  if (value == nullptr) return fallback;
  const auto duration = parse_duration(*value, bare_unit);
  if (!duration || *duration < min || *duration > max) {
    reject(name, fmt::format("{} is not allowed; expected {} (such as 500ms, 10s, 1m30s; a bare number means {})", shown(*value), type,
                             format_duration(bare_unit)));
    return fallback;
  }
  return *duration;
}

std::string Settings::choice(std::string_view name, std::string_view fallback, const std::vector<std::string>& choices,
                             std::string_view description) {
  const std::string type = fmt::format("one of {}", fmt::join(choices, ", "));
  const std::string* value = enter(name, type, std::string(fallback), description);
  if (value == nullptr) return std::string(fallback);
  if (std::find(choices.begin(), choices.end(), *value) == choices.end()) {
    reject(name, fmt::format("{} is not allowed; expected {}", shown(*value), type));
    return std::string(fallback);
  }
  return *value;
}

Expected<void> Settings::check() const {
  if (complaints_.empty()) return {};
  return fail(ErrorKind::invalid_argument, fmt::format("{}", fmt::join(complaints_, "\n")));
}

std::string Settings::markdown() const {
  std::string table = "| variable | value | default | what it does |\n|---|---|---|---|\n";
  for (const Entry& entry : entries_) {
    const std::string fallback = entry.secret ? "(secret)" : entry.default_value.empty() ? "" : "`" + entry.default_value + "`";
    table += fmt::format("| `{}` | {} | {} | {} |\n", entry.name, entry.type, fallback, entry.description);
  }
  return table;
}

std::string format_duration(std::chrono::nanoseconds duration) {
  const std::int64_t ns = duration.count();
  const auto decimal = [](double value) { return fmt::format("{}", value); };
  if (ns == 0) return "0s";
  if (ns < 1'000) return fmt::format("{}ns", ns);
  if (ns < 1'000'000) return decimal(static_cast<double>(ns) / 1e3) + "us";
  if (ns < 1'000'000'000) return decimal(static_cast<double>(ns) / 1e6) + "ms";
  const std::int64_t hours = ns / 3'600'000'000'000;
  const std::int64_t minutes = ns / 60'000'000'000 % 60;
  const std::string seconds = decimal(static_cast<double>(ns % 60'000'000'000) / 1e9) + "s";
  if (hours > 0) return fmt::format("{}h{}m{}", hours, minutes, seconds);
  if (minutes > 0) return fmt::format("{}m{}", minutes, seconds);
  return seconds;
}

}  // namespace gauntlet::base
