#include "lab/report/documents.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/json_document.hpp"
#include "lab/atomic_file.hpp"
#include "lab/markup.hpp"
#include "lab/report/html_report.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kScenarios[] = {
    "", "API load", "Event processing", "Combined load", "Database under combined load", "From event to API"};
constexpr double kPoorFit = 0.3;       // worst deviation of a level from the capacity model
constexpr double kConservative = 0.7;  // of the highest level that held
constexpr const char* kNotMeasured = "not measured";
constexpr const char* kGenerated = "<!-- written by `gauntlet report` from test/results; changes here are lost -->\n\n";

std::string ms(double value) { return value < 10 ? fmt::format("{:.2f}", value) : fmt::format("{:.0f}", value); }

std::string date(double unix_s) {
  const std::time_t time = static_cast<std::time_t>(unix_s);
  return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(time));
}

const Percentiles* latency_of(const LevelFacts& level) {
  return level.summary && level.summary->latency() ? &*level.summary->latency() : nullptr;
}

/// A bar ends a table's cell, also within backquotes.
std::string in_table(std::string text) {
  for (auto at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2)) text.insert(at, "\\");
  return text;
}

std::string share(const std::optional<double>& value) { return value ? fmt::format("{:.2f} %", *value * 100) : ""; }

std::string errors_of(const LevelFacts& level) {
  if (!level.summary) return "-";
  const std::string requests = share(level.summary->failed_requests), calls = share(level.summary->failed_calls);
  if (requests.empty() || calls.empty()) return requests + calls;
  return requests + " / " + calls;
}

std::string state_of(const LevelRecord& record) {
  switch (record.state) {
    case LevelRecord::State::held: return "held";
    case LevelRecord::State::failed: return "**failed**";
    case LevelRecord::State::skipped: break;
  }
  return "skipped: " + record.reason;
}

std::string level_table(const std::vector<const LevelFacts*>& levels, bool events) {
  std::string out =
      "| level | state | achieved /s | p50 ms | p95 ms | p99 ms | errors | service cores | handler cores | database "
      "cores | generator cores | service MB | database MB |";
  out += events ? " buffered events |\n" : "\n";
  out += "|---|---|---|---|---|---|---|---|---|---|---|---|---|";
  out += events ? "---|\n" : "\n";
  for (const auto* level : levels) {
    const LevelRecord& r = level->record;
    out += fmt::format("| {} | {} |", level_title(r.level.load), state_of(r));
    if (r.state == LevelRecord::State::skipped) {
      for (int i = 0; i < (events ? 12 : 11); ++i) out += " - |";
      out += "\n";
      continue;
    }
    std::string achieved;
    if (r.level.load.requests_per_s > 0) achieved = fmt::format("{:.0f}", r.requests_per_s);
    if (r.level.load.events_per_s > 0) achieved += fmt::format("{}{:.0f}", achieved.empty() ? "" : " + ", r.events_per_s);
    const auto* latency = latency_of(*level);
    out += fmt::format(" {} | {} | {} | {} | {} |", achieved, latency ? ms(latency->p50_ms) : kNotMeasured,
                       latency ? ms(latency->p95_ms) : kNotMeasured, latency ? ms(latency->p99_ms) : kNotMeasured, errors_of(*level));
    if (level->evidence) {
      const Evidence& e = *level->evidence;
      auto memory = [&](const char* name) {
        const auto found = e.processes.find(name);
        return found == e.processes.end() ? std::string(kNotMeasured) : fmt::format("{:.0f}", found->second.resident_bytes_max / 1e6);
      };
      out += fmt::format(" {:.2f} | {:.2f} | {:.2f} | {:.2f} | {} | {} |", e.process_cores(kService), e.process_cores(kEventHandler),
                         e.process_cores(kPostgres), e.process_cores("generator"), memory(kService), memory(kPostgres));
      if (events) out += fmt::format(" {:.1f} |", e.buffer_size);
    } else {
      for (int i = 0; i < (events ? 7 : 6); ++i) out += fmt::format(" {} |", kNotMeasured);
    }
    out += "\n";
  }
  return out + "\n";
}

