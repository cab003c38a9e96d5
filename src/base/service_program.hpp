#pragma once
// What both services do around their work: flags, settings of the log, and the last words of a start that fails.
//
//   base::ServiceProgram program("challenge-service", kHelp);
//   base::Settings reader(environment);
//   program.read_log_settings(reader);
//   auto settings = ServiceSettings::read(reader, ...);
//   if (const auto ended = program.answer_flags(argc, argv, reader)) return *ended;
//   if (!settings) return program.give_up(Exit::settings, settings.error());
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/event_loop.hpp"
#include "base/settings.hpp"

namespace gauntlet::base {

/// Exit statuses of the services (docs/OPERATIONS.md).
enum class Exit : int { clean = 0, settings = 2, challenge_config = 3, database = 4, port = 5, undrained = 6 };

class ServiceProgram {
 public:
  /// Both live as long as the program. `help`: what --help prints.
  ServiceProgram(std::string_view name, std::string_view help) : name_(name), help_(help) {}

  /// LOG_LEVEL and LOG_FORMAT, which count from here on: also for what is said about the other settings.
  void read_log_settings(Settings& settings) const;
  /// The exit status where the arguments ask for something else than serving: --help, --version or --settings (all that
  /// `settings` has been asked for), or where they are not understood.
  std::optional<int> answer_flags(int argc, const char* const* argv, const Settings& settings) const;
  /// Says why the program ends, where the log's reader finds it; returns the exit status.
  int give_up(Exit status, const Error& error) const;

 private:
  std::string_view name_;
  std::string_view help_;
};

/// An error about a port, with the settings that name it.
Error port_error(Error error, std::string_view setting);
/// Whether `port`, which `setting` names, can be listened on at `address`. Workers share their ports, which the kernel
/// also lets another process of the same user do; one socket that does not share finds that out. 0 is always free.
Expected<void> check_port(EventLoop& loop, std::string_view setting, const std::string& address, std::uint16_t port);

}  // namespace gauntlet::base
