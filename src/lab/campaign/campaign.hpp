#pragma once
// `gauntlet campaign`: the guide's five scenarios at all their levels, by one command.
#include <chrono>
#include <filesystem>
#include <optional>

#include "base/error.hpp"
#include "lab/campaign/campaign_journal.hpp"
#include "lab/stack/stack.hpp"
#include "lab/target/system_under_test.hpp"
#include "lab/trial/interruption.hpp"

namespace gauntlet::lab {

struct CampaignOptions {
  std::filesystem::path programs;
  CampaignSize size = CampaignSize::standard;
  std::optional<int> scenario;                   // else all five
  std::optional<std::chrono::seconds> duration;  // of each level; else the size's
  std::optional<LoadLevel> highest;              // levels above it are left out (a part of 0: no limit for that part)
  bool web = false;                              // each level has the live page (K6_WEB_DASHBOARD_* of our environment say where)
  bool resume = false;                           // go on with the campaign that test/results/campaign.json tells of
};

/// Fixtures where they are missing, the stack, then level after level: reset and seed, pause until the system is at
/// rest, monitors beside the load, profiles in scenario 3, the database's analysis in scenario 4, events' way to the
/// API in scenario 5. A scenario ends at its first level that fails. Results lie in the system's folder under the
/// guide's names; beside each level's FILE.json are FILE.log (what the engine said) and FILE.monitor/ (what was seen).
/// cancelled when interrupted: the level under way leaves nothing, finished ones are kept for --resume. `stack` is the
/// system where it is ours to start, else nullptr: a stack that was not up before is taken down after an interruption;
/// after a whole campaign it is left up. Of other systems is taken what their profile names: without pprof there are
/// no profiles, without a database no analysis; levels above its rate are left out, and permission_denied says that the
/// levels together take longer than it allows.
base::Expected<CampaignJournal> run_campaign(const SystemUnderTest& system, Stack* stack, const CampaignOptions& options,
                                             Interruption& interruption, const Tell& tell);

}  // namespace gauntlet::lab