/// CPU that nobody can do without, in ms for one request of scenario 1 and one event of scenario 2: the floors of docs/PERFORMANCE.md
/// ("Beside what nobody can do without"), which says how they were measured.
struct Floor {
  const char* part;
  double per_request, per_event;
};
constexpr Floor kFloors[] = {{"generator", 0.141, 0.023}, {kService, 0.031, 0}, {kEventHandler, 0, 0.018}, {kPostgres, 0.130, 0.077}};

/// Who had the machine's cores at the highest level that ran, and what the least of it is.
std::string shares_section(const std::vector<const LevelFacts*>& levels, bool is_own_stack) {
  const auto level = std::find_if(levels.rbegin(), levels.rend(), [](const LevelFacts* each) { return each->evidence.has_value(); });
  if (level == levels.rend() || !((*level)->evidence->cores > 0)) return "";
  const LevelRecord& record = (*level)->record;
  const Evidence& e = *(*level)->evidence;
  const double per_s = record.requests_per_s + record.events_per_s;
  std::string out =
      fmt::format("Who had the {:g} cores at {}:\n\n| part | cores | of the machine | ms of CPU each |{}\n|---|---|---|---|{}\n", e.cores,
                  level_title(record.level.load), is_own_stack ? " least cores |" : "", is_own_stack ? "---|" : "");
  const auto row = [&](const std::string& part, double cores, bool is_a_part) {
    out += fmt::format("| {} | {:.2f} | {:.0f} % | {} |", part, cores, cores / e.cores * 100,
                       is_a_part && per_s > 0 ? fmt::format("{:.3f}", cores / per_s * 1000) : "");
    const auto* floor = std::ranges::find(kFloors, part, [](const Floor& each) { return std::string(each.part); });
    if (is_own_stack)
      out += floor == std::end(kFloors)
                 ? " |"
                 : fmt::format(" {:.2f} |", (floor->per_request * record.requests_per_s + floor->per_event * record.events_per_s) / 1000);
    out += "\n";
  };
  for (const auto& [name, process] : e.processes) row(name, process.cpu_cores, true);
  row("other programs", e.strangers_cores, false);
  row("idle", e.idle_cores, false);
  return out + (is_own_stack ? "\nThe least is what wrk, h2load, simdjson and pgbench need for the same bytes and rows on another machine: "
                               "`bench/run floors` measures it on this one.\n\n"
                             : "\n");
}

std::string conservative(const LoadLevel& load) {
  std::string out;
  if (load.requests_per_s > 0) out = fmt::format("{:.0f} RPS", load.requests_per_s * kConservative);
  if (load.events_per_s > 0) out += fmt::format("{}{:.0f} EPS", out.empty() ? "" : " + ", load.events_per_s * kConservative);
  return out;
}

/// Where all levels held, nothing was the limit; what came nearest to its own is worth a word.
std::string bottleneck_text(const Diagnosis& diagnosis) {
  const std::string cause = to_text(diagnosis.cause.bottleneck);
  if (!diagnosis.held) return cause;
  return diagnosis.cause.bottleneck == Bottleneck::unclear ? "none reached" : "none reached; nearest to its limit: " + cause;
}

std::string diagnosis_text(const CampaignFacts& facts, int scenario) {
  const auto found = facts.diagnoses.find(scenario);
  if (found == facts.diagnoses.end()) return fmt::format("**Bottleneck:** {}.\n\n", kNotMeasured);
  const Diagnosis& d = found->second;
  std::string out = fmt::format("**Bottleneck:** {}.\n\n", bottleneck_text(d));
  for (const auto& line : d.cause.evidence) out += "- " + line + "\n";
  for (const auto& line : d.moved) out += "- moved: " + line + "\n";
  return out + "\n";
}

