#include "engine/api/registry.hpp"

#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "engine/api/core/encoding.hpp"
#include "engine/api/core/execution.hpp"
#include "engine/api/core/k6.hpp"
#include "engine/api/core/metrics.hpp"
#include "engine/api/core/secrets.hpp"
#include "engine/api/core/streams.hpp"
#include "engine/api/core/timers.hpp"
#include "engine/api/crypto/crypto.hpp"
#include "engine/api/crypto/x509.hpp"
#include "engine/api/data/csv.hpp"
#include "engine/api/data/data.hpp"
#include "engine/api/data/fs.hpp"
#include "engine/api/globals.hpp"
#include "engine/api/grpc/grpc.hpp"
#include "engine/api/html/selection.hpp"
#include "engine/api/http/http.hpp"
#include "engine/api/websocket/websockets.hpp"
#include "engine/api/websocket/ws.hpp"

namespace gauntlet::engine::api {
namespace {

constexpr std::array kModules = {
    script::NativeModule{"k6", &init_k6},
    script::NativeModule{"k6/crypto", &init_crypto},
    script::NativeModule{"k6/crypto/x509", &init_x509},
    script::NativeModule{"k6/data", &init_data},
    script::NativeModule{"k6/encoding", &init_encoding},
    script::NativeModule{"k6/execution", &init_execution},
    script::NativeModule{"k6/experimental/csv", &init_csv},
    script::NativeModule{"k6/experimental/fs", &init_fs},
    script::NativeModule{"k6/experimental/streams", &init_streams, true},
    script::NativeModule{"k6/experimental/websockets", &init_experimental_websockets, true},
    script::NativeModule{"k6/html", &init_html},
    script::NativeModule{"k6/http", &init_http},
    script::NativeModule{"k6/metrics", &init_metrics},
    script::NativeModule{"k6/net/grpc", &init_grpc},
    script::NativeModule{"k6/secrets", &init_secrets},
    script::NativeModule{"k6/timers", &init_timers},
    script::NativeModule{"k6/websockets", &init_websockets},
    script::NativeModule{"k6/ws", &init_ws},
};

std::string describe_missing(std::string_view name) {
  const std::string quoted = "\"" + std::string(name) + "\"";
  if (name == "k6/browser") return "The module " + quoted + " of k6 is not part of this version of gauntlet.";
  if (name == "k6/experimental/redis") {
    return "The module " + quoted +
           " is gone, as in k6 2: test data belongs into a SharedArray, and a store behind HTTP or gRPC is reached by k6/http and "
           "k6/net/grpc.";
  }
  if (name.substr(0, 5) == "k6/x/") {
    return "The module " + quoted + " is a k6 extension; gauntlet has no extensions.";
  }
  std::vector<std::string_view> names;
  names.reserve(std::size(kModules));
  for (const script::NativeModule& module : kModules) names.emplace_back(module.name);
  return "There is no module " + quoted + base::did_you_mean(name, names) + ".";
}

}  // namespace

const script::Natives kNatives{kModules, &install_globals, &describe_missing};

}  // namespace gauntlet::engine::api
