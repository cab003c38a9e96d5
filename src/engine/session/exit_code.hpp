#pragma once
// What `run` ends with: k6's codes (https://grafana.com/docs/k6/latest/reference/exit-codes/).
namespace gauntlet::engine::session {

enum class ExitCode : int {
  ok = 0,
  doubtful = 1,  // ours, of check: it would run, and something in it cannot be meant
  thresholds_crossed = 99,
  setup_timeout = 100,
  teardown_timeout = 101,
  generic_timeout = 102,
  invalid_config = 104,
  interrupted = 105,
  script_exception = 107,
  script_aborted = 108,
  marked_failed = 110,
  generator_limited = 111,  // ours, with --require-generator-ok
  agent_lost = 112,         // ours, of a test that several machines or processes run
  other = 255,
};

}  // namespace gauntlet::engine::session