/// Throws json::exception where `in` is no result of `gauntlet limit`.
std::string limit_row(const json& in) {
  const auto script = in.at("script").get<std::string>(), variable = in.at("variable").get<std::string>();
  if (!in.contains("interval")) return fmt::format("| {} | {} | no answer: {} | | |\n", script, variable, in.value("refused", ""));
  const bool above = in.value("above_range", false), below = in.value("below_range", false);
  const json confirmed = in.value("confirmed", json());
  return fmt::format("| {} | {} | {} | {:.0f} to {:.0f} | {} |\n", script, variable,
                     above   ? fmt::format("at least {:.0f}", in.at("range").at(1).get<double>())
                     : below ? fmt::format("less than {:.0f}", in.at("range").at(0).get<double>())
                             : fmt::format("{:.0f}", in.value("median", 0.0)),
                     in.at("interval").at(0).get<double>(), in.at("interval").at(1).get<double>(),
                     confirmed.is_number() ? fmt::format("{:.0f}", confirmed.get<double>()) : "not confirmed");
}

/// Throws json::exception where `in` is no result of `gauntlet ab`.
std::string comparison_rows(const json& in) {
  std::string out;
  for (const json& row : in.at("measures"))
    out += fmt::format("| `{}` | {} | {} | {:.4g} | {:.4g} | {:+.1f} % ({:+.1f} to {:+.1f}) | {} |\n", in.value("change", ""),
                       in.value("script", ""), row.value("name", ""), row.value("before", 0.0), row.value("after", 0.0),
                       row.value("difference", 0.0) * 100, row.value("lower", 0.0) * 100, row.value("upper", 0.0) * 100,
                       row.value("judgement", ""));
  return out;
}

std::string limit_section(const CampaignFacts& facts) {
  std::string out = "## Limits by search\n\n";
  if (facts.limits.empty())
    return out + fmt::format("{}; `gauntlet limit test/k6/scenario1_api_load.js --over TARGET_RPS=50..5000` does.\n\n", kNotMeasured);
  out += "| script | variable | holds | 95 % interval | confirmed at |\n|---|---|---|---|---|\n";
  for (const auto& text : facts.limits) {
    try {
      out += limit_row(json::parse(text));
    } catch (const json::exception&) {
      out += "| a file in test/results/limit is no result of `gauntlet limit` | | | | |\n";
    }
  }
  return out + "\n";
}

std::string database_section(const CampaignFacts& facts) {
  std::string out = "### Database, flushes and pool\n\n";
  const Evidence* e = nullptr;
  for (const auto* level : facts.of_scenario(4))
    if (level->evidence) e = &*level->evidence;
  if (e == nullptr) return out + fmt::format("{}.\n\n", kNotMeasured);
  out += "| | |\n|---|---|\n";
  out += fmt::format(
      "| commits | {:.0f}/s |\n| cache hit ratio | {:.2f} % |\n| updates that were HOT | {:.1f} % |\n| write-ahead log "
      "| {:.2f} MB/s |\n",
      e->commits_per_s, e->cache_hit_share * 100, e->hot_share * 100, e->wal_bytes_per_s / 1e6);
  out += fmt::format("| flush | {:.2f} ms for {:.1f} events; the first of them waited {:.2f} ms |\n", e->flush_ms, e->flush_events,
                     e->flush_wait_ms);
  for (const auto& [application, sessions] : e->clients)
    if (application.starts_with("challenge-"))
      out += fmt::format("| connections of {} | {:.1f}, {:.2f} busy |\n", application, sessions.first, sessions.second);
  if (!e->top_statement.empty())
    out += fmt::format("| statement with most time | {:.3f} ms: `{}` |\n", e->top_statement_ms, in_table(e->top_statement.substr(0, 160)));
  std::vector<std::pair<double, std::string>> waits;
  for (const auto& [wait, sessions] : e->waits) waits.emplace_back(sessions, wait.first + ":" + wait.second);
  std::sort(waits.rbegin(), waits.rend());
  for (std::size_t i = 0; i < std::min<std::size_t>(5, waits.size()); ++i)
    out += fmt::format("| sessions at {} | {:.2f} |\n", waits[i].second, waits[i].first);
  return out + "\nTable statistics, index use, sizes and all statements: `test/results/scenario4/query_analysis.txt`.\n\n";
}

}  // namespace

