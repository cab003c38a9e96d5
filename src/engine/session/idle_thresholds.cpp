#include "engine/session/idle_thresholds.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string_view>

#include "base/text.hpp"
#include "engine/metrics/tags.hpp"

namespace gauntlet::engine::session {
namespace {

/// The metrics that a module makes, and the system tags that their samples may carry beside those of every sample.
struct Family {
  std::string_view prefix;
  std::array<std::string_view, 3> modules;
  std::string_view tags;  // names between blanks
};
constexpr std::array kFamilies = {
    Family{"http_", {"k6/http"}, " error error_code expected_response ip method name ocsp_status proto status tls_version url "},
    Family{"ws_",
           {"k6/ws", "k6/websockets", "k6/experimental/websockets"},
           " error error_code ip method name ocsp_status proto status subproto tls_version url "},
    Family{"grpc_", {"k6/net/grpc"}, " error error_code ip method name proto service status tls_version url "},
};

const Family* family_of(std::string_view metric) {
  const auto found = std::find_if(kFamilies.begin(), kFamilies.end(),
                                  [&](const Family& family) { return metric.substr(0, family.prefix.size()) == family.prefix; });
  return found == kFamilies.end() ? nullptr : &*found;
}

bool is_word_character(char c) { return base::is_letter(c) || base::is_digit(c) || c == '_' || c == '$'; }

/// Whether `word` stands in the script by itself.
bool has_word(const std::string& text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const bool begins = at == 0 || !is_word_character(text[at - 1]);
    const bool ends = at + word.size() >= text.size() || !is_word_character(text[at + word.size()]);
    if (begins && ends) return true;
  }
  return false;
}

bool is_system_tag(std::string_view name) {
  for (std::size_t i = 0; i < metrics::kSystemTagCount; ++i)
    if (metrics::name_of(static_cast<metrics::SystemTag>(i)) == name) return true;
  return false;
}

bool is_recorded(const std::string& tag, const plan::Options& options) {
  const auto& named = options.system_tags;
  if (named.given) return std::find(named->begin(), named->end(), tag) != named->end();
  return tag != "ip" && tag != "ocsp_status";
}

/// Whether the options give all samples, or those of a scenario, the tag; with its value.
bool options_give(const std::string& tag, const std::string& value, const LoadedScript& script) {
  const auto gives = [&](const plan::StringMap& tags) {
    const auto found = tags.find(tag);
    return found != tags.end() && found->second == value;
  };
  return gives(script.options.tags) || std::any_of(script.scenarios.begin(), script.scenarios.end(),
                                                   [&](const plan::Scenario& scenario) { return gives(scenario.tags); });
}

std::string why_tag_is_idle(const metrics::MetricInfo& metric, const std::string& tag, const std::string& value,
                            const LoadedScript& script) {
  if (options_give(tag, value, script)) return "";
  if (tag == "scenario" && is_recorded(tag, script.options)) {
    std::vector<std::string> names;
    for (const plan::Scenario& scenario : script.scenarios) names.push_back(scenario.name);
    if (std::find(names.begin(), names.end(), value) != names.end()) return "";
    return fmt::format("there is no scenario {}; there are {}", value, fmt::join(names, ", "));
  }
  if (has_word(script.text, tag) && !is_system_tag(tag)) return "";
  if (!is_system_tag(tag)) return fmt::format("nothing in the script has a tag {}", tag);
  // A script may give a system tag's name to a tag of its own, as `name`: then it is a word of the script.
  if (has_word(script.text, tag) && tag != "vu" && tag != "iter") return "";
  if (!is_recorded(tag, script.options)) return fmt::format("the tag {} is not recorded: add it to the option systemTags", tag);
  if (tag == "group")
    return has_word(script.text, "group") || value == "::setup" || value == "::teardown" ? "" : "the script has no group()";
  const Family* family = family_of(metric.name);
  const bool possible = tag == "check" ? metric.id == metrics::MetricId::checks
                                       : family != nullptr && family->tags.find(fmt::format(" {} ", tag)) != std::string_view::npos;
  if (!possible && !metric.custom) return fmt::format("samples of {} have no tag {}", metric.name, tag);
  if (tag == "expected_response" && value != "true" && value != "false") return "expected_response is true or false";
  return "";
}

}  // namespace

std::string without_threshold_keys(std::string text, const plan::Options& options) {
  for (const auto& [key, thresholds] : options.thresholds.value) {
    for (std::size_t at = text.find(key); at != std::string::npos; at = text.find(key, at)) text.erase(at, key.size());
  }
  return text;
}

std::string why_idle(const std::string& key, const metrics::MetricRegistry& registry, const LoadedScript& script) {
  const auto parsed = metrics::parse_metric_key(key);
  const metrics::MetricInfo* metric = parsed ? registry.find(parsed->name) : nullptr;
  if (metric == nullptr) return "there is no such metric";
  if (const Family* family = family_of(metric->name); family != nullptr && !metric->custom) {
    const auto imported = [&](std::string_view module) {
      return !module.empty() && std::find(script.modules.begin(), script.modules.end(), module) != script.modules.end();
    };
    if (std::none_of(family->modules.begin(), family->modules.end(), imported))
      return fmt::format("the script does not import {}", family->modules.front());
  }
  if (metric->id == metrics::MetricId::checks && !has_word(script.text, "check")) return "the script has no check()";
  if (metric->id == metrics::MetricId::group_duration && !has_word(script.text, "group")) return "the script has no group()";
  const bool has_arrivals = std::any_of(script.scenarios.begin(), script.scenarios.end(), [](const plan::Scenario& scenario) {
    return scenario.executor == plan::ExecutorKind::constant_arrival_rate || scenario.executor == plan::ExecutorKind::ramping_arrival_rate;
  });
  const bool of_arrivals = metric->id == metrics::MetricId::schedule_slip || metric->id == metrics::MetricId::iteration_duration_intended;
  if (of_arrivals && !has_arrivals) return "no scenario has an arrival rate";
  for (const auto& [tag, value] : parsed->tags) {
    if (std::string why = why_tag_is_idle(*metric, tag, value, script); !why.empty()) return why;
  }
  return "";
}

}  // namespace gauntlet::engine::session
