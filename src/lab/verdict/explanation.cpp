#include "lab/verdict/explanation.hpp"

#include "lab/campaign/campaign_journal.hpp"

namespace gauntlet::lab {

namespace fs = std::filesystem;

base::Expected<Diagnosis> explain(const fs::path& result) {
  auto bad = TRY(read_evidence(result));
  // The campaign's journal lies beside the scenarios' folders.
  std::error_code error;
  const fs::path results = fs::weakly_canonical(result, error).parent_path().parent_path();
  const auto journal = read_journal(results);
  if (!journal || bad.held) return judge(bad, nullptr);
  const LevelRecord* last_good = nullptr;
  for (const auto& record : journal->levels) {
    if (fs::weakly_canonical(results / result_file(record.level), error) == fs::weakly_canonical(result, error)) break;
    if (record.state == LevelRecord::State::held &&
        script_file(record.level) == script_file({.scenario = record.level.scenario, .load = {}, .duration = {}}))
      last_good = &record;
  }
  if (last_good == nullptr ||
      fs::path(result_file(last_good->level)).parent_path() != fs::weakly_canonical(result, error).parent_path().filename())
    return judge(bad, nullptr);
  const auto good = read_evidence(results / result_file(last_good->level));
  return judge(bad, good ? &*good : nullptr);
}

}  // namespace gauntlet::lab
