#include "lab/campaign/campaign_plan.hpp"

#include <fmt/format.h>

namespace gauntlet::lab {
namespace {

using std::chrono::seconds;

// Scenarios 4 and 5 run at one level each.
constexpr LoadLevel kDatabaseLevel{500, 2000};
constexpr LoadLevel kVisibilityLevel{0, 1000};

seconds duration_of(CampaignSize size, int scenario) {
  switch (size) {
    case CampaignSize::quick: return seconds(20);
    case CampaignSize::standard: return seconds(120);
    case CampaignSize::full: break;
  }
  return scenario == 5 ? seconds(300) : seconds(1800);
}

}  // namespace

const char* to_text(CampaignSize size) {
  switch (size) {
    case CampaignSize::quick: return "quick";
    case CampaignSize::standard: return "standard";
    case CampaignSize::full: break;
  }
  return "full";
}

std::optional<CampaignSize> campaign_size(const std::string& text) {
  for (const auto size : {CampaignSize::quick, CampaignSize::standard, CampaignSize::full})
    if (text == to_text(size)) return size;
  return std::nullopt;
}

std::string level_name(const LoadLevel& load) {
  std::string name;
  if (load.requests_per_s > 0) name += fmt::format("{}rps", load.requests_per_s);
  if (load.events_per_s > 0) name += fmt::format("{}{}eps", name.empty() ? "" : "_", load.events_per_s);
  return name;
}

std::string level_title(const LoadLevel& load) {
  std::string title;
  if (load.requests_per_s > 0) title += fmt::format("{} RPS", load.requests_per_s);
  if (load.events_per_s > 0) title += fmt::format("{}{} EPS", title.empty() ? "" : " + ", load.events_per_s);
  return title;
}

std::string result_file(const CampaignLevel& level) {
  if (level.scenario >= 4) return fmt::format("scenario{}/results.json", level.scenario);
  return fmt::format("scenario{}/level_{}.json", level.scenario, level_name(level.load));
}

std::string script_file(const CampaignLevel& level) {
  switch (level.scenario) {
    case 1: return "scenario1_api_load.js";
    case 2:
    case 5: return "scenario2_event_load.js";
    default: return "scenario3_combined.js";
  }
}

std::vector<CampaignLevel> campaign_levels(CampaignSize size, std::optional<int> scenario, std::optional<seconds> duration) {
  std::vector<CampaignLevel> levels;
  auto add = [&](int number, const LoadLevel& load) {
    if (!scenario || *scenario == number) levels.push_back({number, load, duration.value_or(duration_of(size, number))});
  };
  for (const auto& load : kApiLevels) add(1, load);
  for (const auto& load : kEventLevels) add(2, load);
  for (const auto& load : kCombinedLevels) add(3, load);
  add(4, kDatabaseLevel);
  add(5, kVisibilityLevel);
  return levels;
}

}  // namespace gauntlet::lab
