#include "engine/session/test_run.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "engine/plan/exported_options.hpp"
#include "engine/results/json_writer.hpp"

namespace gauntlet::engine::session {

ExitCode TestRun::inspect(bool requirements) {
  if (!look_at_script()) return finish();
  if (!requirements) {
    auto options = plan::parse_options(script_options_);
    std::fputs((plan::exported_json(options->options) + "\n").c_str(), stdout);
    return ExitCode::ok;
  }
  if (!plan()) return finish();
  std::string json = test_.options_json;
  json.pop_back();
  json += fmt::format(R"(,"totalDuration":"{}","maxVUs":{}}})", plan::format_duration(plan_.longest), plan_.most_vus);
  std::fputs((plan::indented(json) + "\n").c_str(), stdout);
  return ExitCode::ok;
}

script::Archive TestRun::archived(bool with_environment) const {
  script::Archive archive;
  archive.entry_url = program_.entry_url();
  archive.folder = program_.folder();
  archive.options_json = to_json(test_.options);
  if (with_environment) archive.environment = {settings_.environment.begin(), settings_.environment.end()};
  archive.contents = program_.contents();
  return archive;
}

ExitCode TestRun::archive(const std::string& path, bool leave_environment_out) {
  if (!look_at_script() || !plan() || !check_thresholds()) return finish();
  if (auto written = script::write_archive(path, archived(!leave_environment_out)); !written)
    judge_.give({ExitCode::other, written.error().message, ""});
  return finish();
}

ExitCode TestRun::list_imports(bool as_json) {
  if (!look_at_script()) return finish();
  const std::vector<std::string> imports = program_.imports();
  if (as_json) {
    results::JsonWriter json(2);
    json.begin_object().key("buildDependencies").begin_object().key("k6").string("*").end_object().key("imports").begin_array();
    for (const std::string& import : imports) json.string(import);
    json.end_array().key("customBuildRequired").boolean(false).end_object();
    std::puts(json.text().c_str());
    return ExitCode::ok;
  }
  std::puts("Build Dependencies:\n  k6: *\n\nImports:");
  for (const std::string& import : imports) fmt::print("  {}\n", import);
  std::puts("\nCustom Build Required: no");
  return ExitCode::ok;
}

}  // namespace gauntlet::engine::session
