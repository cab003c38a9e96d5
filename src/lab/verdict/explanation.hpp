#pragma once
// The verdict on a result file, with the last good level of the same campaign to compare it with.
#include <filesystem>

#include "base/error.hpp"
#include "lab/verdict/verdict.hpp"

namespace gauntlet::lab {

/// `result`: RESULT.json of a campaign or of a run that `gauntlet watch --out RESULT.monitor` saw. Errors as
/// read_evidence.
base::Expected<Diagnosis> explain(const std::filesystem::path& result);

}  // namespace gauntlet::lab
