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
#include "lab/report/level_chart.hpp"
#include "lab/stack/component.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --page: #f5f7f9; --card: #fff; --line: #dde3e8; --text: #16202a; --soft: #566573; --good: #11703f; --bad: #b3261e;
  --line-1: #1d6fd1; --line-2: #0d8a7f; --line-3: #7a58c9; --line-4: #c27803; --line-5: #d1343f; --line-6: #b5469a; --line-7: #4b7f1c; --line-8: #7b8a97; }
@media screen and (prefers-color-scheme: dark) { :root { --page: #0e1419; --card: #161e25; --line: #27323c; --text: #e8eef3; --soft: #9aabb9; --good: #5bd693; --bad: #ff8a80;
  --line-1: #5aa9ff; --line-2: #2dd4bf; --line-3: #b197fc; --line-4: #f6ad3c; --line-5: #ff6b6b; --line-6: #f08ad0; --line-7: #9bd15a; --line-8: #8b9aa7; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 14px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 1240px; margin: 0 auto; padding: 20px; }
h1 { font-size: 24px; margin: 8px 0 2px; } h2 { font-size: 19px; margin: 0 0 10px; } h3 { font-size: 16px; margin: 18px 0 6px; } h4 { font-size: 14px; margin: 16px 0 6px; }
.lead { color: var(--soft); margin: 0 0 16px; }
nav { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 0 0 16px; } a { color: var(--line-1); }
section, details { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 16px 20px; margin: 0 0 16px; }
summary { font-weight: 650; cursor: pointer; overflow-wrap: anywhere; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 430px), 1fr)); gap: 14px; margin: 10px 0; }
svg.chart { width: 100%; height: auto; } svg.chart text { fill: var(--soft); font-size: 11.5px; } svg.chart .name { fill: var(--text); font-weight: 650; font-size: 13px; }
svg.chart .grid { stroke: var(--line); } svg.chart path { stroke-width: 2; }
.table { overflow-x: auto; margin: 8px 0 14px; } table { border-collapse: collapse; font-size: 13px; }
th, td { text-align: left; padding: 4px 10px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; } th { color: var(--soft); font-weight: 600; }
table:not(:has(thead th:not(:empty))) thead { display: none; }
code, pre { font: 12px/1.45 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; } pre { overflow-x: auto; overflow-wrap: normal; margin: 8px 0; }
img.flame { display: block; width: 100%; background: #fff; margin-top: 10px; border-radius: 6px; }
@media print { :root { color-scheme: light; --page: #fff; --text: #000; --soft: #444; } body { font-size: 11px; } main { max-width: none; padding: 0; } nav { display: none; }
  section, details { border: 0; padding: 0 0 8px; } details::details-content { content-visibility: visible; display: block; } .charts { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
  .table { overflow: visible; } table { font-size: 8px; } th, td { padding-right: 5px; overflow-wrap: break-word; } h1 { font-size: 18px; } h2 { font-size: 15px; } h3 { font-size: 12px; } pre { white-space: pre-wrap; overflow-wrap: anywhere; overflow: visible; font-size: 8px; }
  svg, tr, img { break-inside: avoid; } h2, h3, h4 { break-after: avoid; } })";

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
  return "<div class=\"charts\">\n" + level_chart("Latency", "ms", names, times) +
         level_chart("Load", "/s", names, {wanted, reached}) +
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
  const std::unique_ptr<cmark_parser, void (*)(cmark_parser*)> parser(cmark_parser_new(CMARK_OPT_DEFAULT),
                                                                      &cmark_parser_free);
  cmark_parser_attach_syntax_extension(parser.get(), cmark_find_syntax_extension("table"));
  cmark_parser_feed(parser.get(), markdown.data(), markdown.size());
  const std::unique_ptr<cmark_node, void (*)(cmark_node*)> document(cmark_parser_finish(parser.get()),
                                                                    &cmark_node_free);
  for (cmark_node* node = cmark_node_first_child(document.get()); node != nullptr; node = cmark_node_next(node))
    if (cmark_node_get_type(node) == CMARK_NODE_HEADING)
      cmark_node_set_heading_level(node, std::min(6, cmark_node_get_heading_level(node) + levels_down));
  const std::unique_ptr<char, void (*)(void*)> text(
      cmark_render_html(document.get(), CMARK_OPT_DEFAULT, cmark_parser_get_syntax_extensions(parser.get())),
      &std::free);
  std::string html = text.get();
  for (const auto& [from, to] :
       {std::pair<std::string, std::string>{"<table>", "<div class=\"table\" tabindex=\"0\"><table>"},
        std::pair<std::string, std::string>{"</table>", "</table></div>"},
        std::pair<std::string, std::string>{"<pre>", "<pre tabindex=\"0\">"}})
    for (auto at = html.find(from); at != std::string::npos; at = html.find(from, at + to.size()))
      html.replace(at, from.size(), to);
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
  contents +=
      "<a href=\"#capacity\">Capacity</a> <a href=\"#tuning\">Tuning</a> <a href=\"#environment\">Environment</a>";
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\"><title>Load test report</title><link rel=\"icon\" "
      "href=\"data:,\"><style>{}</style></head><body><main>\n<h1>Load test report</h1>\n<p class=\"lead\">{}</p>\n"
      "<nav aria-label=\"Contents\">{}</nav>\n{}</main></body></html>\n",
      kStyle,
      fmt::format("Challenge backend, campaign of size {}, {} levels. {}", to_text(facts.journal.size),
                  facts.levels.size(), escaped(whose_machine(facts.journal))),
      contents, body);
}

}  // namespace gauntlet::lab
