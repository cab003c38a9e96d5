#pragma once
// What a campaign has done so far: test/results/campaign.json, written whole after each level, so that whatever ends
// the campaign, the next one with --resume goes on behind the last finished level.
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "lab/campaign/campaign_plan.hpp"
#include "lab/trial/scenario_run.hpp"

namespace gauntlet::lab {

struct LevelRecord {
  enum class State { held, failed, skipped };
  CampaignLevel level;
  State state = State::skipped;
  std::string reason;  // failed: which promise was not kept; skipped: why
  // Of levels that ran:
  double started_s = 0, ended_s = 0;            // Unix time, of the load
  double requests_per_s = 0, events_per_s = 0;  // achieved
  CpuUse cpu;
  double wall_s = 0;
};

struct CampaignJournal {
  CampaignSize size = CampaignSize::standard;
  double started_s = 0;
  std::map<std::string, std::string> environment;  // cpu, cores, memory, kernel, versions, revision
  std::vector<LevelRecord> levels;

  const LevelRecord* find(const CampaignLevel& level) const;
  /// The highest level of a scenario that held; nothing when none did.
  const LevelRecord* highest_held(int scenario) const;
  const LevelRecord* first_failed(int scenario) const;
};

std::filesystem::path journal_file(const std::filesystem::path& results);
/// not_found when there is none; invalid_argument when it is not one.
base::Expected<CampaignJournal> read_journal(const std::filesystem::path& results);
base::Expected<void> write_journal(const std::filesystem::path& results, const CampaignJournal& journal);

/// What the figures of this machine depend on.
std::map<std::string, std::string> describe_environment(const std::filesystem::path& project);

}  // namespace gauntlet::lab
