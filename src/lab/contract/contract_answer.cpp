#include "lab/contract/contract_answer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <regex>
#include <set>

#include "base/json_document.hpp"
#include "base/rfc3339.hpp"

namespace gauntlet::lab {
namespace {

using nlohmann::json;
using std::chrono::sys_days;

std::string as_text(const json& value) { return value.is_string() ? value.get<std::string>() : base::json_text(value); }

json segment_of(const json& value, const std::string& segment) {
  if (segment == "#") return value.is_array() || value.is_object() ? json(value.size()) : json();
  if (segment == "{}") {
    json keys = json::array();
    if (value.is_object()) {
      for (const auto& [key, unused] : value.items()) keys.push_back(key);
    }
    return keys;
  }
  if (value.is_object()) return value.contains(segment) ? value[segment] : json();
  if (!value.is_array()) return {};
  if (segment.front() == '*') {
    json fields = json::array();
    for (const json& element : value) fields.push_back(segment_of(element, segment.substr(1)));
    return fields;
  }
  if (const auto equals = segment.find('='); equals != std::string::npos) {
    for (const json& element : value) {
      if (as_text(segment_of(element, segment.substr(0, equals))) == segment.substr(equals + 1)) return element;
    }
    return {};
  }
  const auto index = static_cast<std::size_t>(std::strtoul(segment.c_str(), nullptr, 10));
  return index < value.size() ? value[index] : json();
}

sys_days next_boundary(const std::string& which, std::chrono::system_clock::time_point now) {
  const sys_days today = std::chrono::floor<std::chrono::days>(now);
  if (which == "<midnight>") return today + std::chrono::days(1);
  if (which == "<monday>") {
    const unsigned since_monday = (std::chrono::weekday(today).c_encoding() + 6) % 7;
    return today + std::chrono::days(7 - since_monday);
  }
  const std::chrono::year_month_day date(today);
  return sys_days((date.year() / date.month() + std::chrono::months(1)) / std::chrono::day(1));
}

}  // namespace

base::Expected<json> parse_answer(std::string_view text) {
  std::vector<std::set<std::string>> keys;  // of each object that is open
  std::string twice;
  const auto watch = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second) twice = parsed.get<std::string>();
    return true;
  };
  json parsed = json::parse(text, watch, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) return base::fail(base::ErrorKind::invalid_argument, "is not JSON: " + std::string(text.substr(0, 200)));
  if (!twice.empty()) return base::fail(base::ErrorKind::invalid_argument, "has the key \"" + twice + "\" twice in one object");
  return parsed;
}

json find_in(const json& answer, std::string_view pointer) {
  json value = answer;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::string_view segment = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(segment.size());
    value = segment_of(value, std::string(segment));
  }
  return value;
}

std::string difference(const json& expected, const json& found, std::chrono::system_clock::time_point now) {
  const auto wrong = [&](const std::string& wanted) { return "is " + as_text(found) + ", not " + wanted; };
  if (expected.is_string() && expected.get<std::string>().starts_with('<')) {
    const std::string kind = expected;
    if (kind == "<time>") {
      static const std::regex time(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)");
      return found.is_string() && std::regex_match(found.get<std::string>(), time) ? "" : wrong("an RFC 3339 UTC time with seconds");
    }
    const std::string boundary = base::format_rfc3339(next_boundary(kind, now));
    return found == boundary ? "" : wrong(boundary);
  }
  if (expected.is_object() && expected.contains("between")) {
    const bool within = found.is_number_integer() && found >= expected["between"][0] && found <= expected["between"][1];
    return within ? "" : wrong("between " + as_text(expected["between"][0]) + " and " + as_text(expected["between"][1]));
  }
  if (expected.is_object() && expected.contains("oneOf")) {
    const json& choices = expected["oneOf"];
    return std::find(choices.begin(), choices.end(), found) != choices.end() ? "" : wrong("one of " + choices.dump());
  }
  if (expected.is_object() && expected.contains("sorted")) {
    json sorted = found;
    if (sorted.is_array()) std::sort(sorted.begin(), sorted.end());
    return sorted == expected["sorted"] ? "" : wrong(expected["sorted"].dump() + " in some order");
  }
  if (expected.is_object() && expected.contains("contains")) {
    return as_text(found).find(expected["contains"].get<std::string>()) != std::string::npos
               ? ""
               : wrong("a text with \"" + expected["contains"].get<std::string>() + "\"");
  }
  return found == expected ? "" : wrong(as_text(expected));
}

}  // namespace gauntlet::lab
