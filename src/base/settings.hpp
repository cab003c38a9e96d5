#pragma once
// Settings from the environment: each is read once, at the start, with its type, default, allowed values and one line
// of description; a wrong value stops the start with a message that names variable, value and what is allowed.
//
//   base::Settings settings(base::process_environment());
//   options.port = settings.integer<std::uint16_t>("HTTP_PORT", 8000, {.min = 1, .max = 65535}, "port of the REST
//   API"); options.password = settings.secret("DB_PASSWORD", "postgres", "password of DB_USER"); if (auto checked =
//   settings.check(); !checked) return checked.error();
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace gauntlet::base {

using Environment = std::map<std::string, std::string, std::less<>>;

/// A copy of this process's environment.
Environment process_environment();

/// Reads a `.env` file: KEY=VALUE lines, `export ` prefix, # comments, 'single' (verbatim) and "double" quotes (\n \t
/// \" \\ \$), blanks around unquoted values dropped. No variable expansion. Fails with name:line and the reason.
Expected<Environment> read_env_file(const std::string& path);
/// The same for text; `name` appears in errors.
Expected<Environment> parse_env(std::string_view text, std::string_view name);

class Settings {
 public:
  struct Range {
    std::int64_t min = std::numeric_limits<std::int64_t>::min();
    std::int64_t max = std::numeric_limits<std::int64_t>::max();
  };

  /// One setting as the documentation shows it.
  struct Entry {
    std::string name;
    std::string type;           // "text", "integer 1..65535", "true or false", "one of mock, real", "duration"
    std::string default_value;  // empty: none; never shown for secrets
    std::string description;
    bool secret = false;
    bool set = false;  // the environment has it
  };

  explicit Settings(Environment environment);

  // Each returns the value, or the default when the variable is unset or empty; a bad value is kept for check() and
  // the default returned meanwhile.
  std::string text(std::string_view name, std::string_view fallback, std::string_view description);
  std::string secret(std::string_view name, std::string_view fallback, std::string_view description);
  /// A numeric IPv4 or IPv6 address.
  std::string address(std::string_view name, std::string_view fallback, std::string_view description);
  /// Must be set and not empty.
  std::string required(std::string_view name, std::string_view description);
  std::int64_t integer(std::string_view name, std::int64_t fallback, Range range, std::string_view description);
  template <class Integer>
  Integer integer(std::string_view name, Integer fallback, Range range, std::string_view description) {
    range.min = std::max<std::int64_t>(range.min, std::numeric_limits<Integer>::min());
    if constexpr (sizeof(Integer) < 8) range.max = std::min<std::int64_t>(range.max, std::numeric_limits<Integer>::max());
    return static_cast<Integer>(integer(name, static_cast<std::int64_t>(fallback), range, description));
  }
  /// A number of threads; the default is the machine's cores, `most_by_default` at most, and is shown in these words.
  std::size_t threads(std::string_view name, std::int64_t most_by_default, Range range, std::string_view description);
  double number(std::string_view name, double fallback, double min, double max, std::string_view description);
  /// true/false, 1/0, yes/no, on/off in any case.
  bool boolean(std::string_view name, bool fallback, std::string_view description);
  /// Go's notation, which the deployed configuration uses: "100ms", "1m30s", "2h"; a bare number is in `bare_unit`.
  std::chrono::nanoseconds duration(std::string_view name, std::chrono::nanoseconds fallback, std::chrono::nanoseconds min,
                                    std::chrono::nanoseconds max, std::chrono::nanoseconds bare_unit, std::string_view description);
  /// One of `choices`, exactly.
  std::string choice(std::string_view name, std::string_view fallback, const std::vector<std::string>& choices,
                     std::string_view description);

  /// Adds a complaint of the caller's own (two settings that contradict each other) for check().
  void reject(std::string_view name, std::string_view reason);
  /// A complaint for each two that are the same port; any number may be 0, which the kernel makes different.
  void reject_same_ports(const std::vector<std::pair<std::string_view, std::uint16_t>>& ports);
  /// Whether the environment has it, and not empty.
  bool is_set(std::string_view name) const;

  /// invalid_argument with one line for each bad value; secrets' values are not repeated.
  Expected<void> check() const;
  /// All settings asked for so far, in that order.
  const std::vector<Entry>& entries() const { return entries_; }
  /// A Markdown table of entries(), for docs/OPERATIONS.md.
  std::string markdown() const;

 private:
  const std::string* find(std::string_view name) const;
  std::int64_t integer(std::string_view name, std::int64_t fallback, std::string shown_fallback, Range range, std::string_view description);
  const std::string* enter(std::string_view name, std::string type, std::string fallback, std::string_view description,
                           bool secret = false);

  Environment environment_;
  std::vector<Entry> entries_;
  std::vector<std::string> complaints_;
};

/// "1.5s", "250ms", "2h0m0s": the shortest of that notation.
std::string format_duration(std::chrono::nanoseconds duration);

}  // namespace gauntlet::base
