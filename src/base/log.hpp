#pragma once
// Log lines for people and grep: `2026-11-23T14:22:34.123Z info  buffer flush rows=120 ms=3.2`. Any thread. Or one JSON
// object a line, for those who gather logs: {"time":"2026-11-23T14:22:34.123Z","level":"info","message":"buffer flush",
// "rows":120,"ms":3.2}.
//
//   log::info("buffer flush", {{"rows", rows}, {"ms", elapsed_ms}});
//   static log::Limit limit(10);
//   log::warn(limit, "event dropped", {{"id", id}});      // at most 10 a second, says how many it left out
#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace gauntlet::base::log {

enum class Level : int { debug = 0, info = 1, warn = 2, error = 3, off = 4 };

/// A named value; made without allocation, so that a line that is not written costs a comparison.
class Field {
 public:
  enum class Type : std::uint8_t { text, integer, unsigned_integer, real, boolean };
  Field(std::string_view name, std::string_view value) : key(name), text(value), type(Type::text) {}
  Field(std::string_view name, const std::string& value) : Field(name, std::string_view(value)) {}
  Field(std::string_view name, const char* value) : Field(name, std::string_view(value)) {}
  Field(std::string_view name, bool value) : key(name), integer(value), type(Type::boolean) {}
  template <std::signed_integral T>
  Field(std::string_view name, T value) : key(name), integer(value), type(Type::integer) {}
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) Field(std::string_view name, T value)
      : key(name), unsigned_integer(value), type(Type::unsigned_integer) {}
  template <std::floating_point T>
  Field(std::string_view name, T value) : key(name), real(static_cast<double>(value)), type(Type::real) {}

  std::string_view key;
  std::string_view text;
  union {
    std::int64_t integer;
    std::uint64_t unsigned_integer;
    double real;
  };
  Type type;
};
using Fields = std::initializer_list<Field>;

/// text: on standard error. json: on standard output, where nothing else is written; valid JSON whatever the fields
/// hold (bytes that are not UTF-8 become U+FFFD). Its keys time, level and message are not for fields.
enum class Format : std::uint8_t { text, json };

/// "debug", "info", "warn" or "warning", "error", "off", in any case.
std::optional<Level> parse_level(std::string_view text);
/// Lines below `level` are dropped. Default: info.
void set_level(Level level);
/// Default: text. Call before threads start.
void set_format(Format format);
Format format();
/// Puts `name=...` (the program, a replica) on every line; call before threads start.
void set_program(std::string_view name);
/// Waits until written lines have left the process's buffer; at exit and before abort.
void flush();

namespace detail {
extern std::atomic<int> level;
void write(Level level, std::string_view message, Fields fields, std::uint64_t left_out);
}  // namespace detail

inline bool enabled(Level level) { return static_cast<int>(level) >= detail::level.load(std::memory_order_relaxed); }

/// Lets at most so many lines a second through and counts the rest. Any thread; keep one per kind of line.
class Limit {
 public:
  explicit constexpr Limit(std::uint32_t lines_per_second) : per_second_(lines_per_second) {}
  /// How many were left out since the last line that passed; nothing when this one does not pass.
  std::optional<std::uint64_t> pass();

 private:
  const std::uint32_t per_second_;
  std::atomic<std::int64_t> second_{0};
  std::atomic<std::uint32_t> passed_{0};
  std::atomic<std::uint64_t> left_out_{0};
};

inline void write(Level level, std::string_view message, Fields fields = {}) {
  if (enabled(level)) detail::write(level, message, fields, 0);
}
inline void write(Level level, Limit& limit, std::string_view message, Fields fields = {}) {
  if (!enabled(level)) return;
  if (const auto left_out = limit.pass()) detail::write(level, message, fields, *left_out);
}
inline void debug(std::string_view message, Fields fields = {}) { write(Level::debug, message, fields); }
inline void info(std::string_view message, Fields fields = {}) { write(Level::info, message, fields); }
inline void warn(std::string_view message, Fields fields = {}) { write(Level::warn, message, fields); }
inline void error(std::string_view message, Fields fields = {}) { write(Level::error, message, fields); }
inline void debug(Limit& limit, std::string_view message, Fields fields = {}) { write(Level::debug, limit, message, fields); }
inline void info(Limit& limit, std::string_view message, Fields fields = {}) { write(Level::info, limit, message, fields); }
inline void warn(Limit& limit, std::string_view message, Fields fields = {}) { write(Level::warn, limit, message, fields); }
inline void error(Limit& limit, std::string_view message, Fields fields = {}) { write(Level::error, limit, message, fields); }

}  // namespace gauntlet::base::log
