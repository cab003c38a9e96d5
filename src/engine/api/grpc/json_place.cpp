#include "engine/api/grpc/json_place.hpp"

#include <optional>
#include <string_view>
#include <vector>

#include "engine/script/json/scan.hpp"
#include "engine/script/value.hpp"

namespace gauntlet::engine::grpc {

using json::scan::skip_string;
using json::scan::skip_value;

JsonToken token_at(JSContext* context, JSValueConst root, const JsonPlace* place, bool at_key) {
  const JsonToken unknown{"{", 0};
  std::vector<const JsonPlace*> path;
  for (const JsonPlace* each = place; each != nullptr; each = each->up) path.insert(path.begin(), each);
  const std::optional<std::string> text = script::to_json(context, root);
  if (!text) return unknown;
  const std::string_view whole = *text;
  std::size_t at = 0;
  for (std::size_t step = 0; step < path.size(); ++step) {
    if (at >= whole.size() || (whole[at] != '{' && whole[at] != '[')) return unknown;
    ++at;
    if (path[step]->key == JS_ATOM_NULL) {
      for (std::uint32_t i = 0; i < path[step]->index && at < whole.size(); ++i) at = skip_value(whole, at) + 1;
      continue;
    }
    const script::Value key(context, JS_AtomToString(context, path[step]->key));
    const std::string quoted = script::to_json(context, key.get()).value_or("");
    while (at < whole.size() && whole[at] == '"') {
      const std::size_t end = skip_string(whole, at);
      const bool found = whole.substr(at, end - at) == quoted;
      if (found && at_key && step + 1 == path.size()) return {quoted, at};
      at = end + 1;
      if (found) break;
      at = skip_value(whole, at) + 1;
    }
  }
  if (at >= whole.size()) return unknown;
  if (whole[at] == '{' || whole[at] == '[') return {std::string(1, whole[at]), at};
  return {std::string(whole.substr(at, skip_value(whole, at) - at)), at};
}

}  // namespace gauntlet::engine::grpc
