#include "engine/session/test_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/whole_file.hpp"
#include "engine/api/core/network.hpp"
#include "engine/results/summary.hpp"
#include "engine/session/machine.hpp"

namespace gauntlet::engine::session {
namespace {

/// Parsed, options take some thirty times as much. A thousand scenarios of ten stages have one.
constexpr std::size_t kMostOptionsBytes = std::size_t{8} << 20;

}  // namespace

/// Runs the script once with __VU 0, on this thread, to learn what it exports.
bool TestRun::look_at_script() {
  metrics::Collector collector(registry_, {}, users::Clock::now());
  const auto recorder = collector.make_recorder(nullptr);
  fiber::StackPool stacks;
  test_.options = settings_.flags;
  test_.environment = settings_.environment;
  test_.freezes_environment = settings_.freeze_env;
  auto secrets = settings_.secrets ? *settings_.secrets : users::Secrets::open(settings_.secret_sources);
  if (!secrets) {
    judge_.give({ExitCode::other, secrets.error().message, ""});
    return false;
  }
  test_.secrets = std::move(*secrets);
  users::Vu vu(test_, {control_, stacks, *recorder}, 0);
  std::optional<users::Vu::InitFailure> failure;
  std::optional<std::string> options;
  bool options_are_function = false;
  bool done = false;
  vu.post([&] {
    failure = vu.initialize();
    if (!failure) {
      functions_ = vu.exported_functions();
      const script::Value exported = vu.exported("options");
      options_are_function = exported.is_function();
      if (!exported.is_undefined()) options = script::to_json(vu.context(), exported.get());
    }
    done = true;
  });
  run_until([&] { return done; });
  program_.seal_files();
  if (failure) {
    judge_.give(verdict_of(program_, *failure));
    return false;
  }
  if (options_are_function) {
    judge_.give(not_loaded(program_, ExitCode::other, "`options` is a function and should be an object, as { vus: 10, duration: '30s' }"));
    return false;
  }
  if (functions_.empty()) {
    judge_.give(not_loaded(program_, ExitCode::other, "no exported functions in script"));
    return false;
  }
  // A packed test runs with the options that it was packed with.
  const script::Archive* packed = program_.packed();
  script_options_ = packed != nullptr && !packed->options_json.empty() ? packed->options_json : options.value_or("{}");
  return settle_options(script_options_);
}

bool TestRun::settle_options(const std::string& script_options) {
  plan::Options merged;
  if (!settings_.config_path.empty()) {
    const auto text = base::read_whole_file(settings_.config_path);
    const auto why = [&] {
      return text.error() == std::errc::no_such_file_or_directory ? "no such file or directory" : text.error().message();
    };
    auto parsed = text ? plan::parse_options(*text)
                       : base::fail(base::ErrorKind::not_found,
                                    fmt::format("failed to load the configuration file from the local file system: stat {}: {}",
                                                settings_.config_path, why()));
    if (!parsed) {
      judge_.give({ExitCode::invalid_config, parsed.error().message, ""});
      return false;
    }
    merged = parsed->options;
  }

  if (script_options.size() > kMostOptionsBytes) {
    judge_.give(not_loaded(program_, ExitCode::invalid_config,
                           fmt::format("the options that the script exports have {} MB as JSON, and can have {}: what is data belongs "
                                       "into files (open(), SharedArray)",
                                       script_options.size() >> 20, kMostOptionsBytes >> 20)));
    return false;
  }
  auto script = plan::parse_options(script_options);
  if (!script) {
    judge_.give(not_loaded(program_, ExitCode::invalid_config, script.error().message));
    return false;
  }
  for (const std::string& name : script->unknown_fields) {
    warn("There were unknown fields in the options exported in the script", {{"error", plan::unknown_option(name)}});
  }
  merged = merge(std::move(merged), script->options);

  auto variables = plan::options_from_environment(settings_.variable);
  if (!variables) {
    judge_.give({ExitCode::invalid_config, variables.error().message, ""});
    return false;
  }
  const auto warn_of_override = [&](const plan::Options& upper, const char* level) {
    const bool overrides = upper.duration.given || upper.iterations.given || upper.stages.given;
    if (overrides && merged.scenarios.given && !merged.scenarios->empty()) {
      warn(fmt::format("\"{}\" level configuration overrode scenarios configuration entirely", level));
    }
  };
  warn_of_override(*variables, "env");
  merged = merge(std::move(merged), *variables);

  plan::Options flags = settings_.flags;
  const bool stretches = settings_.duration_stretches && !settings_.strict_k6 && merged.scenarios.given && !merged.scenarios->empty();
  if (stretches) flags.duration = plan::Setting<plan::Nanoseconds>();
  if (settings_.merge_run_tags && flags.tags.given)
    flags.tags.value.insert(merged.tags.value.begin(), merged.tags.value.end());  // a flag's value of the same name stays
  warn_of_override(flags, "cli");
  merged = merge(std::move(merged), flags);
  if (stretches) {
    const plan::Nanoseconds duration = settings_.flags.duration;
    const bool any = plan::stretch(merged.scenarios.value, duration);
    log_.write(
        users::LogLevel::info,
        any ? fmt::format("--duration makes the script's scenarios last {} together: startTime, duration, stages and maxDuration are "
                          "stretched alike, gracefulStop and gracefulRampDown stay; --strict-k6 gives k6's rule (one looping VU "
                          "instead of the script's scenarios)",
                          plan::format_duration(duration))
            : std::string("--duration changes nothing: every scenario of the script counts iterations"));
  }
  test_.options = std::move(merged);
  return true;
}

bool TestRun::plan() {
  const plan::Options& options = test_.options;
  const auto refuse = [&](std::string message, ExitCode code = ExitCode::invalid_config) {
    judge_.give({code, std::move(message), ""});
    return false;
  };
  if (options.paused)
    return refuse(
        "a test cannot begin paused: the command resume is gone, as in k6 2. Start it when it should begin, or let its scenarios begin "
        "later with startTime");
  if (settings_.team && settings_.linger)
    return refuse("a test of one process can stay after its end: leave --linger out with --processes and --agent");
  if (!options.http_debug->empty()) return refuse("httpDebug is not part of this version of gauntlet: requests are not dumped");
  if (auto ok = results::check_trend_stats(options.summary_trend_stats); !ok) return refuse(ok.error().message);
  if (auto ok = test_.shared.get<api::Network>().prepare(options); !ok) return refuse(ok.error().message);

  std::vector<std::string> warnings;
  // A leader runs nothing of it; its agents look at their own memory, and leave the warnings to it.
  const plan::MemoryRoom room = settings_.team ? plan::MemoryRoom{.bytes = std::numeric_limits<std::size_t>::max()}
                                               : memory_room(settings_.member == nullptr ? 1 : settings_.member->machine_shares());
  auto planned = plan_run(options, functions_, room, warnings,
                          {.scenarios = settings_.scenarios, .once = settings_.once, .strict_k6 = settings_.strict_k6});
  if (settings_.member == nullptr) {
    for (const std::string& warning : warnings) warn(warning);
  }
  if (!planned) return refuse(planned.error().message);
  plan_ = std::move(*planned);
  if (settings_.permit)
    if (auto permitted = settings_.permit(plan_.of_test); !permitted) return refuse(permitted.error().message);

  // exec.test.options shows the scenarios that run.
  plan::Options shown = options;
  shown.scenarios = plan_.of_test;
  test_.options_json = to_json(shown);
  test_.stripe = plan_.stripe;
  if (options.max_heap_bytes.given && options.max_heap_bytes.value < static_cast<std::int64_t>(script::Runtime::kMinHeapBytes)) {
    return refuse(fmt::format("maxHeapBytes is {}: a virtual user's script needs at least {}", options.max_heap_bytes.value,
                              script::Runtime::kMinHeapBytes));
  }
  test_.heap_bytes_per_vu =
      options.max_heap_bytes.given ? static_cast<std::size_t>(options.max_heap_bytes.value) : default_heap_bytes(plan_.most_vus);

  if (settings_.console != nullptr) {
    test_.console = settings_.console;
  } else if (options.console_output.given) {
    users::LogOptions console = settings_.log;
    console.output = "file=" + options.console_output.value;
    auto opened = users::Log::open(console);
    if (!opened) return refuse(opened.error().message, ExitCode::other);
    console_ = std::move(*opened);
    test_.console = console_.get();
  }
  return true;
}

bool TestRun::check_thresholds() {
  if (settings_.no_thresholds) return true;
  const auto taken = judge_.take_thresholds(test_.options, registry_);
  if (!taken) judge_.give({ExitCode::invalid_config, taken.error().message, ""});
  return taken.has_value();
}

}  // namespace gauntlet::engine::session
