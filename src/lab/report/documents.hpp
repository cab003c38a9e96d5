#pragma once
// The documents that the guide asks a person to fill, written from results. Every figure comes from a result file or is
// marked as an assumption; what was not measured says so.
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "lab/report/campaign_facts.hpp"
#include "lab/stack/stack.hpp"

namespace gauntlet::lab {

std::string baseline_document(const CampaignFacts& facts);  // docs/PERFORMANCE_BASELINE.md
std::string capacity_document(const CampaignFacts& facts);  // docs/CAPACITY_PLANNING.md
std::string tuning_document(const CampaignFacts& facts);    // docs/PERFORMANCE_TUNING.md
std::string specification_document();                       // docs/TECH_SPEC_M2.md: objectives, method, criteria
/// For machines: levels, limits, verdicts.
std::string report_json(const CampaignFacts& facts);
/// JUnit XML: a test case a level; failed levels are failures, skipped ones skipped.
std::string report_junit(const CampaignFacts& facts);

/// Writes all of them: the four documents into `documents`, report.html, report.md (the baseline), report.json and
/// report.xml into `results`. Answers the files.
base::Expected<std::vector<std::filesystem::path>> write_reports(const std::filesystem::path& results,
                                                                 const std::filesystem::path& documents);
/// Whose machine the figures are of, as a sentence.
std::string whose_machine(const CampaignJournal& journal);

/// A plan as `gauntlet plan` prints it, assumptions first.
std::string plan_text(const CapacityModel& model, const PlayerBehaviour& players, const CapacityPlan& plan);
/// The parts that the documents share: the machine and the campaign as a table, and a scenario's title.
std::string environment_table(const CampaignJournal& journal);
std::string scenario_heading(int scenario);
/// A row's measured size in the campaign's journal; nothing when it was not measured.
std::optional<double> bytes_per_row(const CampaignFacts& facts);

}  // namespace gauntlet::lab
