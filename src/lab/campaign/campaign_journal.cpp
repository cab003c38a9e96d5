#include "lab/campaign/campaign_journal.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/json_document.hpp"
#include "base/whole_file.hpp"
#include "lab/atomic_file.hpp"
#include "lab/process/launch.hpp"

namespace gauntlet::lab {
namespace {

using base::ErrorKind;
using nlohmann::json;

constexpr const char* kStates[] = {"held", "failed", "skipped"};

std::string first_line_after(const char* file, const std::string& name) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);)
    if (line.starts_with(name))
      if (const auto at = line.find_first_not_of(" \t:", name.size()); at != std::string::npos) return line.substr(at);
  return "";
}

std::string output_of(const std::vector<std::string>& command, const std::filesystem::path& folder) {
  auto output = run_to_end(command, std::nullopt, folder);
  if (!output) return "";
  return output->substr(0, output->find('\n'));
}

}  // namespace

const LevelRecord* CampaignJournal::find(const CampaignLevel& wanted) const {
  for (const auto& record : levels)
    if (record.level == wanted) return &record;
  return nullptr;
}

const LevelRecord* CampaignJournal::highest_held(int scenario) const {
  const LevelRecord* highest = nullptr;
  for (const auto& record : levels)
    if (record.level.scenario == scenario && record.state == LevelRecord::State::held) highest = &record;
  return highest;
}

const LevelRecord* CampaignJournal::first_failed(int scenario) const {
  for (const auto& record : levels)
    if (record.level.scenario == scenario && record.state == LevelRecord::State::failed) return &record;
  return nullptr;
}

std::filesystem::path journal_file(const std::filesystem::path& results) { return results / "campaign.json"; }

base::Expected<CampaignJournal> read_journal(const std::filesystem::path& results) {
  const auto file = journal_file(results);
  auto text = TRY(base::read_file(file));
  try {
    const json in = json::parse(text);
    CampaignJournal journal;
    const auto size = campaign_size(in.at("size").get<std::string>());
    if (!size) return base::fail(ErrorKind::invalid_argument, file.string() + ": no such campaign size");
    journal.size = *size;
    in.at("started").get_to(journal.started_s);
    constexpr double kYear10000 = 253402300800;
    if (!(journal.started_s >= 0 && journal.started_s < kYear10000))
      return base::fail(ErrorKind::invalid_argument, file.string() + ": started is no time in seconds");
    in.at("environment").get_to(journal.environment);
    for (const auto& entry : in.at("levels")) {
      LevelRecord record;
      record.level.scenario = entry.at("scenario").get<int>();
      record.level.load = {entry.at("target_rps").get<int>(), entry.at("target_eps").get<int>()};
      record.level.duration = std::chrono::seconds(entry.at("duration_s").get<int>());
      const auto state = entry.at("state").get<std::string>();
      record.state = state == "held"     ? LevelRecord::State::held
                     : state == "failed" ? LevelRecord::State::failed
                                         : LevelRecord::State::skipped;
      entry.at("reason").get_to(record.reason);
      entry.at("started").get_to(record.started_s);
      entry.at("ended").get_to(record.ended_s);
      entry.at("achieved_rps").get_to(record.requests_per_s);
      entry.at("achieved_eps").get_to(record.events_per_s);
      entry.at("wall_s").get_to(record.wall_s);
      const auto& cpu = entry.at("cpu_s");
      record.cpu = {cpu.at("generator").get<double>(), cpu.at("services").get<double>(), cpu.at("database").get<double>()};
      journal.levels.push_back(std::move(record));
    }
    return journal;
  } catch (const json::exception& problem) {
    return base::fail(ErrorKind::invalid_argument, fmt::format("{} is no campaign's journal: {}", file.string(), problem.what()));
  }
}

base::Expected<void> write_journal(const std::filesystem::path& results, const CampaignJournal& journal) {
  json levels = json::array();
  for (const auto& r : journal.levels)
    levels.push_back({{"scenario", r.level.scenario},
                      {"target_rps", r.level.load.requests_per_s},
                      {"target_eps", r.level.load.events_per_s},
                      {"duration_s", r.level.duration.count()},
                      {"state", kStates[static_cast<std::size_t>(r.state)]},
                      {"reason", r.reason},
                      {"result", result_file(r.level)},
                      {"started", r.started_s},
                      {"ended", r.ended_s},
                      {"achieved_rps", r.requests_per_s},
                      {"achieved_eps", r.events_per_s},
                      {"wall_s", r.wall_s},
                      {"cpu_s", {{"generator", r.cpu.generator_s}, {"services", r.cpu.services_s}, {"database", r.cpu.database_s}}}});
  const json out{{"size", to_text(journal.size)}, {"started", journal.started_s}, {"environment", journal.environment}, {"levels", levels}};
  return write_file_atomically(journal_file(results), base::json_text(out, 2) + "\n");
}

std::map<std::string, std::string> describe_environment(const std::filesystem::path& project) {
  utsname system{};
  ::uname(&system);
  const double memory_gb = static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e9;
  std::map<std::string, std::string> environment{{"cpu", first_line_after("/proc/cpuinfo", "model name")},
                                                 {"cores", std::to_string(::sysconf(_SC_NPROCESSORS_ONLN))},
                                                 {"memory", fmt::format("{:.0f} GB", memory_gb)},
                                                 {"kernel", fmt::format("{} {}", system.sysname, system.release)},
                                                 {"postgres", output_of({"/usr/lib/postgresql/15/bin/postgres", "--version"}, "/")}};
  if (const auto revision = output_of({"/usr/bin/git", "describe", "--always", "--dirty"}, project); !revision.empty())
    environment["revision"] = revision;
  return environment;
}

}  // namespace gauntlet::lab
