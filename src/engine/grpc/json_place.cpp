#include "engine/grpc/json_place.hpp"

#include <optional>
#include <string_view>
#include <vector>

#include "engine/js/value.hpp"

namespace gauntlet::engine::grpc {
namespace {

std::size_t skip_string(std::string_view json, std::size_t at) {
  for (++at; at < json.size() && json[at] != '"'; ++at) at += json[at] == '\\' ? 1 : 0;
  return at + 1;
}

/// The end of the value that starts at `at` in compact JSON.
std::size_t skip_value(std::string_view json, std::size_t at) {
  int depth = 0;
  do {
    if (at >= json.size()) return json.size();
    switch (json[at]) {
      case '"': at = skip_string(json, at); break;
      case '{':
      case '[': ++depth, ++at; break;
      case '}':
      case ']': --depth, ++at; break;
      case ',':
      case ':': ++at; break;
      default: at = json.find_first_of(",:]}", at); break;
    }
  } while (depth > 0);
  return at;
}

}  // namespace

JsonToken token_at(JSContext* context, JSValueConst root, const JsonPlace* place, bool at_key) {
  const JsonToken unknown{"{", 0};
  std::vector<const JsonPlace*> path;
  for (const JsonPlace* each = place; each != nullptr; each = each->up) path.insert(path.begin(), each);
  const std::optional<std::string> text = js::to_json(context, root);
  if (!text) return unknown;
  const std::string_view json = *text;
  std::size_t at = 0;
  for (std::size_t step = 0; step < path.size(); ++step) {
    if (at >= json.size() || (json[at] != '{' && json[at] != '[')) return unknown;
    ++at;
    if (path[step]->key == JS_ATOM_NULL) {
      for (std::uint32_t i = 0; i < path[step]->index && at < json.size(); ++i) at = skip_value(json, at) + 1;
      continue;
    }
    const js::Value key(context, JS_AtomToString(context, path[step]->key));
    const std::string quoted = js::to_json(context, key.get()).value_or("");
    while (at < json.size() && json[at] == '"') {
      const std::size_t end = skip_string(json, at);
      const bool found = json.substr(at, end - at) == quoted;
      if (found && at_key && step + 1 == path.size()) return {quoted, at};
      at = end + 1;
      if (found) break;
      at = skip_value(json, at) + 1;
    }
  }
  if (at >= json.size()) return unknown;
  if (json[at] == '{' || json[at] == '[') return {std::string(1, json[at]), at};
  return {std::string(json.substr(at, skip_value(json, at) - at)), at};
}

}  // namespace gauntlet::engine::grpc
