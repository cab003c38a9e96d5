#include "engine/sinks/page/dashboard.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/types.h>

#include <array>
#include <csignal>
#include <utility>

#include "engine/sinks/file/output_file.hpp"
#include "engine/sinks/page/page.hpp"
#include "engine/wire/http/content_coding.hpp"

extern char** environ;

namespace gauntlet::engine::dashboard {
namespace {

std::string numeric(const std::string& host) { return host == "localhost" ? "127.0.0.1" : host; }

/// What a person types: a wildcard address is no place to go to.
std::string url_of(const std::string& host, std::uint16_t port) {
  std::string shown = host == "0.0.0.0" || host == "::" ? "127.0.0.1" : host;
  if (shown.find(':') != std::string::npos) shown = "[" + shown + "]";
  return fmt::format("http://{}:{}", shown, port);
}

/// In a session of its own, so that the terminal's Ctrl-C does not close the browser; nobody waits for it.
base::Expected<void> open_browser(const std::string& url) {
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
  std::array<std::string, 4> words{"sh", "-c", "exec xdg-open \"$0\" >/dev/null 2>&1 </dev/null", url};
  std::array<char*, 5> arguments{words[0].data(), words[1].data(), words[2].data(), words[3].data(), nullptr};
  pid_t pid = 0;
  const int failed = posix_spawnp(&pid, "sh", nullptr, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) return base::fail(base::ErrorKind::unavailable, "the browser could not be opened: no shell");
  return {};
}

}  // namespace

Dashboard::Dashboard(DashboardOptions options, const RunFacts& facts, SystemView* system)
    : options_(std::move(options)), history_(run_json(facts, options_.part)), system_(system) {}

base::Expected<void> Dashboard::serve() {
  auto server = TRY(PageServer::start(numeric(options_.host), static_cast<std::uint16_t>(options_.port), history_));
  server_ = std::move(server);
  if (options_.open) return open_browser(url());
  return {};
}

std::string Dashboard::url() const { return server_ ? url_of(options_.host, server_->port()) : ""; }

void Dashboard::add(const Moment& moment, const metrics::Series& series) {
  history_.set_state(state_json(moment));
  if (moment.snapshot.elapsed <= last_elapsed_) return;  // nothing sampled since
  last_elapsed_ = moment.snapshot.elapsed;
  std::shared_ptr<const SystemSample> system = system_ == nullptr ? nullptr : system_->latest();
  const bool is_new = system != nullptr && system != last_system_;
  history_.add(moment.snapshot, series,
               {.generator_cores = moment.generator.cpu_cores,
                .generator_bytes = moment.generator.resident_bytes,
                .failures = moment.summary.failures},
               is_new ? system.get() : nullptr);
  if (is_new) last_system_ = std::move(system);
}

void Dashboard::update(const Moment& moment, const metrics::Series& series) {
  add(moment, series);
  if (!server_ || moment.snapshot.elapsed - published_ < options_.period - std::chrono::milliseconds(500)) return;
  published_ = moment.snapshot.elapsed;
  server_->publish("update", history_.take_update());
}

void Dashboard::end(const Moment& moment, const metrics::Series& series, const Ending& ending) {
  add(moment, series);
  const std::string end = end_json(ending);
  history_.set_end(end);
  if (!server_) return;
  server_->publish("update", history_.take_update());
  server_->publish("end", end);
}

base::Expected<void> Dashboard::write_report() const {
  const std::string report = report_html(history_.document());
  const bool compressed = options_.export_path.ends_with(".gz");
  return sinks::write_whole_file(options_.export_path, compressed ? wire::encode_body(wire::ContentCoding::gzip, report) : report);
}

}  // namespace gauntlet::engine::dashboard
