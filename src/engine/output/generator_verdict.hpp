#pragma once
// Whether the figures of a test are those of its target, or were shaped by the generator: a decision that the summary, exit
// codes, limit search and diagnosis take alike, and the words for it.
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace gauntlet::engine::output {

/// What held the generator back.
enum class GeneratorLimit {
  none,
  cores_busy,   ///< its threads had no CPU left
  starts_late,  ///< iterations started long after they were due
  no_free_vu,   ///< iterations were dropped: too few virtual users, or a target slower than planned
};

/// "none", "cores_busy", ...: as results hold it.
std::string_view name_of(GeneratorLimit limit);

struct GeneratorVerdict {
  GeneratorLimit limit = GeneratorLimit::none;
  std::string words;  ///< a plain sentence; empty with none

  bool kept_up() const { return limit == GeneratorLimit::none; }
  /// The machine could not make the load. (Without a free VU it may still be the target that is slow.)
  bool machine_was_the_limit() const { return limit == GeneratorLimit::cores_busy || limit == GeneratorLimit::starts_late; }
};

/// Reads it from a result file's "generator" member; none where `summary` has no such thing.
GeneratorVerdict generator_verdict_of(const nlohmann::json& summary);

}  // namespace gauntlet::engine::output
