#include "cli/shell_text.hpp"

namespace gauntlet::cli {

std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += R"('\'')";
    else out += c;
  }
  return out += "'";
}

}  // namespace gauntlet::cli
