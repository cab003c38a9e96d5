#pragma once
// The engine's log: lines as k6 writes them, for people and for tools that read k6's.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace gauntlet::engine::users {

/// A key=value pair behind a log line's message.
struct LogField {
  std::string_view key;
  std::string_view value;
};
using LogFields = std::vector<LogField>;

enum class LogLevel { error, warning, info, debug };

struct LogOptions {
  enum class Format {
    automatic,  ///< coloured text on a terminal, logfmt elsewhere
    logfmt,
    json,
    raw,  ///< messages only
  };
  Format format = Format::automatic;
  std::string output = "stderr";  ///< stderr, stdout, none, or file=PATH[,level=LEVEL]
  bool color = true;
  bool verbose = false;      ///< debug lines, too
  bool nanoseconds = false;  ///< in the times of lines
};

/// Thread-safe. Lines are written whole.
class Log {
 public:
  /// Fails when the output is unknown or its file cannot be opened.
  static base::Expected<std::unique_ptr<Log>> open(const LogOptions& options);
  /// One whose lines somebody else writes: `receiver` is called for each, one at a time, with what is secret hidden.
  using Receiver = std::function<void(LogLevel level, std::string_view message, const LogFields& fields)>;
  static std::unique_ptr<Log> to(Receiver receiver, bool verbose);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Fields appear in the order of their keys.
  void write(LogLevel level, std::string_view message, const LogFields& fields = {});
  /// From now on this text is shown as ***SECRET_REDACTED***, wherever a line would have it. Empty text is ignored.
  void hide(const std::string& secret);
  bool shows(LogLevel level) const { return level <= most_; }

  /// Called with every line (or part of one) instead of writing it, where a terminal's progress bars have to make
  /// room. Set before other threads log.
  using Writer = void (*)(void* opaque, std::string_view text);
  void write_through(Writer writer, void* opaque);

 private:
  Log() = default;
  std::string redacted(std::string_view text) const;
  void put(LogLevel level, std::string_view message, const LogFields& fields);
  std::string format_line(LogLevel level, std::string_view message, const LogFields& fields) const;

  LogOptions::Format format_ = LogOptions::Format::logfmt;
  bool color_ = false;
  bool nanoseconds_ = false;
  LogLevel most_ = LogLevel::info;
  std::FILE* file_ = nullptr;  // nullptr: nothing is written
  bool owns_file_ = false;
  Receiver receiver_;
  Writer writer_ = nullptr;
  void* writer_opaque_ = nullptr;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
  mutable std::mutex secrets_mutex_;
  std::set<std::string> secrets_;
  std::atomic<bool> has_secrets_{false};
};

/// A value of a logfmt line: quoted as Go quotes strings unless it is made of plain characters.
std::string logfmt_value(std::string_view text);

}  // namespace gauntlet::engine::users
