#pragma once
// Everything that documents say of a campaign, read from test/results once. What was not measured is absent, and stays
// so.
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "lab/campaign/campaign_journal.hpp"
#include "lab/report/capacity_model.hpp"
#include "lab/trial/run_summary.hpp"
#include "lab/verdict/verdict.hpp"

namespace gauntlet::lab {

struct LevelFacts {
  LevelRecord record;
  std::optional<RunSummary> summary;  // absent: skipped
  std::optional<Evidence> evidence;   // absent: nothing was recorded
};

struct VisibilityFacts {
  double p50_ms = 0, p95_ms = 0, p99_ms = 0, max_ms = 0;
  double resolution_p95_ms = 0;
  double events = 0;
};

struct CampaignFacts {
  std::filesystem::path results;
  CampaignJournal journal;
  std::vector<LevelFacts> levels;      // in the journal's order
  std::map<int, Diagnosis> diagnoses;  // by scenario: of its first failed level, else of its highest
  std::optional<VisibilityFacts> visibility;
  std::map<std::string, std::string> profile_tops;  // "cpu of challenge-service at 500rps_2000eps": the first lines
  std::vector<std::string> limits;                  // JSON texts of limit searches
  std::vector<std::string> comparisons;             // JSON texts of gauntlet ab
  std::optional<CapacityModel> model;

  std::vector<const LevelFacts*> of_scenario(int scenario) const;
};

/// not_found when there was no campaign.
base::Expected<CampaignFacts> read_campaign_facts(const std::filesystem::path& results);

}  // namespace gauntlet::lab
