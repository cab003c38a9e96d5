#pragma once
// What the live page shows beside the load: the system under test. The engine knows nothing of it; who runs the engine
// hands in a view.
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gauntlet::engine::dashboard {

struct SystemSample {
  /// Numbers to draw over time, by the page's names: "cpu/challenge-service" (cores), "memory/postgres" (bytes),
  /// "database/tps", "connections/active", ... (web/src/system.ts lists them). The same names each time.
  std::vector<std::pair<std::string, double>> figures;
  /// The newest state as a JSON object, for tables: "statements", "locks", "campaign", ...; "{}" when there is none.
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
