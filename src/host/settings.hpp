#pragma once
// The settings that both services have. Each service reads them with its own, in the order of its table.
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/http/listener.hpp"
#include "base/settings.hpp"
#include "postgres/connection_options.hpp"

namespace gauntlet::host {

/// A port that all threads of a service share.
struct Port {
  std::string_view setting;  // that names it
  std::uint16_t number = 0;  // 0: the kernel chooses
};

struct HostSettings {
  std::string listen_address = "0.0.0.0";  // numeric
  std::vector<Port> ports;
  std::uint16_t metrics_port = 0;
  bool pprof_from_anywhere = false;
  base::http::ListenerOptions listener;  // its limits
  std::size_t threads = 1;
  std::string migrations_path;  // empty: searched for
  postgres::ConnectionOptions database;
  std::chrono::milliseconds database_wait{0};
  std::chrono::milliseconds drain_time{0};
  std::chrono::milliseconds readiness_delay{0};  // between /readyz saying 503 and the end of accepting
};

struct PortSetting {
  std::string_view name;
  std::uint16_t fallback;
  std::string_view purpose;  // "the gRPC API"
};

/// LISTEN_ADDRESS, `ports`, METRICS_PORT and PPROF_FROM_ANYWHERE.
void read_ports(base::Settings& settings, HostSettings& into, std::initializer_list<PortSetting> ports, std::uint16_t metrics_port);
/// Whether the tables can hold AB_NAMESPACE.
void check_namespace(base::Settings& settings, const std::string& name_space);
/// MIGRATIONS_PATH.
void read_migrations_path(base::Settings& settings, HostSettings& into);
/// DB_STARTUP_WAIT and SHUTDOWN_GRACE. `work`: "requests", what is in flight when SIGTERM comes.
void read_waits(base::Settings& settings, HostSettings& into, std::string_view work);
/// DB_HOST to DB_PASSWORD; their values come with read_database().
void name_database_role(base::Settings& settings);
/// DB_SSLMODE, and the values of all DB_ variables. To be called last: its error has a line for each bad setting.
base::Expected<void> read_database(base::Settings& settings, HostSettings& into, const base::Environment& environment);

}  // namespace gauntlet::host
