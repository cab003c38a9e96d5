#pragma once
// Commits batches to PostgreSQL over one connection of its own. A batch without event ids is one statement and one round
// trip; with ids the first statement enters them and says which are new, then the new events are folded and applied in
// the same transaction.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/event_loop.hpp"
#include "base/task.hpp"
#include "events/fold.hpp"
#include "events/goal_keys.hpp"
#include "events/progress_store.hpp"
#include "postgres/pool.hpp"

namespace gauntlet::events {

struct StoreOptions {
  std::string name_space;                      // of rows that are created
  bool create_rows = false;                    // EVENT_ROWS=upsert: events create the missing rows of the goals they touch
  int dedup_window_hours = 24;                 // how long event ids are remembered at least
  std::int32_t max_dead_letters = 10'000;      // rows of event_dead_letter, give or take those of concurrent writers
  base::metrics::Registry* metrics = nullptr;  // as PoolOptions'
  /// Called with true when the connection stands and with false when it is lost.
  std::function<void(bool)> on_availability = {};
};

/// Belongs to its loop's thread; `loop`, `keys` outlive it.
class PostgresProgressStore final : public ProgressStore {
 public:
  PostgresProgressStore(base::EventLoop& loop, postgres::ConnectionOptions connection, const GoalKeys& keys, StoreOptions options,
                        base::WallClock clock = base::system_wall_clock());
  ~PostgresProgressStore() override;

  postgres::Pool& pool() { return pool_; }

  bool is_available() const override { return pool_.is_available(); }
  void write(std::span<const Event> events, Done done) override;
  void bury(const Event& event, const base::Error& reason, Buried done) override;

 private:
  struct Entry {
    postgres::Date day;
    postgres::Uuid uuid;
    std::uint32_t event;
  };
  base::Task<base::Expected<Written>> commit(std::span<const Event> events);
  base::Task<base::Expected<Written>> commit_once(std::span<const Event> events);
  void collect_ids(std::span<const Event> events);
  postgres::Parameters id_parameters() const;
  /// How many of the events do not count, since their ids have been seen.
  std::int64_t mark_new_events(std::span<const Event> events, const postgres::Result& entered);
  std::vector<postgres::Execution> statements(std::span<const Event> events);
  void maintain_every_hour();

  base::EventLoop& loop_;
  const StoreOptions options_;
  base::WallClock clock_;
  base::EventLoop::TimerId maintenance_ = 0;
  // Of the batch in flight; kept for their memory.
  Folder folder_;
  Changes changes_;
  std::vector<Entry> entries_;
  std::vector<bool> counts_;
  postgres::Pool pool_;  // last, since its end answers what is in flight
};

}  // namespace gauntlet::events
