#pragma once
// challenge-event-handler's settings: the environment variables of the deployed handler (contract section 7) and ours.
#include <cstdint>
#include <string>

#include "base/error.hpp"
#include "base/settings.hpp"
#include "events/decoder.hpp"
#include "events/writer.hpp"
#include "host/settings.hpp"

namespace gauntlet::events {

struct EventSettings : host::HostSettings {
  std::string name_space;  // AB_NAMESPACE
  std::string config_path;
  std::int32_t progress_partitions = 0;  // 0: the table stays as it is
  bool create_rows = false;              // EVENT_ROWS=upsert
  Dedup dedup = Dedup::all;
  int dedup_window_hours = 24;
  std::int32_t max_dead_letters = 10'000;
  WriterLimits writer;

  /// Reads every setting; the error has a line for each bad one. `settings` then knows them all (its markdown()).
  static base::Expected<EventSettings> read(base::Settings& settings, const base::Environment& environment);
};

}  // namespace gauntlet::events
