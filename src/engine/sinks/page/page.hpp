#pragma once
// The page of web/, built into the program: one HTML document with its script and style inside.
#include <string>
#include <string_view>

namespace gauntlet::engine::dashboard {

/// The document as the server gives it; it asks /events for its data.
std::string_view page_html();

/// The same with `data` (History::document()) inside: the report, which needs no server.
std::string report_html(std::string_view data);

}  // namespace gauntlet::engine::dashboard
