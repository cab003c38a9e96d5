#pragma once
// What the live page shows beside the load: the system under test. The engine knows nothing of it; who runs the engine
// hands in a view.
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gauntlet::engine::dashboard {

struct SystemSample {
  /// Numbers to draw over time: CHART/LINE, as "cpu/service" (cores), "memory/postgres" (bytes), "connections/active".
  /// web/src/charts.ts lists the charts with their units. A line that is missing in a sample has a gap there.
  std::vector<std::pair<std::string, double>> figures;
  /// The newest state as a JSON object (web/src/document.ts, Detail): tables, and what could not be seen.
  std::string detail = "{}";
};

class SystemView {
 public:
  virtual ~SystemView() = default;
  /// The newest sample, or nullptr before the first; called once a second by the engine's control thread and must not
  /// block. Shared with the thread that samples.
  virtual std::shared_ptr<const SystemSample> latest() = 0;
};

}  // namespace gauntlet::engine::dashboard
