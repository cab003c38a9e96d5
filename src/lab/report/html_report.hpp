#pragma once
// The campaign's report as one HTML file that needs nothing else: summary, charts, the documents' text, flame graphs.
#include <string>

#include "lab/report/campaign_facts.hpp"

namespace gauntlet::lab {

/// Says what the Markdown documents say (it is made of them), with charts by level, and with the flame graphs and the
/// database's analysis that lie in facts.results. Reads well on paper, on a phone, in light and dark.
std::string report_html(const CampaignFacts& facts);

/// GitHub's Markdown as HTML: headings one level down, so that a document can be a part of a page; tables that are wide
/// scroll by themselves.
std::string html_of_markdown(const std::string& markdown);

}  // namespace gauntlet::lab
