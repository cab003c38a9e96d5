#include "cli/features.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "engine/sinks/sample_output.hpp"

namespace gauntlet::cli {
namespace {

using engine::session::RunSettings;

struct Feature {
  std::string_view name;
  bool RunSettings::*setting;  ///< nullptr: nothing to switch
  const char* help;
};
constexpr std::array kFeatures = {
    Feature{"async-metric-context", nullptr,
            "always on here: a group, and tags set in it, go on after an await and in timers and listeners"},
    Feature{"freeze-env", &RunSettings::freeze_env, "__ENV cannot be changed by the script"},
    Feature{"merge-run-tags", &RunSettings::merge_run_tags, "--tag adds to the script's option tags, and does not replace it"},
    Feature{"native-histograms", &RunSettings::native_histograms, "--out prometheus-rw sends trends as native histograms"},
};

std::vector<std::string_view> names() {
  std::vector<std::string_view> all;
  all.reserve(kFeatures.size());
  for (const Feature& feature : kFeatures) all.push_back(feature.name);
  return all;
}

}  // namespace

base::Expected<void> take_features(RunSettings& settings, const std::string& list) {
  for (const std::string& name : engine::sinks::list_of(list)) {
    const auto feature = std::ranges::find(kFeatures, name, &Feature::name);
    if (feature == kFeatures.end()) {
      return base::fail(base::ErrorKind::unimplemented, fmt::format("there is no feature \"{}\"{}; there are {}", name,
                                                                    base::did_you_mean(name, names()), fmt::join(names(), ", ")));
    }
    if (feature->setting != nullptr) settings.*feature->setting = true;
  }
  return {};
}

int features_command() {
  fmt::print("What --features NAME,NAME (or K6_FEATURES) switches on:\n\n");
  for (const Feature& feature : kFeatures) fmt::print("  {:22}{}\n", feature.name, feature.help);
  return 0;
}

}  // namespace gauntlet::cli
