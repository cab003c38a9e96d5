#include "events/event_settings.hpp"

#include <algorithm>

#include "base/http/listener_settings.hpp"

namespace gauntlet::events {
namespace {

using std::chrono::duration_cast;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

}  // namespace

base::Expected<EventSettings> EventSettings::read(base::Settings& settings, const base::Environment& environment) {
  EventSettings s;
  s.name_space = settings.required("AB_NAMESPACE", "namespace of the deployment; events of others are ignored");
  host::check_namespace(settings, s.name_space);
  host::read_ports(settings, s, {{"GRPC_PORT", 6566, "the OnMessage methods"}}, 8081);
  s.threads = settings.threads("FLUSH_WORKERS", 4, {1, 64}, "threads, each with a listener, a writer and a connection");
  s.config_path = settings.text("CONFIG_PATH", "config/challenges.json", "the challenges and goals; the service's file");
  host::read_migrations_path(settings, s);
  host::read_waits(settings, s, "events");
  s.create_rows =
      settings.choice("EVENT_ROWS", "active", {"active", "upsert"},
                      "active: events move active rows only; upsert: they create the missing rows of every goal they touch") == "upsert";
  const std::string dedup = settings.choice("EVENT_DEDUP", "all", {"all", "counting", "off"},
                                            "which events are remembered by id: all, those that some goal counts, or none");
  s.dedup = dedup == "all" ? Dedup::all : dedup == "counting" ? Dedup::counting : Dedup::off;
  const auto window =
      settings.duration("EVENT_DEDUP_WINDOW", hours(24), hours(1), hours(24 * 30), hours(1), "how long event ids are remembered at least");
  s.dedup_window_hours = static_cast<int>(std::chrono::ceil<hours>(window).count());
  s.progress_partitions = settings.integer("PROGRESS_PARTITIONS", std::int32_t{0}, {0, 1024},
                                           "at the start, split user_goal_progress by hash of user_id into so many tables, unless it is "
                                           "split already; locks it meanwhile; 0: leave it as it is");
  s.max_dead_letters = settings.integer("EVENT_MAX_DEAD_LETTERS", std::int32_t{10'000}, {0, 10'000'000},
                                        "events refused by PostgreSQL that are kept in event_dead_letter and answered OK; once so many are "
                                        "kept, further ones are answered RESOURCE_EXHAUSTED");
  base::http::read_limits(settings, s.listener);
  s.writer.max_waiting = static_cast<std::size_t>(
      settings.integer("EVENT_MAX_WAITING", std::int64_t{2000}, {1, 1'000'000},
                       "events of one thread that may wait for their commit; more are refused with RESOURCE_EXHAUSTED"));
  s.writer.max_batch =
      static_cast<std::size_t>(settings.integer("EVENT_MAX_BATCH", std::int64_t{2000}, {1, 100'000}, "events of one transaction"));

  if (settings.is_set("BUFFER_FLUSH_INTERVAL"))
    s.writer.buffer_for = duration_cast<milliseconds>(
        settings.duration("BUFFER_FLUSH_INTERVAL", seconds(1), milliseconds(1), minutes(1), seconds(1),
                          "set: answer events on arrival and write them at this interval; unset: answer after the commit"));
  else
    settings.text("BUFFER_FLUSH_INTERVAL", "",
                  "set (as in 1s): answer events on arrival and write them at this interval; unset: answer after the commit");
  // The guide and the deployed handler use two names for one thing.
  const char* const buffer_name = settings.is_set("BUFFER_SIZE_LIMIT") ? "BUFFER_SIZE_LIMIT" : "BUFFER_MAX_SIZE";
  const auto buffered = static_cast<std::size_t>(
      settings.integer(buffer_name, std::int64_t{1000}, {1, 1'000'000},
                       "buffered mode: events of one thread that are written before the interval is over (also BUFFER_SIZE_LIMIT)"));
  if (s.writer.buffer_for) {
    s.writer.max_batch = buffered;
    // While a batch is being written, or PostgreSQL is away, this many more may come.
    s.writer.max_waiting = std::max(s.writer.max_waiting, 10 * buffered);
  }
  host::name_database_role(settings);
  TRY(host::read_database(settings, s, environment));
  return s;
}

}  // namespace gauntlet::events