std::string environment_table(const CampaignJournal& journal) {
  std::string out = "| | |\n|---|---|\n";
  for (const auto& [name, value] : journal.environment) out += fmt::format("| {} | {} |\n", name, in_table(value));
  out += fmt::format("| campaign | `--{}`, begun {} |\n", to_text(journal.size), date(journal.started_s));
  return out + "\n" + whose_machine(journal) + "\n\n";
}

std::string whose_machine(const CampaignJournal& journal) {
  if (const auto target = journal.environment.find("target"); target != journal.environment.end())
    return "The machine above is the generator's; the system under test is target `" + target->second +
           "` of gauntlet.toml, of whose parts only those are shown that its profile lets be watched.";
  return "Generator, services and database shared this machine: work per CPU-second carries over to another one, "
         "absolute limits do not.";
}

std::string scenario_heading(int scenario) { return fmt::format("Scenario {}: {}", scenario, kScenarios[scenario]); }

std::optional<double> bytes_per_row(const CampaignFacts& facts) {
  const auto found = facts.journal.environment.find("bytes_per_row");
  if (found == facts.journal.environment.end()) return std::nullopt;
  return std::strtod(found->second.c_str(), nullptr);
}

std::string baseline_document(const CampaignFacts& facts) {
  std::string out = std::string("# Performance baseline\n\n") + kGenerated + environment_table(facts.journal);
  out +=
      "## Summary\n\n| scenario | highest level that held (maximum recommended) | conservative (70 % of it) | first "
      "level that failed | bottleneck |\n|---|---|---|---|---|\n";
  for (int scenario = 1; scenario <= 5; ++scenario) {
    const auto* held = facts.journal.highest_held(scenario);
    const auto* failed = facts.journal.first_failed(scenario);
    const auto diagnosis = facts.diagnoses.find(scenario);
    const bool ran = held != nullptr || failed != nullptr;
    out += fmt::format("| {} {} | {} | {} | {} | {} |\n", scenario, kScenarios[scenario],
                       held  ? level_title(held->level.load)
                       : ran ? "none"
                             : kNotMeasured,
                       held  ? conservative(held->level.load)
                       : ran ? "none"
                             : kNotMeasured,
                       failed ? level_title(failed->level.load) + ": " + failed->reason
                       : ran  ? "none of the levels"
                              : kNotMeasured,
                       diagnosis == facts.diagnoses.end() ? kNotMeasured : bottleneck_text(diagnosis->second));
  }
  out += "\n" + limit_section(facts);
  for (int scenario = 1; scenario <= 5; ++scenario) {
    const auto levels = facts.of_scenario(scenario);
    out += fmt::format("## {}\n\n", scenario_heading(scenario));
    if (levels.empty()) {
      out += fmt::format("{}.\n\n", kNotMeasured);
      continue;
    }
    if (scenario == 3) out += "Latency is that of requests; errors are those of requests / events.\n\n";
    out += level_table(levels, scenario != 1) + shares_section(levels, !facts.journal.environment.contains("target")) +
           diagnosis_text(facts, scenario);
    if (scenario == 3) {
      out += "### Profiles\n\n";
      if (facts.profile_tops.empty()) out += fmt::format("{}.\n\n", kNotMeasured);
      for (const auto& [title, top] : facts.profile_tops) out += fmt::format("{}:\n\n```\n{}```\n\n", title, top);
    }
    if (scenario == 4) out += database_section(facts);
    if (scenario == 5) {
      out += "### From an event to the API\n\n";
      if (facts.visibility) {
        const auto& v = *facts.visibility;
        out += fmt::format(
            "{:.0f} tagged events, from sending to the first answer of the API that shows them: p50 {} ms, p95 {} ms, "
            "p99 {} ms, longest {} ms. Resolution: the truth lies up to {} ms below (p95).\n\n",
            v.events, ms(v.p50_ms), ms(v.p95_ms), ms(v.p99_ms), ms(v.max_ms), ms(v.resolution_p95_ms));
      } else {
        out += fmt::format("{}.\n\n", kNotMeasured);
      }
    }
  }
  return out;
}

