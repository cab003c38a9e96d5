#pragma once
// The frame of the lab's HTML reports: one file that needs nothing else.
#include <string>

namespace gauntlet::lab {

/// `title` is text; `lead` and `body` are HTML. Its style is for screens of any width, light and dark, and for paper;
/// charts find their colours in the CSS variables --line-1 to --line-8, --good and --bad.
std::string html_page(const std::string& title, const std::string& lead, const std::string& body);

}  // namespace gauntlet::lab
