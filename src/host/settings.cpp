#include "host/settings.hpp"

#include <optional>
#include <utility>

#include "base/text.hpp"

namespace gauntlet::host {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

void read_ports(base::Settings& settings, HostSettings& into, std::initializer_list<PortSetting> ports, std::uint16_t metrics_port) {
  constexpr base::Settings::Range kPorts{0, 65535};
  const auto description = [](std::string_view purpose) { return "port of " + std::string(purpose) + "; 0: the kernel chooses"; };
  into.listen_address = settings.address("LISTEN_ADDRESS", "0.0.0.0", "where all ports listen; 127.0.0.1: this machine only");
  std::vector<std::pair<std::string_view, std::uint16_t>> all;
  for (const PortSetting& port : ports) {
    into.ports.push_back({port.name, settings.integer(port.name, port.fallback, kPorts, description(port.purpose))});
    all.emplace_back(port.name, into.ports.back().number);
  }
  into.metrics_port = settings.integer("METRICS_PORT", metrics_port, kPorts, description("/metrics and /debug/pprof"));
  all.emplace_back("METRICS_PORT", into.metrics_port);
  settings.reject_same_ports(all);
  into.pprof_from_anywhere = settings.boolean("PPROF_FROM_ANYWHERE", false, "answer /debug/pprof to callers other than loopback");
}

void read_migrations_path(base::Settings& settings, HostSettings& into) {
  into.migrations_path = settings.text("MIGRATIONS_PATH", "",
                                       "folder of the schema's migrations, also as file:///app/migrations; default: "
                                       "./migrations, or beside the program");
}

void check_namespace(base::Settings& settings, const std::string& name_space) {
  constexpr std::size_t kCharactersMax = 100;  // varchar(100)
  if (name_space.size() <= kCharactersMax && base::is_text(name_space)) return;
  settings.reject("AB_NAMESPACE",
                  "must be UTF-8 text of " + std::to_string(kCharactersMax) + " bytes at the most, which is what the tables hold");
}

void read_waits(base::Settings& settings, HostSettings& into, std::string_view work) {
  into.database_wait = duration_cast<milliseconds>(settings.duration("DB_STARTUP_WAIT", seconds(30), seconds(0), minutes(60), seconds(1),
                                                                     "how long the start waits for PostgreSQL to come up"));
  into.drain_time = duration_cast<milliseconds>(settings.duration("SHUTDOWN_GRACE", seconds(15), seconds(0), minutes(10), seconds(1),
                                                                  "how long SIGTERM waits for " + std::string(work) + " in flight"));
  into.readiness_delay = duration_cast<milliseconds>(
      settings.duration("SHUTDOWN_READINESS_DELAY", seconds(0), seconds(0), minutes(10), seconds(1),
                        "how long SIGTERM lets " + std::string(work) + " in while /readyz says 503 already, so that balancers notice"));
}

void name_database_role(base::Settings& settings) {
  settings.text("DB_HOST", "localhost",
                "PostgreSQL's host, address, or the folder of its unix socket; of a list (a,b,c), whichever takes writes is used");
  settings.text("DB_PORT", "5432", "PostgreSQL's port; or a list, one for each host");
  settings.text("DB_NAME", "challenge_db", "the database");
  settings.text("DB_USER", "postgres", "the database role");
  settings.secret("DB_PASSWORD", "", "the role's password");
}

base::Expected<void> read_database(base::Settings& settings, HostSettings& into, const base::Environment& environment) {
  settings.text("DB_SSLMODE", "disable", "disable, allow, prefer, require, verify-ca or verify-full");
  auto database = postgres::ConnectionOptions::from_settings([&](const std::string& name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  });
  auto checked = settings.check();
  if (!checked && !database) checked.error().message += "\n" + database.error().message;
  if (!checked) return checked;
  if (!database) return tl::unexpected(std::move(database.error()));
  into.database = std::move(*database);
  return {};
}

}  // namespace gauntlet::host
