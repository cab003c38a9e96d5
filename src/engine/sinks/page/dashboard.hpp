#pragma once
// The live page of a run and its report: what the run drives.
//
//   Dashboard page(options, facts, system_view);
//   if (auto serving = page.serve(); !serving) warn(...);      // the run goes on without it
//   page.update({snapshot, ...}, series);                      // once a second
//   page.end({snapshot, ...}, series, {.exit_code = 99, .reason = "..."});
//   page.write_report();
#include <chrono>
#include <memory>
#include <string>

#include "base/error.hpp"
#include "engine/metrics/series.hpp"
#include "engine/sinks/page/dashboard_options.hpp"
#include "engine/sinks/page/history.hpp"
#include "engine/sinks/page/moment.hpp"
#include "engine/sinks/page/page_server.hpp"
#include "engine/sinks/page/system_view.hpp"

namespace gauntlet::engine::dashboard {

/// The control thread's.
class Dashboard {
 public:
  /// `system` may be nullptr, else it outlives this.
  Dashboard(DashboardOptions options, const RunFacts& facts, SystemView* system);

  /// Listens, and opens the browser where that is wanted. Fails when the port is taken, say, naming it.
  base::Expected<void> serve();
  /// "http://127.0.0.1:5665"; empty when it is not served.
  std::string url() const;

  void update(const Moment& moment, const metrics::Series& series);
  /// The last update, with the run's outcome.
  void end(const Moment& moment, const metrics::Series& series, const Ending& ending);
  /// Writes DashboardOptions::export_path whole or not at all. After end().
  base::Expected<void> write_report() const;
  const DashboardOptions& options() const { return options_; }

 private:
  void add(const Moment& moment, const metrics::Series& series);

  const DashboardOptions options_;
  History history_;
  SystemView* system_;
  std::shared_ptr<const SystemSample> last_system_;  // shared with who samples
  std::chrono::nanoseconds last_elapsed_{-1};
  std::chrono::nanoseconds published_{0};
  std::unique_ptr<PageServer> server_;
};

}  // namespace gauntlet::engine::dashboard
