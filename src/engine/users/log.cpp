#include "engine/users/log.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/json_document.hpp"
#include "base/text.hpp"

namespace gauntlet::engine::users {
namespace {

const char* name_of(LogLevel level) {
  switch (level) {
    case LogLevel::error: return "error";
    case LogLevel::warning: return "warning";
    case LogLevel::info: return "info";
    case LogLevel::debug: return "debug";
  }
  return "";
}

bool is_plain(char c) { return base::is_letter(c) || base::is_digit(c) || std::strchr("-._/@^+", c) != nullptr; }

std::string now_rfc3339(bool nanoseconds) {
  std::timespec now{};
  std::timespec_get(&now, TIME_UTC);
  std::tm local{};
  localtime_r(&now.tv_sec, &local);
  char text[64];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S%z", &local);
  std::string result(text);
  if (nanoseconds) result.insert(result.size() - 5, fmt::format(".{:09}", now.tv_nsec));
  if (result.size() > 5 && local.tm_gmtoff == 0) return result.substr(0, result.size() - 5) + "Z";
  result.insert(result.size() - 2, ":");
  return result;
}

}  // namespace

std::string logfmt_value(std::string_view text) {
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain)) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': quoted += "\\\""; break;
      case '\\': quoted += "\\\\"; break;
      case '\n': quoted += "\\n"; break;
      case '\t': quoted += "\\t"; break;
      case '\r': quoted += "\\r"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        } else {
          quoted += c;
        }
    }
  }
  return quoted + '"';
}

base::Expected<std::unique_ptr<Log>> Log::open(const LogOptions& options) {
  std::unique_ptr<Log> log(new Log());
  if (options.verbose) log->most_ = LogLevel::debug;
  if (options.output == "stderr") {
    log->file_ = stderr;
  } else if (options.output == "stdout") {
    log->file_ = stdout;
  } else if (options.output.rfind("file=", 0) == 0) {
    std::string path = options.output.substr(5);
    if (const auto comma = path.find(",level="); comma != std::string::npos) {
      const std::string level = path.substr(comma + 7);
      path.resize(comma);
      log->most_ = level == "debug"   ? LogLevel::debug
                   : level == "info"  ? LogLevel::info
                   : level == "error" ? LogLevel::error
                                      : LogLevel::warning;
    }
    log->file_ = std::fopen(path.c_str(), "ae");
    if (log->file_ == nullptr) {
      return base::fail(base::ErrorKind::invalid_argument, fmt::format("failed to open logfile {}: {}", path, std::strerror(errno)));
    }
    log->owns_file_ = true;
  } else if (options.output != "none") {
    return base::fail(base::ErrorKind::invalid_argument,
                      fmt::format("unsupported log output '{}'; there are stderr, stdout, none and file=PATH", options.output));
  }
  const bool terminal = log->file_ != nullptr && isatty(fileno(log->file_)) == 1;
  log->color_ = terminal && options.color;
  log->nanoseconds_ = options.nanoseconds;
  log->format_ = options.format != LogOptions::Format::automatic ? options.format
                 : log->color_                                   ? LogOptions::Format::automatic
                                                                 : LogOptions::Format::logfmt;
  return log;
}

std::unique_ptr<Log> Log::to(Receiver receiver, bool verbose) {
  std::unique_ptr<Log> log(new Log());
  if (verbose) log->most_ = LogLevel::debug;
  log->receiver_ = std::move(receiver);
  return log;
}

Log::~Log() {
  if (owns_file_) std::fclose(file_);
}

void Log::write_through(Writer writer, void* opaque) {
  writer_ = writer;
  writer_opaque_ = opaque;
}

void Log::write(LogLevel level, std::string_view message, const LogFields& fields) {
  if ((file_ == nullptr && !receiver_) || !shows(level)) return;
  if (has_secrets_.load(std::memory_order_acquire)) {
    LogFields hidden = fields;
    std::vector<std::string> values;  // what the fields look into
    values.reserve(fields.size());
    for (LogField& field : hidden) field.value = values.emplace_back(redacted(field.value));
    put(level, redacted(message), hidden);
  } else {
    put(level, message, fields);
  }
}

void Log::put(LogLevel level, std::string_view message, const LogFields& fields) {
  const std::string line = receiver_ ? "" : format_line(level, message, fields);
  const std::lock_guard lock(mutex_);
  if (receiver_) {
    receiver_(level, message, fields);
    return;
  }
  if (writer_ != nullptr) {
    writer_(writer_opaque_, line);
    return;
  }
  std::fwrite(line.data(), 1, line.size(), file_);
  std::fflush(file_);
}

void Log::hide(const std::string& secret) {
  if (secret.empty()) return;
  const std::lock_guard lock(secrets_mutex_);
  secrets_.insert(secret);
  has_secrets_.store(true, std::memory_order_release);
}

std::string Log::redacted(std::string_view text) const {
  constexpr std::string_view kShown = "***SECRET_REDACTED***";
  const std::lock_guard lock(secrets_mutex_);
  std::string result;
  while (!text.empty()) {
    // The longest one that begins here, so that one secret within another leaves no rest.
    std::size_t length = 0;
    for (const std::string& secret : secrets_) {
      if (secret.size() > length && text.substr(0, secret.size()) == secret) length = secret.size();
    }
    if (length == 0) {
      result += text.front();
      text.remove_prefix(1);
    } else {
      result += kShown;
      text.remove_prefix(length);
    }
  }
  return result;
}

std::string Log::format_line(LogLevel level, std::string_view message, const LogFields& fields) const {
  LogFields sorted = fields;
  std::sort(sorted.begin(), sorted.end(), [](const LogField& a, const LogField& b) { return a.key < b.key; });
  if (format_ == LogOptions::Format::raw) return fmt::format("{}\n", message);
  if (format_ == LogOptions::Format::json) {
    nlohmann::json line;
    for (const LogField& field : sorted) line[std::string(field.key)] = field.value;
    line["level"] = name_of(level);
    line["msg"] = message;
    line["time"] = now_rfc3339(nanoseconds_);
    return base::json_text(line) + "\n";
  }
  if (format_ == LogOptions::Format::automatic) {  // on a terminal
    static constexpr const char* kNames[] = {"ERRO", "WARN", "INFO", "DEBU"};
    static constexpr int kColors[] = {31, 33, 36, 37};
    const auto index = static_cast<std::size_t>(level);
    const auto elapsed_s = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - start_).count();
    while (!message.empty() && message.back() == '\n') message.remove_suffix(1);
    std::string line = fmt::format("\x1b[{}m{}\x1b[0m[{:04}] {:<44} ", kColors[index], kNames[index], elapsed_s, message);
    for (const LogField& field : sorted) {
      line += fmt::format(" \x1b[{}m{}\x1b[0m={}", kColors[index], field.key, logfmt_value(field.value));
    }
    return line + "\n";
  }
  std::string line = fmt::format("time=\"{}\" level={}", now_rfc3339(nanoseconds_), name_of(level));
  if (!message.empty()) line += " msg=" + logfmt_value(message);
  for (const LogField& field : sorted) line += fmt::format(" {}={}", field.key, logfmt_value(field.value));
  return line + "\n";
}

}  // namespace gauntlet::engine::users
