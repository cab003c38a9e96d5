#include "engine/plan/exported_options.hpp"

#include <nlohmann/json.hpp>

namespace gauntlet::engine::plan {

std::string exported_json(const Options& options) {
  auto json = nlohmann::ordered_json::parse(to_json(options));
  // to_json shows these with their defaults.
  if (!options.summary_trend_stats.given) json["summaryTrendStats"] = nullptr;
  if (!options.dns.given) json["dns"] = {{"ttl", nullptr}, {"select", nullptr}, {"policy", nullptr}};
  return json.dump(2);
}

}  // namespace gauntlet::engine::plan
