#pragma once
// challenge-event-handler's settings: the environment variables of the deployed handler (contract section 7) and ours.
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "base/http/listener.hpp"
#include "base/settings.hpp"
#include "events/decoder.hpp"
#include "events/writer.hpp"
#include "postgres/connection_options.hpp"

namespace gauntlet::events {

struct EventSettings {
  std::string name_space;                  // AB_NAMESPACE
  std::string listen_address = "0.0.0.0";  // numeric
  std::uint16_t grpc_port = 6566;
  std::uint16_t metrics_port = 8081;
  bool pprof_from_anywhere = false;
  std::size_t threads = 1;  // FLUSH_WORKERS: each has a listener, a writer and a connection
  std::string config_path;
  std::string migrations_path;  // empty: searched for
  postgres::ConnectionOptions database;
  std::chrono::milliseconds database_wait{0};
  std::chrono::milliseconds drain_time{0};
  std::int32_t progress_partitions = 0;  // 0: the table stays as it is
  bool create_rows = false;              // EVENT_ROWS=upsert
  Dedup dedup = Dedup::all;
  int dedup_window_hours = 24;
  std::int32_t max_dead_letters = 10'000;
  WriterLimits writer;
  base::http::ListenerOptions listener;  // its limits

  /// Reads every setting; the error has a line for each bad one. `settings` then knows them all (its markdown()).
  static base::Expected<EventSettings> read(base::Settings& settings, base::Environment environment);
};

}  // namespace gauntlet::events
