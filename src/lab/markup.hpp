#pragma once
// Text inside HTML, SVG and XML.
#include <string>

namespace gauntlet::lab {

/// With <, >, & and " as entities: fit for an element's text and for an attribute in double quotes.
std::string escaped(const std::string& text);

}  // namespace gauntlet::lab
