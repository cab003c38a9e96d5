#include "engine/output/generator_verdict.hpp"

#include <nlohmann/json.hpp>

namespace gauntlet::engine::output {

std::string_view name_of(GeneratorLimit limit) {
  switch (limit) {
    case GeneratorLimit::none: return "none";
    case GeneratorLimit::cores_busy: return "cores_busy";
    case GeneratorLimit::starts_late: return "starts_late";
    case GeneratorLimit::no_free_vu: return "no_free_vu";
  }
  return "none";
}

GeneratorVerdict generator_verdict_of(const nlohmann::json& summary) {
  const auto text = [](const nlohmann::json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto generator = summary.find("generator");
  if (generator == summary.end() || !generator->is_object()) return {};
  const std::string limit = text(*generator, "limit");
  for (const GeneratorLimit known : {GeneratorLimit::cores_busy, GeneratorLimit::starts_late, GeneratorLimit::no_free_vu})
    if (limit == name_of(known)) return {known, text(*generator, "verdict")};
  return {};
}

}  // namespace gauntlet::engine::output
