#pragma once
// What a campaign runs: the guide's five scenarios at its levels, in order. Pure.
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "lab/trial/load_level.hpp"

namespace gauntlet::lab {

enum class CampaignSize { quick, standard, full };

/// "quick", "standard", "full".
const char* to_text(CampaignSize size);
std::optional<CampaignSize> campaign_size(const std::string& text);

struct CampaignLevel {
  int scenario = 1;  // 1 to 5, as the guide counts them
  LoadLevel load;
  std::chrono::seconds duration{0};

  bool operator==(const CampaignLevel& other) const {
    return scenario == other.scenario && load.requests_per_s == other.load.requests_per_s && load.events_per_s == other.load.events_per_s &&
           duration == other.duration;
  }
};

/// "500rps", "1000eps", "200rps_1000eps": how the guide names a level's files.
std::string level_name(const LoadLevel& load);
/// "500 RPS + 2000 EPS", for people.
std::string level_title(const LoadLevel& load);
/// The guide's result file below test/results: "scenario1/level_500rps.json", "scenario4/results.json", ...
std::string result_file(const CampaignLevel& level);
/// The script below test/k6 that makes the load.
std::string script_file(const CampaignLevel& level);

/// Levels of one scenario, or of all five, lowest first. `duration` replaces the size's own, for levels of all
/// scenarios. quick: 20 s a level, standard: 2 minutes, full: the guide's 30 minutes (scenario 5: 5 minutes).
std::vector<CampaignLevel> campaign_levels(CampaignSize size, std::optional<int> scenario,
                                           std::optional<std::chrono::seconds> duration = std::nullopt);

}  // namespace gauntlet::lab