std::string plan_text(const CapacityModel& model, const PlayerBehaviour& p, const CapacityPlan& plan) {
  std::string out = fmt::format(
      "assumed   {:.0f} players a day, each {:g} requests and {:g} events; the busiest hour has {:g} times the mean; "
      "headroom {:g}x\n"
      "peak      {:.1f} requests/s and {:.1f} events/s\n"
      "needs     {} replicas of challenge-service and {} of challenge-event-handler (1 core each), {:.0f} database "
      "cores,\n"
      "          {} database connections, ",
      p.daily_players, p.requests_per_player, p.events_per_player, p.peak_factor, p.headroom, plan.peak_requests_per_s,
      plan.peak_events_per_s, plan.service_replicas, plan.handler_replicas, plan.database_cores, plan.connections);
  out += plan.database_gb ? fmt::format("{:.1f} GB of progress rows ({:g} goals a player)\n", *plan.database_gb, p.goals_per_player)
                          : std::string("database size not known: a row's size was not measured\n");
  out += fmt::format(
      "model     linear in requests and events, from {} levels that held; off by {:.0f} % at most where it was "
      "measured\n",
      model.points, model.worst_error * 100);
  if (model.worst_error > kPoorFit) out += "          it fits badly: measure again on a quieter machine before planning with it\n";
  if (plan.extrapolation > 1)
    out += fmt::format("          the peak with headroom is {:.1f} times the highest level measured: this is extrapolated\n",
                       plan.extrapolation);
  return out;
}

std::string capacity_document(const CampaignFacts& facts) {
  std::string out = std::string("# Capacity planning\n\n") + kGenerated + environment_table(facts.journal);
  if (!facts.model)
    return out +
           "No plan: too few levels held with monitors to fit a model (scenarios 1 and 2 are needed). Nothing here is "
           "guessed.\n";
  const CapacityModel& m = *facts.model;
  out +=
      "## The model\n\nCores used, linear in requests and events per second, fitted to the levels that held:\n\n| part "
      "| at rest | per 1,000 requests/s | per 1,000 events/s |\n|---|---|---|---|\n";
  for (const auto& [name, cost] : {std::pair("challenge-service", m.service), std::pair("challenge-event-handler", m.handler),
                                   std::pair("PostgreSQL", m.database), std::pair("busy connections", m.connections)})
    out += fmt::format("| {} | {:.3f} | {:.2f} | {:.2f} |\n", name, cost.base, cost.per_request * 1000, cost.per_event * 1000);
  out += fmt::format(
      "\nFrom {} levels; total cores deviate by {:.0f} % at most. Valid up to {:.0f} requests/s and {:.0f} events/s; "
      "beyond, lines say how far they are extrapolated.\n\n",
      m.points, m.worst_error * 100, m.most_requests_per_s, m.most_events_per_s);
  if (m.worst_error > kPoorFit) out += "**The model fits badly: measure again on a quieter machine before planning with it.**\n\n";
  const PlayerBehaviour base;
  out += fmt::format(
      "## Players\n\nAssumed, not measured: {:g} requests and {:g} events a player a day, a busiest hour of {:g} times "
      "the mean, headroom {:g}x, {:g} goals a player. Replicas have one core; cores are filled to 70 %.\n\n",
      base.requests_per_player, base.events_per_player, base.peak_factor, base.headroom, base.goals_per_player);
  out +=
      "| players a day | peak requests/s | peak events/s | service replicas | handler replicas | database cores | "
      "connections | progress rows | extrapolated |\n|---|---|---|---|---|---|---|---|---|\n";
  for (const double players : {1e4, 1e5, 1e6, 1e7}) {
    PlayerBehaviour p;
    p.daily_players = players;
    const auto plan = plan_capacity(m, p, bytes_per_row(facts));
    out += fmt::format("| {:.0f} | {:.1f} | {:.1f} | {} | {} | {:.0f} | {} | {} | {} |\n", players, plan.peak_requests_per_s,
                       plan.peak_events_per_s, plan.service_replicas, plan.handler_replicas, plan.database_cores, plan.connections,
                       plan.database_gb ? fmt::format("{:.1f} GB", *plan.database_gb) : kNotMeasured,
                       plan.extrapolation > 1 ? fmt::format("{:.1f}x", plan.extrapolation) : "no");
  }
  return out + "\nOther assumptions: `gauntlet plan --dau 250000 --requests 30 --events 100 --peak 4 --headroom 2x`.\n";
}

