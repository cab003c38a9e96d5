#pragma once
#include <string>

#include "base/error.hpp"
#include "engine/session/engine.hpp"

namespace gauntlet::cli {

/// --features and K6_FEATURES: names of k6 2's features with commas between.
base::Expected<void> take_features(engine::session::RunSettings& settings, const std::string& list);
/// `k6 features`
int features_command();

}  // namespace gauntlet::cli
