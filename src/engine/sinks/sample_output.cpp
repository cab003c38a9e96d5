#include "engine/sinks/sample_output.hpp"

#include <fmt/format.h>

#include "base/parse.hpp"
#include "base/text.hpp"

namespace gauntlet::engine::sinks {

std::string text_of(const Variables& variable, const char* name) {
  const char* text = variable(name);
  return text == nullptr ? std::string() : std::string(text);
}

base::Expected<bool> switch_of(const Variables& variable, const char* name, bool otherwise) {
  const std::string text = text_of(variable, name);
  if (text.empty()) return otherwise;
  auto value = base::parse_bool(text);
  if (!value) return tl::unexpected(std::move(value.error()).in(name));
  return *value;
}

base::Expected<std::chrono::nanoseconds> interval_of(const Variables& variable, const char* name, std::chrono::nanoseconds otherwise) {
  const std::string text = text_of(variable, name);
  if (text.empty()) return otherwise;
  auto value = base::parse_duration(text);
  if (!value) return tl::unexpected(std::move(value.error()).in(name));
  if (value->count() <= 0)
    return base::fail(base::ErrorKind::invalid_argument, fmt::format("{}: \"{}\" is not longer than nothing", name, text));
  return *value;
}

std::vector<std::string> list_of(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view part = base::trimmed(text.substr(0, comma), " ");
    if (!part.empty()) parts.emplace_back(part);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return parts;
}

}  // namespace gauntlet::engine::sinks
