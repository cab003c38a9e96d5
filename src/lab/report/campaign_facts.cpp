#include "lab/report/campaign_facts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/whole_file.hpp"
#include "lab/verdict/explanation.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kTopLines = 14;

std::optional<VisibilityFacts> read_visibility(const fs::path& file) {
  const auto result = engine::results::read_run_result(file);
  if (!result || result->find("event_to_visibility") == nullptr) return std::nullopt;
  const auto value = [&](const char* metric, const char* statistic) { return result->value(metric, statistic).value_or(0); };
  return VisibilityFacts{value("event_to_visibility", "med"),     value("event_to_visibility", "p(95)"),
                         value("event_to_visibility", "p(99)"),   value("event_to_visibility", "max"),
                         value("visibility_resolution", "p(95)"), value("iterations", "count")};
}

std::string first_lines(const std::string& text, std::size_t count) {
  std::size_t at = 0;
  while (count-- > 0 && at < text.size()) at = std::min(text.find('\n', at), text.size() - 1) + 1;
  return text.substr(0, at);
}

std::vector<std::string> json_files(const fs::path& folder, bool in_subfolders) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (in_subfolders && entry.is_directory(error)) files.push_back(entry.path() / "limit.json");
    else if (!in_subfolders && entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> texts;
  for (const auto& file : files)
    if (const auto text = base::read_file(file); text && json::accept(*text)) texts.push_back(*text);
  return texts;
}

}  // namespace

std::vector<const LevelFacts*> CampaignFacts::of_scenario(int scenario) const {
  std::vector<const LevelFacts*> out;
  for (const auto& level : levels)
    if (level.record.level.scenario == scenario) out.push_back(&level);
  return out;
}

base::Expected<CampaignFacts> read_campaign_facts(const fs::path& results) {
  auto journal = read_journal(results);
  if (!journal) {
    journal.error().message += "; gauntlet campaign makes it";
    return tl::unexpected(journal.error());
  }
  CampaignFacts facts;
  facts.results = results;
  facts.journal = std::move(*journal);
  std::vector<CostPoint> points;
  for (const auto& record : facts.journal.levels) {
    LevelFacts level{record, std::nullopt, std::nullopt};
    if (record.state != LevelRecord::State::skipped) {
      const fs::path file = results / result_file(record.level);
      if (const auto result = engine::results::read_run_result(file)) level.summary = summary_of(*result);
      if (auto evidence = read_evidence(file)) level.evidence = std::move(*evidence);
    }
    if (record.state == LevelRecord::State::held && level.evidence) {
      const Evidence& e = *level.evidence;
      double busy = 0;
      for (const auto& [application, sessions] : e.clients)
        if (application.starts_with("challenge-")) busy += sessions.second;
      points.push_back({record.requests_per_s, record.events_per_s, e.process_cores(kService), e.process_cores(kEventHandler),
                        e.process_cores(kPostgres), busy});
    }
    facts.levels.push_back(std::move(level));
  }
  for (int scenario = 1; scenario <= 5; ++scenario) {
    const auto* record = facts.journal.first_failed(scenario);
    if (record == nullptr) record = facts.journal.highest_held(scenario);
    if (record == nullptr) continue;
    if (auto diagnosis = explain(results / result_file(record->level))) facts.diagnoses[scenario] = std::move(*diagnosis);
  }
  facts.visibility = read_visibility(results / "scenario5/visibility.json");
  std::string level;
  for (const auto& entry : facts.levels)
    if (entry.record.level.scenario == 3 && entry.record.state != LevelRecord::State::skipped) level = level_name(entry.record.level.load);
  for (const auto& [file, title] :
       std::vector<std::pair<std::string, std::string>>{{"cpu", "CPU of challenge-service"},
                                                        {"event-handler_cpu", "CPU of challenge-event-handler"},
                                                        {"heap", "heap of challenge-service"},
                                                        {"event-handler_heap", "heap of challenge-event-handler"}})
    if (const auto text = base::read_file(results / "scenario3" / fmt::format("{}_{}.top.txt", file, level)))
      facts.profile_tops[fmt::format("{} at {}", title, level)] = first_lines(*text, kTopLines);
  facts.limits = json_files(results / "limit", true);
  facts.comparisons = json_files(results / "ab", false);
  facts.model = fit_capacity(points);
  return facts;
}

}  // namespace gauntlet::lab
