#pragma once
// The campaign's report as one HTML file that needs nothing else: summary, charts, the documents' text, flame graphs.
#include <string>

#include "lab/report/campaign_facts.hpp"

namespace gauntlet::lab {

/// Says what the Markdown documents say (it is made of them), with charts by level, and with the flame graphs and the
/// database's analysis that lie in facts.results. Reads well on paper, on a phone, in light and dark.
std::string report_html(const CampaignFacts& facts);

/// GitHub's Markdown as HTML: headings so many levels down, so that a document can be a part of a page (none for what
/// stood below a second-rank heading and does so again); tables that are wide scroll by themselves.
std::string html_of_markdown(const std::string& markdown, int levels_down);

}  // namespace gauntlet::lab
