#include "base/log.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/json_document.hpp"
#include "base/rfc3339.hpp"
#include "base/text.hpp"

namespace gauntlet::base::log {
namespace detail {

std::atomic<int> level{static_cast<int>(Level::info)};

}  // namespace detail

namespace {

using Buffer = fmt::memory_buffer;

struct Logger {
  Format format = Format::text;
  std::shared_ptr<spdlog::logger> lines;
  std::string program;

  Logger() { write_as(Format::text); }

  void write_as(Format its_format) {
    format = its_format;
    spdlog::drop("gauntlet");
    lines = format == Format::json ? spdlog::stdout_logger_mt("gauntlet") : spdlog::stderr_logger_mt("gauntlet");
    lines->set_level(spdlog::level::trace);  // enabled() has decided
    lines->set_pattern(format == Format::json ? "%v" : "%Y-%m-%dT%H:%M:%S.%eZ %-5l %v", spdlog::pattern_time_type::utc);
    lines->flush_on(spdlog::level::trace);
  }
};

Logger& logger() {
  static Logger* const made = new Logger();  // never destroyed: threads may log until the very end
  return *made;
}

spdlog::level::level_enum level_of(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warn: return spdlog::level::warn;
    default: return spdlog::level::err;
  }
}

/// Text as it is where grep can take it; quoted, with escapes, where blanks or control characters would break lines.
void append_text(Buffer& line, std::string_view text) {
  bool plain = !text.empty();
  for (const char c : text) plain = plain && static_cast<unsigned char>(c) > 0x20 && c != '"' && c != '=' && c != 0x7f;
  if (plain) {
    line.append(text);
    return;
  }
  auto out = std::back_inserter(line);
  line.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      line.push_back('\\');
      line.push_back(c);
    } else if (c == '\n') {
      line.append(std::string_view("\\n"));
    } else if (byte < 0x20 || byte == 0x7f) {
      fmt::format_to(out, "\\x{:02x}", byte);
    } else {
      line.push_back(c);
    }
  }
  line.push_back('"');
}

/// The message itself is ours; only what could forge a second line is escaped.
void append_message(Buffer& line, std::string_view text) {
  for (const char c : text) {
    if (c == '\n') {
      line.append(std::string_view("\\n"));
    } else if (c == '\r') {
      line.append(std::string_view("\\r"));
    } else {
      line.push_back(c);
    }
  }
}

void append_field(Buffer& line, const Field& field) {
  auto out = std::back_inserter(line);
  line.push_back(' ');
  line.append(field.key);
  line.push_back('=');
  switch (field.type) {
    case Field::Type::text: append_text(line, field.text); break;
    case Field::Type::integer: fmt::format_to(out, "{}", field.integer); break;
    case Field::Type::unsigned_integer: fmt::format_to(out, "{}", field.unsigned_integer); break;
    case Field::Type::real: fmt::format_to(out, "{:.6g}", field.real); break;
    case Field::Type::boolean: line.append(std::string_view(field.integer != 0 ? "true" : "false")); break;
  }
}

nlohmann::ordered_json value_of(const Field& field) {
  switch (field.type) {
    case Field::Type::text: return field.text;
    case Field::Type::integer: return field.integer;
    case Field::Type::unsigned_integer: return field.unsigned_integer;
    case Field::Type::real: return field.real;
    case Field::Type::boolean: return field.integer != 0;
  }
  return nullptr;
}

std::string json_line(const Logger& to, Level level, std::string_view message, Fields fields, std::uint64_t left_out) {
  const auto now = std::chrono::system_clock::now();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  const auto level_name = spdlog::level::to_string_view(level_of(level));
  nlohmann::ordered_json line;
  line["time"] = fmt::format("{}.{:03}Z", Rfc3339(now).without_zone(), ms);
  line["level"] = std::string_view(level_name.data(), level_name.size());
  line["message"] = message;
  if (!to.program.empty()) line["name"] = to.program;
  for (const Field& field : fields) line.emplace(field.key, value_of(field));
  if (left_out > 0) line["left_out"] = left_out;
  return base::json_text(line);
}

}  // namespace

namespace detail {

void write(Level its_level, std::string_view message, Fields fields, std::uint64_t left_out) {
  Logger& to = logger();
  if (to.format == Format::json) return to.lines->log(level_of(its_level), json_line(to, its_level, message, fields, left_out));
  Buffer line;
  append_message(line, message);
  if (!to.program.empty()) append_field(line, {"name", to.program});
  for (const Field& field : fields) append_field(line, field);
  if (left_out > 0) append_field(line, {"left_out", left_out});
  to.lines->log(level_of(its_level), std::string_view(line.data(), line.size()));
}

}  // namespace detail

std::optional<Level> parse_level(std::string_view text) {
  const std::string name = lower_case(text);
  if (name == "debug" || name == "trace") return Level::debug;
  if (name == "info") return Level::info;
  if (name == "warn" || name == "warning") return Level::warn;
  if (name == "error" || name == "fatal") return Level::error;
  if (name == "off") return Level::off;
  return std::nullopt;
}

void set_level(Level level) { detail::level.store(static_cast<int>(level), std::memory_order_relaxed); }
void set_format(Format its_format) { logger().write_as(its_format); }
Format format() { return logger().format; }
void set_program(std::string_view name) { logger().program = name; }
void flush() { logger().lines->flush(); }

std::optional<std::uint64_t> Limit::pass() {
  const std::int64_t now = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  std::int64_t second = second_.load(std::memory_order_relaxed);
  if (second != now && second_.compare_exchange_strong(second, now, std::memory_order_relaxed)) {
    passed_.store(0, std::memory_order_relaxed);
  }
  if (passed_.fetch_add(1, std::memory_order_relaxed) >= per_second_) {
    left_out_.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  }
  return left_out_.exchange(0, std::memory_order_relaxed);
}

}  // namespace gauntlet::base::log
