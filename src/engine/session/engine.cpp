#include "engine/session/engine.hpp"

#include <csignal>
#include <cstdio>
#include <iostream>
#include <sstream>

#include "base/signals.hpp"
#include "engine/script/archive.hpp"
#include "engine/script/program.hpp"
#include "engine/session/test_run.hpp"

namespace gauntlet::engine::session {
namespace {

/// Loads the script and does `task` with its run.
ExitCode with_script(const std::string& script, const RunSettings& given, const std::function<ExitCode(TestRun&)>& task) {
  RunSettings settings = given;
  auto log = users::Log::open(settings.log);
  if (!log) {
    std::fprintf(stderr, "%s\n", log.error().message.c_str());
    return ExitCode::other;
  }
  std::unique_ptr<script::Program> program;
  if (script == "-") {
    std::ostringstream text;
    text << std::cin.rdbuf();
    program = script::Program::from_text(std::move(text).str());
  } else if (script::is_archive(script)) {
    auto archive = script::read_archive(script);
    if (!archive) {
      (*log)->write(users::LogLevel::error, archive.error().message);
      return ExitCode::other;
    }
    settings.environment.insert(archive->environment.begin(), archive->environment.end());  // the user's own win
    program = script::Program::from_archive(script, std::move(*archive));
  } else {
    auto loaded = script::Program::from_file(script);
    if (!loaded) {
      (*log)->write(users::LogLevel::error, loaded.error().message);
      return ExitCode::other;
    }
    program = std::move(*loaded);
  }
  TestRun test(*program, **log, settings);
  return task(test);
}

}  // namespace

ExitCode run_test(const std::string& script, const RunSettings& settings) {
  return with_script(script, settings, [&](TestRun& test) {
    base::block_signals({SIGINT, SIGTERM});
    return test.run();
  });
}

ExitCode inspect_script(const std::string& script, const RunSettings& settings, bool requirements) {
  return with_script(script, settings, [&](TestRun& test) { return test.inspect(requirements); });
}

ExitCode archive_script(const std::string& script, const RunSettings& settings, const std::string& path, bool leave_environment_out) {
  return with_script(script, settings, [&](TestRun& test) { return test.archive(path, leave_environment_out); });
}

ExitCode list_imports(const std::string& script, const RunSettings& settings, bool as_json) {
  return with_script(script, settings, [&](TestRun& test) { return test.list_imports(as_json); });
}

ExitCode check_script(const std::string& script, const RunSettings& settings, bool as_json) {
  return with_script(script, settings, [&](TestRun& test) { return test.check(as_json); });
}

}  // namespace gauntlet::engine::session
