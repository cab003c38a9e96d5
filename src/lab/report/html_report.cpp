#include "lab/report/html_report.hpp"

#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "base/base64.hpp"
#include "base/whole_file.hpp"
#include "lab/markup.hpp"
#include "lab/report/documents.hpp"
#include "lab/report/html_page.hpp"
#include "lab/report/level_chart.hpp"
#include "lab/stack/component.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;

/// Of a document: from the heading `from` up to the next one of its rank, without the heading itself.
std::string part_of(const std::string& document, const std::string& from) {
  const auto at = document.find("\n" + from + "\n");
  if (at == std::string::npos) return "";
  const auto begin = at + from.size() + 2;
  const auto end = document.find("\n## ", begin);
  return document.substr(begin, end == std::string::npos ? end : end - begin);
}

/// Without the title, the remark on where it is from, and the environment that the page shows once.
std::string body_of(const std::string& document, const std::string& environment) {
  const auto at = document.find(environment);
  return at == std::string::npos ? document : document.substr(at + environment.size());
}

std::optional<double> cores_of(const LevelFacts& level, const char* process) {
  if (!level.evidence || !level.evidence->processes.contains(process)) return std::nullopt;
  return level.evidence->process_cores(process);
}

std::string charts_of(const CampaignFacts& facts, int scenario) {
  std::vector<std::string> names;
  ChartSeries p50{"p50", {}}, p95{"p95", {}}, p99{"p99", {}}, events95{"p95 of events", {}};
  ChartSeries wanted{"target", {}}, reached{"reached", {}};
  ChartSeries service{"service", {}}, handler{"handler", {}}, database{"database", {}}, generator{"generator", {}},
      others{"other programs", {}};
  for (const auto* level : facts.of_scenario(scenario)) {
    const LevelRecord& r = level->record;
    if (r.state == LevelRecord::State::skipped) continue;
    std::string name;
    if (r.level.load.requests_per_s > 0) name = fmt::format("{}", r.level.load.requests_per_s);
    if (r.level.load.events_per_s > 0) name += fmt::format("{}{}", name.empty() ? "" : "+", r.level.load.events_per_s);
    names.push_back(name);
    wanted.values.push_back(r.level.load.requests_per_s + r.level.load.events_per_s);
    reached.values.push_back(r.requests_per_s + r.events_per_s);
    const auto requests = level->summary ? level->summary->request_time : std::nullopt;
    const auto calls = level->summary ? level->summary->call_time : std::nullopt;
    const auto time = requests ? requests : calls;
    p50.values.push_back(time ? std::optional(time->p50_ms) : std::nullopt);
    p95.values.push_back(time ? std::optional(time->p95_ms) : std::nullopt);
    p99.values.push_back(time ? std::optional(time->p99_ms) : std::nullopt);
    if (requests && calls) events95.values.push_back(calls->p95_ms);
    service.values.push_back(cores_of(*level, kService));
    handler.values.push_back(cores_of(*level, kEventHandler));
    database.values.push_back(cores_of(*level, kPostgres));
    generator.values.push_back(cores_of(*level, "generator"));
    others.values.push_back(level->evidence ? std::optional(level->evidence->strangers_cores) : std::nullopt);
  }
  if (names.size() < 2) return "";
  std::vector<ChartSeries> times{p50, p95, p99};
  if (events95.values.size() == names.size()) times.push_back(events95);
  return "<div class=\"charts\">\n" + level_chart("Latency", "ms", names, times) + level_chart("Load", "/s", names, {wanted, reached}) +
         level_chart("CPU", "cores", names, {service, handler, database, generator, others}) + "</div>\n";
}

/// As images: each is a drawing of its own, whose scripts and styles must not reach the page.
std::string flame_graphs(const CampaignFacts& facts) {
  std::string out;
  for (const auto& [title, top] : facts.profile_tops) {
    if (!title.starts_with("CPU")) continue;
    const std::string level = title.substr(title.rfind(' ') + 1);
    const char* prefix = title.find(kEventHandler) == std::string::npos ? "" : "event-handler_";
    if (const auto svg = base::read_file(facts.results / "scenario3" / fmt::format("{}cpu_{}.svg", prefix, level)))
      out += fmt::format(
          "<details><summary>Flame graph: {0}</summary><img class=\"flame\" alt=\"{0}: the functions are listed under "
          "Scenario 3\" src=\"data:image/svg+xml;base64,{1}\"></details>\n",
          escaped(title), base::encode_base64(*svg));
  }
  if (const auto analysis = base::read_file(facts.results / "scenario4/query_analysis.txt"))
    out += fmt::format(
        "<details><summary>The database's own account (scenario4/query_analysis.txt)</summary><pre "
        "tabindex=\"0\">{}</pre></details>\n",
        escaped(*analysis));
  return out;
}