std::string tuning_document(const CampaignFacts& facts) {
  std::string out = std::string("# Performance tuning\n\n") + kGenerated + environment_table(facts.journal);
  out += "## What was tried\n\n";
  if (facts.comparisons.empty())
    out +=
        "Nothing yet. `gauntlet ab --change \"DB_MAX_OPEN_CONNS=50\" test/k6/scenario1_api_load.js -e TARGET_RPS=500` "
        "runs a pair and judges it.\n\n";
  else
    out +=
        "| change | script | measure | before | after | difference, 95 % interval | judgement "
        "|\n|---|---|---|---|---|---|---|\n";
  for (const auto& text : facts.comparisons) {
    try {
      out += comparison_rows(json::parse(text));
    } catch (const json::exception&) {
      out += "| a file in test/results/ab is no result of `gauntlet ab` | | | | | | |\n";
    }
  }
  out += "\n## What the evidence suggests\n\n";
  bool any = false;
  for (const auto& [scenario, diagnosis] : facts.diagnoses) {
    if (diagnosis.held) continue;
    any = true;
    out += fmt::format("Scenario {} ({}), {}:\n\n", scenario, kScenarios[scenario], to_text(diagnosis.cause.bottleneck));
    for (const auto& line : diagnosis.cause.advice) out += "- " + line + "\n";
    out += "\n";
  }
  if (!any) out += "No scenario of this campaign reached its limit, so that there is nothing to suggest.\n";
  return out;
}

std::string specification_document() {
  std::string out = std::string("# Load test specification (M2)\n\n") + kGenerated;
  out +=
      "## Objectives\n\n- Find the highest request and event rates that the challenge backend sustains, alone and "
      "together, within given resources.\n- Say what limits it there, with evidence, and what to change.\n"
      "- Measure the way from an event to its visibility in the API.\n- Give figures to plan capacity with.\n\n## "
      "Method\n\n`gauntlet campaign` runs five scenarios. Before each level the database is emptied and seeded anew "
      "(10,000 players unless "
      "fixtures say otherwise), and the system is left alone until it is at rest (60 s at most). Load arrives at a "
      "constant rate whatever the system answers; latency is also taken from the moment that an iteration was due. A "
      "scenario ends at its first level "
      "that fails.\n\n| scenario | script | levels |\n|---|---|---|\n";
  for (int scenario = 1; scenario <= 5; ++scenario) {
    std::string levels, script;
    for (const auto& level : campaign_levels(CampaignSize::full, scenario)) {
      levels += (levels.empty() ? "" : ", ") + level_title(level.load);
      script = script_file(level);
    }
    if (scenario == 5) script += " with scenario5_visibility.js beside it";
    out += fmt::format("| {} {} | {} | {} |\n", scenario, kScenarios[scenario], script, levels);
  }
  out +=
      "\nEach level takes 20 s (`--quick`), 2 minutes (`--standard`) or 30 minutes (`--full`; scenario 5: 5 minutes). "
      "Monitors record processes, pressure, PostgreSQL (sessions ten times a second), Redis and both services once a "
      "second; scenario 3 takes CPU, heap "
      "and goroutine profiles of both services.\n\n`gauntlet limit` searches the limit itself: trials of 15 s, warm-up "
      "cut off by MSER, autocorrelation honoured by batch means, probabilistic bisection, a 95 % interval, a "
      "confirming run of twice the length.\n\n"
      "## Criteria\n\nA level holds when all of these do:\n\n| | |\n|---|---|\n| requests | p95 below 2 s, fewer than "
      "1 % failed |\n| events | p95 below 500 ms, more than 99 % acknowledged (their effect committed) |\n| load | at "
      "least 98 % of the target rate was applied |\n\n"
      "No limit is claimed where the generator itself was the limit.\n";
  return out;
}

