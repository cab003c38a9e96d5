// challenges.json: every text is either a config or a list of problems that say where and what.
#include "challenge/config_parser.hpp"
#include "fuzz/bytes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gauntlet;
  const auto config = challenge::parse_config(fuzz::Bytes(data, size).rest());
  if (config) {
    fuzz::require(!config->challenges().empty() && !config->goals().empty(), "a valid config has challenges and goals");
    return 0;
  }
  fuzz::require(!config.error().empty(), "a refusal has a reason");
  for (const auto& problem : config.error())
    fuzz::require(!problem.path.empty() && !problem.message.empty(), "a problem has a place and words");
  return 0;
}