std::string section(const std::string& id, const std::string& title, const std::string& html) {
  return fmt::format("<section id=\"{}\"><h2>{}</h2>\n{}</section>\n", id, escaped(title), html);
}

}  // namespace

std::string html_of_markdown(const std::string& markdown, int levels_down) {
  static const bool registered = (cmark_gfm_core_extensions_ensure_registered(), true);
  static_cast<void>(registered);
  const std::unique_ptr<cmark_parser, void (*)(cmark_parser*)> parser(cmark_parser_new(CMARK_OPT_DEFAULT), &cmark_parser_free);
  cmark_parser_attach_syntax_extension(parser.get(), cmark_find_syntax_extension("table"));
  cmark_parser_feed(parser.get(), markdown.data(), markdown.size());
  const std::unique_ptr<cmark_node, void (*)(cmark_node*)> document(cmark_parser_finish(parser.get()), &cmark_node_free);
  for (cmark_node* node = cmark_node_first_child(document.get()); node != nullptr; node = cmark_node_next(node))
    if (cmark_node_get_type(node) == CMARK_NODE_HEADING)
      cmark_node_set_heading_level(node, std::min(6, cmark_node_get_heading_level(node) + levels_down));
  const std::unique_ptr<char, void (*)(void*)> text(
      cmark_render_html(document.get(), CMARK_OPT_DEFAULT, cmark_parser_get_syntax_extensions(parser.get())), &std::free);
  std::string html = text.get();
  for (const auto& [from, to] : {std::pair<std::string, std::string>{"<table>", "<div class=\"table\" tabindex=\"0\"><table>"},
                                 std::pair<std::string, std::string>{"</table>", "</table></div>"},
                                 std::pair<std::string, std::string>{"<pre>", "<pre tabindex=\"0\">"}})
    for (auto at = html.find(from); at != std::string::npos; at = html.find(from, at + to.size())) html.replace(at, from.size(), to);
  return html;
}

std::string report_html(const CampaignFacts& facts) {
  const std::string baseline = baseline_document(facts), environment = environment_table(facts.journal);
  std::string body = section("summary", "Summary", html_of_markdown(part_of(baseline, "## Summary"), 0));
  body += section("limits", "Limits by search", html_of_markdown(part_of(baseline, "## Limits by search"), 0));
  std::string contents = "<a href=\"#summary\">Summary</a> <a href=\"#limits\">Limits</a> ";
  for (int scenario = 1; scenario <= 5; ++scenario) {
    const std::string heading = scenario_heading(scenario);
    body += section(fmt::format("scenario{}", scenario), heading,
                    charts_of(facts, scenario) + html_of_markdown(part_of(baseline, "## " + heading), 0));
    contents += fmt::format("<a href=\"#scenario{0}\">Scenario {0}</a> ", scenario);
  }
  body += flame_graphs(facts);
  body += section("capacity", "Capacity planning", html_of_markdown(body_of(capacity_document(facts), environment), 1));
  body += section("tuning", "Performance tuning", html_of_markdown(body_of(tuning_document(facts), environment), 1));
  body += section("environment", "Environment", html_of_markdown(environment, 1));
  contents += "<a href=\"#capacity\">Capacity</a> <a href=\"#tuning\">Tuning</a> <a href=\"#environment\">Environment</a>";
  return html_page("Load test report",
                   fmt::format("Challenge backend, campaign of size {}, {} levels. {}", to_text(facts.journal.size), facts.levels.size(),
                               escaped(whose_machine(facts.journal))),
                   fmt::format("<nav aria-label=\"Contents\">{}</nav>\n{}", contents, body));
}

}  // namespace gauntlet::lab
