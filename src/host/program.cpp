#include "host/program.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "base/log.hpp"
#include "base/version.hpp"

namespace gauntlet::host {
namespace {

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace

void Program::read_log_settings(base::Settings& settings) const {
  const std::string level = settings.text("LOG_LEVEL", "info", "debug, info, warn, error or off");
  if (const auto parsed = base::log::parse_level(level)) base::log::set_level(*parsed);
  else settings.reject("LOG_LEVEL", "must be one of debug, info, warn, error, off; is \"" + level + "\"");
  const std::string format =
      settings.choice("LOG_FORMAT", "text", {"text", "json"},
                      "text: lines for people, on standard error; json: an object a line, on standard output (the images' default)");
  if (format == "json") base::log::set_format(base::log::Format::json);
}

std::optional<int> Program::answer_flags(int argc, const char* const* argv, const base::Settings& settings) const {
  if (argc < 2) return std::nullopt;
  const std::string_view flag = argv[1];
  const bool known = flag == "--help" || flag == "-h" || flag == "--version" || flag == "--settings";
  if (!known || argc > 2) {
    return give_up(Exit::settings, {base::ErrorKind::invalid_argument,
                                    "unknown argument " + std::string(argv[known ? 2 : 1]) +
                                        ": there are --help, --settings and --version; settings come from the environment"});
  }
  if (flag == "--settings") print(settings.markdown());
  else if (flag == "--version") print(std::string(text_.name) + " " + base::kVersion + "\n");
  else print(help());
  return static_cast<int>(Exit::clean);
}

std::string Program::help() const {
  return fmt::format(R"({0}: {1}

usage: {0}               serves until SIGTERM
       {0} --settings    prints every setting, its values and its default
       {0} --help | --version

Settings come from the environment, for example:
{2}

ports (0: the kernel chooses; LISTEN_ADDRESS=127.0.0.1: for this machine only)
{3}

signals
{4}

exit status
  0  ended by SIGTERM or SIGINT, {5} in flight {6}
  2  a setting or an argument is wrong
  3  the challenge config cannot be read or is wrong
  4  PostgreSQL does not answer, or its schema cannot be brought up to date
  5  a port cannot be bound
  6  ended by SIGTERM, but {5} were still in flight after SHUTDOWN_GRACE

The log goes to standard error; LOG_FORMAT=json: to standard output, an object a line.
)",
                     text_.name, text_.purpose, text_.example, text_.ports, text_.signals, text_.work, text_.work_when_clean);
}

int Program::give_up(Exit status, const base::Error& error) const {
  if (base::log::format() == base::log::Format::json)
    base::log::error(std::string(text_.name) + " ends", {{"reason", error.message}, {"exit_status", static_cast<int>(status)}});
  else std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(text_.name.size()), text_.name.data(), error.message.c_str());
  base::log::flush();
  return static_cast<int>(status);
}

int Program::end(Exit status) const {
  base::log::info(status == Exit::clean ? "stopped" : fmt::format("stopped with {} in flight", text_.work));
  base::log::flush();
  return static_cast<int>(status);
}

}  // namespace gauntlet::host
