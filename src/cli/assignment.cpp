#include "cli/assignment.hpp"

namespace gauntlet::cli {

base::Expected<std::pair<std::string, std::string>> read_assignment(const std::string& flag, const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    return base::fail(base::ErrorKind::invalid_argument, flag + " " + text + ": write it as NAME=VALUE");
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

base::Expected<std::map<std::string, std::string>> read_assignments(const std::string& flag, const std::vector<std::string>& texts) {
  std::map<std::string, std::string> values;
  for (const auto& text : texts) {
    auto assignment = TRY(read_assignment(flag, text));
    values[assignment.first] = std::move(assignment.second);
  }
  return values;
}

}  // namespace gauntlet::cli
