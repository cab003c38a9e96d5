#pragma once
// What both services are as programs: their flags, their exit statuses, and the last words of a start that fails.
//
//   const host::Program program({.name = "challenge-service", ...});
//   const auto settings = program.read_settings<ServiceSettings>(argc, argv);
//   if (!settings) return settings.error();
//   if (!database) return program.give_up(Exit::database, database.error());
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/settings.hpp"

namespace gauntlet::host {

/// Exit statuses of the services (docs/OPERATIONS.md).
enum class Exit : int { clean = 0, settings = 2, challenge_config = 3, database = 4, port = 5, undrained = 6 };

/// What --help says of one service beyond what it says of both. Texts of several lines end without a line break.
struct ProgramText {
  std::string_view name;
  std::string_view purpose;          // "serves ...", behind the name
  std::string_view example;          // of settings
  std::string_view ports;            // a line each, indented
  std::string_view signals;          // a line each, indented
  std::string_view work;             // "requests": what is in flight when a signal ends the program
  std::string_view work_when_clean;  // "answered": what has become of it at exit status 0
};

class Program {
 public:
  /// What `text` refers to lives as long as the program.
  explicit Program(const ProgramText& text) : text_(text) {}

  /// `Settings::read(base::Settings&, base::Environment)` on the environment, and what the flags ask for. An error is the exit
  /// status of a program that ends here, and why has been said. LOG_LEVEL and LOG_FORMAT count from here on, also for what is
  /// said about the other settings.
  template <class Settings>
  tl::expected<Settings, int> read_settings(int argc, const char* const* argv) const {
    base::Environment environment = base::process_environment();
    base::Settings reader(environment);
    read_log_settings(reader);
    auto settings = Settings::read(reader, std::move(environment));
    if (const auto ended = answer_flags(argc, argv, reader)) return tl::unexpected(*ended);
    if (!settings) return tl::unexpected(give_up(Exit::settings, settings.error()));
    return std::move(*settings);
  }

  /// Says why the program ends, where the log's reader finds it; returns the exit status.
  int give_up(Exit status, const base::Error& error) const;
  /// Logs how serving ended, and everything that the log still holds; returns the exit status.
  int end(Exit status) const;

 private:
  void read_log_settings(base::Settings& settings) const;
  /// The exit status where the arguments ask for something else than serving: --help, --version or --settings (all that
  /// `settings` has been asked for), or where they are not understood.
  std::optional<int> answer_flags(int argc, const char* const* argv, const base::Settings& settings) const;
  std::string help() const;

  ProgramText text_;
};

}  // namespace gauntlet::host
