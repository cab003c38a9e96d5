#include "engine/modules/registry.hpp"

#include <algorithm>
#include <array>

#include "engine/modules/crypto.hpp"
#include "engine/modules/csv.hpp"
#include "engine/modules/data.hpp"
#include "engine/modules/encoding.hpp"
#include "engine/modules/execution.hpp"
#include "engine/modules/fs.hpp"
#include "engine/modules/grpc.hpp"
#include "engine/modules/html.hpp"
#include "engine/modules/http.hpp"
#include "engine/modules/k6.hpp"
#include "engine/modules/metrics.hpp"
#include "engine/modules/secrets.hpp"
#include "engine/modules/streams.hpp"
#include "engine/modules/timers.hpp"
#include "engine/modules/websockets.hpp"
#include "engine/modules/ws.hpp"
#include "engine/modules/x509.hpp"

namespace gauntlet::engine::modules {
namespace {

constexpr std::array kModules = {
    ModuleEntry{"k6", &init_k6},
    ModuleEntry{"k6/crypto", &init_crypto},
    ModuleEntry{"k6/crypto/x509", &init_x509},
    ModuleEntry{"k6/data", &init_data},
    ModuleEntry{"k6/encoding", &init_encoding},
    ModuleEntry{"k6/execution", &init_execution},
    ModuleEntry{"k6/experimental/csv", &init_csv},
    ModuleEntry{"k6/experimental/fs", &init_fs},
    ModuleEntry{"k6/experimental/streams", &init_streams},
    ModuleEntry{"k6/experimental/websockets", &init_experimental_websockets},
    ModuleEntry{"k6/html", &init_html},
    ModuleEntry{"k6/http", &init_http},
    ModuleEntry{"k6/metrics", &init_metrics},
    ModuleEntry{"k6/net/grpc", &init_grpc},
    ModuleEntry{"k6/secrets", &init_secrets},
    ModuleEntry{"k6/timers", &init_timers},
    ModuleEntry{"k6/websockets", &init_websockets},
    ModuleEntry{"k6/ws", &init_ws},
};

/// Modules of k6 1.8 that this engine does not have.
constexpr std::array kAbsentModules = {
    "k6/browser",
    "k6/experimental/redis",
};

}  // namespace

std::span<const ModuleEntry> registered_modules() { return kModules; }

const ModuleEntry* find_module(std::string_view name) {
  const auto* found = std::find_if(kModules.begin(), kModules.end(), [&](const auto& entry) { return entry.name == name; });
  return found == kModules.end() ? nullptr : found;
}

std::string describe_missing_module(std::string_view name) {
  const std::string quoted = "\"" + std::string(name) + "\"";
  if (std::find(kAbsentModules.begin(), kAbsentModules.end(), name) != kAbsentModules.end()) {
    return "The module " + quoted + " of k6 is not part of this version of gauntlet.";
  }
  if (name.substr(0, 5) == "k6/x/") {
    return "The module " + quoted + " is a k6 extension; gauntlet has no extensions.";
  }
  return "There is no module " + quoted + ".";
}

}  // namespace gauntlet::engine::modules