std::string report_json(const CampaignFacts& facts) {
  json levels = json::array();
  for (const auto& level : facts.levels) {
    const LevelRecord& r = level.record;
    json row{{"scenario", r.level.scenario},
             {"level", level_name(r.level.load)},
             {"state", r.state == LevelRecord::State::held     ? "held"
                       : r.state == LevelRecord::State::failed ? "failed"
                                                               : "skipped"},
             {"reason", r.reason}};
    if (const auto* latency = latency_of(level))
      row["latency_ms"] = {{"p50", latency->p50_ms}, {"p95", latency->p95_ms}, {"p99", latency->p99_ms}};
    if (r.state != LevelRecord::State::skipped) row["achieved"] = {{"requests_per_s", r.requests_per_s}, {"events_per_s", r.events_per_s}};
    if (level.evidence) {
      json cores;
      for (const auto& [name, p] : level.evidence->processes) cores[name] = p.cpu_cores;
      row["cores"] = cores;
    }
    levels.push_back(row);
  }
  json diagnoses = json::object(), limits = json::array();
  for (const auto& [scenario, diagnosis] : facts.diagnoses) diagnoses[std::to_string(scenario)] = json::parse(to_json(diagnosis));
  for (const auto& limit : facts.limits) limits.push_back(json::parse(limit));
  json out{{"environment", facts.journal.environment},
           {"size", to_text(facts.journal.size)},
           {"levels", levels},
           {"verdicts", diagnoses},
           {"limits", limits}};
  out["event_to_visibility_ms"] = facts.visibility ? json{{"p50", facts.visibility->p50_ms},
                                                          {"p95", facts.visibility->p95_ms},
                                                          {"p99", facts.visibility->p99_ms},
                                                          {"resolution", facts.visibility->resolution_p95_ms}}
                                                   : json(nullptr);
  return base::json_text(out, 2) + "\n";
}

std::string report_junit(const CampaignFacts& facts) {
  int failures = 0, skipped = 0;
  std::string cases;
  for (const auto& level : facts.levels) {
    const LevelRecord& r = level.record;
    cases += fmt::format("  <testcase classname=\"scenario{}\" name=\"{}\" time=\"{:.1f}\"", r.level.scenario,
                         escaped(level_title(r.level.load)), r.wall_s);
    if (r.state == LevelRecord::State::held) {
      cases += "/>\n";
      continue;
    }
    (r.state == LevelRecord::State::failed ? failures : skipped) += 1;
    cases += fmt::format("><{0} message=\"{1}\"/></testcase>\n", r.state == LevelRecord::State::failed ? "failure" : "skipped",
                         escaped(r.reason));
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"gauntlet campaign\" tests=\"{}\" failures=\"{}\" "
      "skipped=\"{}\">\n{}</testsuite>\n",
      facts.levels.size(), failures, skipped, cases);
}

base::Expected<std::vector<fs::path>> write_reports(const fs::path& results, const fs::path& documents) {
  auto facts = TRY(read_campaign_facts(results));
  std::error_code error;
  fs::create_directories(documents, error);
  std::vector<fs::path> files;
  const std::string baseline = baseline_document(facts);
  for (const auto& [file, content] :
       {std::pair(documents / "PERFORMANCE_BASELINE.md", baseline), std::pair(documents / "CAPACITY_PLANNING.md", capacity_document(facts)),
        std::pair(documents / "PERFORMANCE_TUNING.md", tuning_document(facts)),
        std::pair(documents / "TECH_SPEC_M2.md", specification_document()), std::pair(results / "report.md", baseline),
        std::pair(results / "report.html", report_html(facts)), std::pair(results / "report.json", report_json(facts)),
        std::pair(results / "report.xml", report_junit(facts))}) {
    TRY(write_file_atomically(file, content));
    files.push_back(file);
  }
  return files;
}

}  // namespace gauntlet::lab
