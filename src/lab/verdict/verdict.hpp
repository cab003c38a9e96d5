#pragma once
// What limits a system, with the evidence for it and what to change. Pure.
//
// Each possible bottleneck looks for its own signature in the evidence and says how strongly it sees it. The strongest
// is the verdict only when it is strong and clearly ahead of the next one; otherwise the verdict is `unclear`, with
// what was seen. A wrong verdict costs days; `unclear` costs another look.
#include <string>
#include <vector>

#include "lab/verdict/evidence.hpp"

namespace gauntlet::lab {

enum class Bottleneck {
  service_cpu,
  handler_cpu,
  database_cpu,
  database_io,
  locks,
  connection_pool,
  memory,
  network,
  generator,
  external_dependency,
  queue_limit,
  stolen_cpu,
  clock,
  unclear
};
const char* to_text(Bottleneck bottleneck);

struct Suspicion {
  Bottleneck bottleneck = Bottleneck::unclear;
  double strength = 0;                // 0 to 1
  std::vector<std::string> evidence;  // sentences with figures
  std::vector<std::string> advice;    // what to change, the largest expected gain first
  std::string where = {};             // which of several agents; empty where there is one of it
};

struct Diagnosis {
  Suspicion cause;                 // bottleneck unclear: evidence holds what was seen
  std::vector<Suspicion> others;   // weaker ones, strongest first
  std::vector<std::string> moved;  // what changed most against the last good level
  bool held = true;                // the level held: the cause is what would come first, not what hurt
};

/// `good`: the last level that held, when `bad` is the first that did not.
Diagnosis judge(const Evidence& bad, const Evidence* good);

std::string to_text(const Diagnosis& verdict);
std::string to_json(const Diagnosis& verdict);

}  // namespace gauntlet::lab
