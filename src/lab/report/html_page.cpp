#include "lab/report/html_page.hpp"

#include <fmt/format.h>

#include "lab/markup.hpp"

namespace gauntlet::lab {
namespace {

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

}  // namespace

std::string html_page(const std::string& title, const std::string& lead, const std::string& body) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\"><title>{0}</title><link rel=\"icon\" href=\"data:,\">"
      "<style>{1}</style></head><body><main>\n<h1>{0}</h1>\n<p class=\"lead\">{2}</p>\n{3}</main></body></html>\n",
      escaped(title), kStyle, lead, body);
}

}  // namespace gauntlet::lab
