#include "base/service_program.hpp"

#include <cstdio>
#include <utility>

#include "base/http/listener.hpp"
#include "base/log.hpp"

namespace gauntlet::base {
namespace {

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace

void ServiceProgram::read_log_settings(Settings& settings) const {
  const std::string level = settings.text("LOG_LEVEL", "info", "debug, info, warn, error or off");
  if (const auto parsed = log::parse_level(level)) log::set_level(*parsed);
  else settings.reject("LOG_LEVEL", "must be one of debug, info, warn, error, off; is \"" + level + "\"");
  const std::string format =
      settings.choice("LOG_FORMAT", "text", {"text", "json"},
                      "text: lines for people, on standard error; json: an object a line, on standard output (the images' default)");
  if (format == "json") log::set_format(log::Format::json);
}

std::optional<int> ServiceProgram::answer_flags(int argc, const char* const* argv, const Settings& settings) const {
  if (argc < 2) return std::nullopt;
  const std::string_view flag = argv[1];
  const bool known = flag == "--help" || flag == "-h" || flag == "--version" || flag == "--settings";
  if (!known || argc > 2) {
    return give_up(Exit::settings,
                   {ErrorKind::invalid_argument, "unknown argument " + std::string(argv[known ? 2 : 1]) +
                                                     ": there are --help, --settings and --version; settings come from the environment"});
  }
  if (flag == "--settings") print(settings.markdown());
  else if (flag == "--version") print(std::string(name_) + " " GAUNTLET_VERSION "\n");
  else print(help_);
  return static_cast<int>(Exit::clean);
}

int ServiceProgram::give_up(Exit status, const Error& error) const {
  if (log::format() == log::Format::json)
    log::error(std::string(name_) + " ends", {{"reason", error.message}, {"exit_status", static_cast<int>(status)}});
  else std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(name_.size()), name_.data(), error.message.c_str());
  log::flush();
  return static_cast<int>(status);
}

Error port_error(Error error, std::string_view setting) { return std::move(error).in(std::string(setting) + " and LISTEN_ADDRESS"); }

Expected<void> check_port(EventLoop& loop, std::string_view setting, const std::string& address, std::uint16_t port) {
  http::ListenerOptions options;
  options.address = address;
  options.port = port;
  options.reuse_port = false;
  const http::Router none;
  auto listening = http::Listener(loop, std::move(options), none).listen();
  if (!listening) return tl::unexpected(port_error(std::move(listening.error()), setting));
  return {};
}

}  // namespace gauntlet::base
