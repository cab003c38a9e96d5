#pragma once
// challenge-service's settings: the environment variables of the deployed services (contract section 7) and ours.
#include <chrono>
#include <cstdint>
#include <string>

#include "ags/json_web_token.hpp"
#include "ags/mock_reward_client.hpp"
#include "ags/platform_access.hpp"
#include "base/error.hpp"
#include "base/settings.hpp"
#include "host/settings.hpp"
#include "postgres/connection_options.hpp"
#include "service/span_exporter.hpp"

namespace gauntlet::service {

struct ServiceSettings : host::HostSettings {
  std::string name_space;                          // AB_NAMESPACE
  bool auth_enabled = true;                        // PLUGIN_GRPC_SERVER_AUTH_ENABLED
  std::chrono::seconds key_refresh_interval{600};  // REFRESH_INTERVAL
  ags::TokenDemands tokens;                        // AB_TOKEN_*, AB_NAMESPACE
  ags::PlatformAddress platform;                   // AB_*; its client only where rewards are real
  std::string base_path;                           // BASE_PATH
  std::size_t database_connections = 25;           // of all threads together
  std::chrono::milliseconds queue_time_max{0};     // 0: no shedding
  double player_rate = 0;                          // requests a second; 0: no limit
  std::int64_t player_burst = 1;
  postgres::ConnectionOptions schema_owner;  // the same database as who migrates it; DB_USER itself unless set apart
  std::string challenge_config_path;
  bool real_rewards = true;  // REWARD_CLIENT_MODE=real
  ags::MockLatency mock_latency;
  bool rewards_honour_keys = true;
  SpanExporterOptions spans;  // without an endpoint: none

  /// Reads every setting; the error has a line for each bad one. `settings` then knows them all (its markdown()).
  static base::Expected<ServiceSettings> read(base::Settings& settings, const base::Environment& environment);
};

}  // namespace gauntlet::service
