#include "engine/run/engine.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>

#include "base/signals.hpp"
#include "engine/dashboard/dashboard.hpp"
#include "engine/js/program.hpp"
#include "engine/metrics/collector.hpp"
#include "engine/metrics/thresholds.hpp"
#include "engine/output/gathered.hpp"
#include "engine/output/json_writer.hpp"
#include "engine/output/output_file.hpp"
#include "engine/output/sample_outputs.hpp"
#include "engine/output/summary.hpp"
#include "engine/output/summary_json.hpp"
#include "engine/output/terminal.hpp"
#include "engine/run/executor.hpp"
#include "engine/run/exported_options.hpp"
#include "engine/run/rest_documents.hpp"
#include "engine/run/rest_server.hpp"
#include "engine/run/scenario.hpp"
#include "engine/run/screen.hpp"
#include "engine/run/stage_call.hpp"
#include "engine/run/test_state.hpp"
#include "engine/run/vu_pool.hpp"
#include "engine/run/worker.hpp"

namespace gauntlet::engine::run {
namespace {

using base::EventLoop;
using metrics::MetricId;
using output::RunProgress;
using std::chrono::milliseconds;

constexpr milliseconds kTick(1000);         // gauges, snapshots, and progress where there is no terminal
constexpr milliseconds kDrawInterval(100);  // progress on a terminal
constexpr int kTicksPerEvaluation = 2;      // of thresholds
constexpr std::chrono::seconds kSummaryTimeout(120);

/// What ends a test with a code of its own.
struct Verdict {
  ExitCode code = ExitCode::ok;
  std::string message;
  std::string hint;
};

std::size_t usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");  // proc(5): total and resident pages
  std::uint64_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

/// So that scripts that keep all they get end with an error, not with the machine's memory.
std::size_t default_heap_bytes(std::int64_t vus) {
  constexpr std::size_t kLeast = std::size_t{64} << 20;
  const auto machine = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return std::clamp(machine / 2 / static_cast<std::size_t>(std::max<std::int64_t>(vus, 1)), kLeast, js::Runtime::kMaxHeapBytes);
}

/// Thousands of virtual users want thousands of descriptors.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

Verdict not_loaded(const js::Program& program, ExitCode code, const std::string& reason) {
  return {code,
          fmt::format("could not initialize '{}': could not load JS test '{}': {}", program.given_name(),
                      program.entry_url(), reason),
          ""};
}

Verdict verdict_of(const js::Program& program, const Vu::InitFailure& failure) {
  switch (failure.kind) {
    case Vu::InitFailure::Kind::load: return not_loaded(program, ExitCode::script_exception, failure.message);
    case Vu::InitFailure::Kind::aborted: return not_loaded(program, ExitCode::script_aborted, failure.message);
    case Vu::InitFailure::Kind::exception: break;
  }
  return {ExitCode::script_exception, failure.message, "script exception"};
}

/// A run from init to exit code. Its steps are methods, in the order of run(). All on the control thread.
class TestRun {
 public:
  TestRun(js::Program& program, Log& log, const RunSettings& settings)
      : settings_(settings),
        program_(program),
        log_(log),
        screen_(stdout, log, settings.color),
        registry_(settings.strict_k6),
        test_(program, registry_, log) {}

  ExitCode run();
  ExitCode inspect(bool requirements);
  ExitCode archive(const std::string& path, bool leave_environment_out);
  ExitCode list_imports(bool as_json);

 private:
  ExitCode finish();
  // Steps; false when the test ends there (verdict_ says why).
  bool look_at_script();
  bool settle_options(const std::string& script_options);
  bool plan();
  bool check_thresholds();
  bool open_outputs();
  void open_dashboard();
  void show_header();
  std::size_t thread_count() const;
  void start_workers();
  bool initialize_vus();
  bool open_rest();
  bool wait_while_paused();
  bool run_setup();
  void run_scenarios();
  void run_teardown();
  void judge();
  void report();
  void run_as_member();
  void lead_team();
  void close_outputs();

  // What goes on meanwhile.
  void run_until(const std::function<bool()>& over);
  void tick();
  void draw();
  void record_gauges();
  void update_dashboard();
  void end_dashboard();
  /// Since its last call.
  dashboard::GeneratorUse generator_use();
  void record_health();
  void watch_loops();
  void end_warm_up();
  void evaluate_thresholds();
  RunProgress progress() const;
  void show_progress();
  void handle_signal();
  RestReply answer_rest(const RestRequest& request);
  RestReply answer_status(const RestRequest& request);
  RestStatus rest_status() const;
  /// Cuts setup or the scenarios short.
  void abort(Verdict verdict);
  void give_verdict(Verdict verdict);
  const StageResult& call_stage(const char* function, const char* group, std::optional<std::string> argument,
                                std::chrono::nanoseconds timeout);
  void use_stage_failure(const StageResult& result, const char* function, const char* option,
                         std::chrono::nanoseconds timeout, ExitCode timeout_code);

  // The summary.
  output::GeneratorHealth health() const;
  output::Gathered gathered() const;
  output::Summary summarize(std::vector<std::string> trend_stats);
  /// What handleSummary made of it, or nothing: then the usual text is due.
  bool handle_summary(const output::Summary& summary);
  void write_summary_files(const StageResult& result);
  void write_export_files(const output::Summary& summary);

  bool wants_summary() const { return !settings_.no_summary && settings_.summary_mode != output::SummaryMode::disabled; }
  bool has_function(const std::string& name) const {
    return std::find(functions_.begin(), functions_.end(), name) != functions_.end();
  }

  const RunSettings& settings_;
  js::Program& program_;
  Log& log_;
  Screen screen_;
  std::unique_ptr<Log> console_;
  EventLoop control_;
  std::unique_ptr<base::SignalWatch> signals_;
  metrics::MetricRegistry registry_;
  TestState test_;

  std::string script_options_;  // JSON, as exported
  std::vector<std::string> functions_;
  std::vector<Scenario> scenarios_;  // by start time, then name
  std::int64_t planned_vus_ = 0;
  std::int64_t most_vus_ = 0;
  Nanoseconds longest_{0};

  metrics::Thresholds thresholds_;
  output::ThresholdSpecs threshold_specs_;
  std::optional<output::Gathered> of_team_;
  std::unique_ptr<metrics::Collector> collector_;
  std::unique_ptr<metrics::Recorder> recorder_;
  std::unique_ptr<output::SampleOutputs> sample_outputs_;
  std::unique_ptr<dashboard::Dashboard> dashboard_;  // nullptr: not wanted
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<VuPool> pool_;
  std::unique_ptr<ExecutorContext> context_;
  std::vector<std::unique_ptr<ScenarioRun>> scenario_runs_;
  std::vector<std::unique_ptr<Executor>> executors_;
  std::unique_ptr<StageCall> stage_;
  std::unique_ptr<RestServer> rest_;  // nullptr: not wanted
  bool paused_ = false;
  bool stopped_by_rest_ = false;

  RunProgress::Phase phase_ = RunProgress::Phase::init;
  Clock::time_point end_{};  // of the scenarios
  EventLoop::TimerId tick_timer_ = 0;
  EventLoop::TimerId draw_timer_ = 0;
  int ticks_ = 0;
  double cpu_at_start_s_ = 0;
  double cpu_at_tick_s_ = 0;
  Clock::time_point last_tick_{};
  dashboard::GeneratorUse use_;  // in the last second
  bool warming_up_ = false;
  bool told_of_lost_samples_ = false;
  Clock::time_point started_{};
  bool aborted_ = false;
  bool teardown_is_due_ = false;
  int signals_seen_ = 0;
  std::string marked_failed_;
  bool is_marked_failed_ = false;
  std::optional<Verdict> verdict_;  // the first one
  std::vector<std::pair<std::string, std::string>> written_files_;
};

ExitCode TestRun::run() {
  if (settings_.strict_k6 && settings_.summary_mode == output::SummaryMode::legacy) {  // here it stays
    log_.write(LogLevel::warning,
               "The \"legacy\" summary mode has been deprecated, and will be removed by k6 v2.0. Please, migrate to either "
               "\"compact\" or \"full\" as soon as possible.");
  }
  // Before the script runs for the first time: it may do so for ever.
  if (settings_.handle_signals) {
    signals_ = std::make_unique<base::SignalWatch>(control_, std::initializer_list<int>{SIGINT, SIGTERM},
                                                   [this](int) { handle_signal(); });
  }
  const bool ready = look_at_script() && plan() && check_thresholds() && open_rest() && open_outputs();
  if (ready) {
    open_dashboard();
    show_header();
    start_workers();
    if (settings_.team != nullptr) {
      signals_.reset();  // the team has its own
      lead_team();
    } else if (settings_.member != nullptr) {
      run_as_member();
    } else if (initialize_vus() && wait_while_paused()) {
      if (run_setup()) run_scenarios();
      run_teardown();
      judge();
      report();
    }
    close_outputs();
  }
  if (settings_.member != nullptr) {
    const Verdict verdict = verdict_.value_or(Verdict());
    settings_.member->give_verdict(verdict.code, verdict.message, verdict.hint);
    return verdict.code;
  }
  return finish();
}

ExitCode TestRun::finish() {
  if (!verdict_) return ExitCode::ok;
  LogFields fields;
  if (!verdict_->hint.empty()) fields.push_back({"hint", verdict_->hint});
  log_.write(LogLevel::error, verdict_->message, fields);
  return verdict_->code;
}

void TestRun::give_verdict(Verdict verdict) {
  if (!verdict_) verdict_ = std::move(verdict);
}

// Init

/// Runs the script once with __VU 0, on this thread, to learn what it exports.
bool TestRun::look_at_script() {
  metrics::Collector collector(registry_, {}, Clock::now());
  const auto recorder = collector.make_recorder(nullptr);
  fiber::StackPool stacks;
  test_.options = settings_.flags;
  test_.environment = settings_.environment;
  auto secrets = Secrets::open(settings_.secret_sources);
  if (!secrets) {
    give_verdict({ExitCode::other, secrets.error().message, ""});
    return false;
  }
  test_.secrets = std::move(*secrets);
  Vu vu(test_, {control_, stacks, *recorder}, 0);
  std::optional<Vu::InitFailure> failure;
  std::optional<std::string> options;
  bool options_are_function = false;
  bool done = false;
  vu.post([&] {
    failure = vu.initialize();
    if (!failure) {
      functions_ = vu.exported_functions();
      const js::Value exported = vu.exported("options");
      options_are_function = exported.is_function();
      if (!exported.is_undefined()) options = js::to_json(vu.context(), exported.get());
    }
    done = true;
  });
  run_until([&] { return done; });
  program_.seal_files();
  if (failure) {
    give_verdict(verdict_of(program_, *failure));
    return false;
  }
  if (options_are_function) {
    give_verdict(not_loaded(program_, ExitCode::other,
                            "error parsing script options: json: unsupported type: func(sobek.FunctionCall) sobek.Value"));
    return false;
  }
  if (functions_.empty()) {
    give_verdict(not_loaded(program_, ExitCode::other, "no exported functions in script"));
    return false;
  }
  // A packed test runs with the options that it was packed with.
  const js::Archive* packed = program_.packed();
  script_options_ = packed != nullptr && !packed->options_json.empty() ? packed->options_json : options.value_or("{}");
  return settle_options(script_options_);
}

bool TestRun::settle_options(const std::string& script_options) {
  Options merged;
  if (!settings_.config_path.empty()) {
    std::ifstream file(settings_.config_path);
    std::ostringstream text;
    text << file.rdbuf();
    auto parsed = file ? parse_options(text.str())
                       : base::fail(base::ErrorKind::not_found, fmt::format("failed to load the configuration file from the local file system: stat {}: {}", settings_.config_path, "no such file or directory"));
    if (!parsed) {
      give_verdict({ExitCode::invalid_config, parsed.error().message, ""});
      return false;
    }
    merged = parsed->options;
  }

  auto script = parse_options(script_options);
  if (!script) {
    give_verdict(not_loaded(program_, script.error().message.rfind("invalid DNS TTL", 0) == 0 ? ExitCode::other
                                                                                              : ExitCode::invalid_config,
                            script.error().message));
    return false;
  }
  for (const std::string& name : script->unknown_fields) {
    const std::string problem = fmt::format("json: unknown field \"{}\"", name);
    log_.write(LogLevel::warning, "There were unknown fields in the options exported in the script", {{"error", problem}});
  }
  merged = merge(std::move(merged), script->options);

  auto variables = options_from_environment(settings_.variable);
  if (!variables) {
    give_verdict({ExitCode::other, variables.error().message, ""});
    return false;
  }
  const auto warn_of_override = [&](const Options& upper, const char* level) {
    const bool overrides = upper.duration.given || upper.iterations.given || upper.stages.given;
    if (overrides && merged.scenarios.given && !merged.scenarios->empty()) {
      log_.write(LogLevel::warning, fmt::format("\"{}\" level configuration overrode scenarios configuration entirely", level));
    }
  };
  warn_of_override(*variables, "env");
  merged = merge(std::move(merged), *variables);

  Options flags = settings_.flags;
  const bool stretch = settings_.duration_stretches && !settings_.strict_k6 && merged.scenarios.given && !merged.scenarios->empty();
  if (stretch) flags.duration = Setting<Nanoseconds>();
  warn_of_override(flags, "cli");
  merged = merge(std::move(merged), flags);
  if (stretch) {
    const Nanoseconds duration = settings_.flags.duration;
    bool any = false;
    for (Scenario& scenario : merged.scenarios.value) any = set_duration(scenario, duration) || any;
    log_.write(LogLevel::info,
               any ? fmt::format("--duration sets every scenario that has a duration to {}; --strict-k6 gives k6's rule "
                                 "(one looping VU instead of the script's scenarios)",
                                 format_duration(duration))
                   : std::string("--duration changes nothing: every scenario of the script counts iterations"));
  }
  test_.options = std::move(merged);
  return true;
}

bool TestRun::plan() {
  const Options& options = test_.options;
  const auto refuse = [&](std::string message, ExitCode code = ExitCode::invalid_config) {
    give_verdict({code, std::move(message), ""});
    return false;
  };
  paused_ = options.paused;
  if (paused_ && settings_.rest_address.empty()) return refuse("a test that begins paused is resumed by the REST API: say where with --address 127.0.0.1:6565");
  if (settings_.team != nullptr && !settings_.rest_address.empty()) return refuse("the REST API steers one process: leave --address out with --processes");
  if (!options.http_debug->empty()) return refuse("httpDebug is not part of this version of gauntlet: requests are not dumped");
  if (auto ok = output::check_trend_stats(options.summary_trend_stats); !ok) return refuse(ok.error().message, ExitCode::other);

  auto planned = plan_scenarios(options);
  if (!planned) return refuse(planned.error().message);
  for (const std::string& warning : planned->warnings) log_.write(LogLevel::warning, warning);
  scenarios_ = std::move(planned->scenarios);
  std::string problems;
  for (const Scenario& scenario : scenarios_) {
    if (const auto found = problems_of(scenario); !found.empty()) {
      problems += fmt::format("\n\t- scenario {} has configuration errors: {}", scenario.name, fmt::join(found, ", "));
    } else if (!has_function(scenario.exec)) {
      problems += fmt::format("\n\t- executor {}: function '{}' not found in exports", scenario.name, scenario.exec.value);
    }
  }
  auto stripe = Stripe::parse(options.execution_segment.value, options.execution_segment_sequence.value);
  if (!stripe) {
    problems += "\n\t- " + stripe.error().message;
  } else {
    test_.stripe = std::move(*stripe);
  }
  if (!problems.empty()) return refuse("There were problems with the specified script configuration:" + problems);
  if (settings_.permit)
    if (auto permitted = settings_.permit(scenarios_); !permitted) return refuse(permitted.error().message);

  // exec.test.options shows the scenarios that run.
  Options shown = options;
  shown.scenarios = scenarios_;
  test_.options_json = to_json(shown);
  std::erase_if(scenarios_, [&](Scenario& scenario) { return !take_share(scenario, test_.stripe); });
  std::stable_sort(scenarios_.begin(), scenarios_.end(),
                   [](const Scenario& a, const Scenario& b) { return a.start_time.value < b.start_time.value; });
  planned_vus_ = peak_vus(scenarios_, false);
  most_vus_ = peak_vus(scenarios_, true);
  if (options.max_heap_bytes.given && options.max_heap_bytes.value < static_cast<std::int64_t>(js::Runtime::kMinHeapBytes)) {
    return refuse(fmt::format("maxHeapBytes is {}: a virtual user's script needs at least {}", options.max_heap_bytes.value,
                              js::Runtime::kMinHeapBytes));
  }
  test_.heap_bytes_per_vu = options.max_heap_bytes.given ? static_cast<std::size_t>(options.max_heap_bytes.value)
                                                         : default_heap_bytes(most_vus_);
  for (const Scenario& scenario : scenarios_) {
    const auto needs = needs_of(scenario, true);
    longest_ = std::max(longest_, needs.empty() ? scenario.start_time.value + regular_duration(scenario) : needs.back().offset);
  }

  if (options.console_output.given) {
    LogOptions console = settings_.log;
    console.output = "file=" + options.console_output.value;
    auto opened = Log::open(console);
    if (!opened) return refuse(opened.error().message, ExitCode::other);
    console_ = std::move(*opened);
    test_.console = console_.get();
  }
  return true;
}

bool TestRun::check_thresholds() {
  if (settings_.no_thresholds) return true;
  for (const auto& [key, list] : test_.options.thresholds.value) {
    std::vector<metrics::ThresholdSpec> specs;
    for (const ThresholdOption& threshold : list) {
      specs.push_back({threshold.expression, threshold.abort_on_fail, threshold.delay_abort_eval});
    }
    threshold_specs_.emplace_back(key, specs);
    if (auto ok = thresholds_.add(registry_, key, specs); !ok) {
      give_verdict({ExitCode::invalid_config, ok.error().message, ""});
      return false;
    }
  }
  return true;
}

bool TestRun::open_outputs() {
  metrics::CollectorOptions options;
  if (test_.options.system_tags.given) {
    auto tags = metrics::SystemTagSet::from_names(test_.options.system_tags);
    if (!tags) {
      give_verdict({ExitCode::invalid_config, tags.error().message, ""});
      return false;
    }
    options.system_tags = *tags;
  }
  options.lifecycle_apart = settings_.setup_apart;
  options.parts = settings_.summary_mode == output::SummaryMode::full;
  const bool wants_samples = std::any_of(settings_.outputs.begin(), settings_.outputs.end(),
                                         [](const auto& spec) { return spec.wants_samples(); });
  if (wants_samples) options.stream_bytes = output::kSampleRingBytes;
  collector_ = std::make_unique<metrics::Collector>(registry_, options, Clock::now());
  recorder_ = collector_->make_recorder(nullptr);
  if (!wants_samples) return true;
  auto opened = output::SampleOutputs::open(settings_.outputs, *collector_->stream(), registry_, options.system_tags,
                                            [this](const std::string& message) { log_.write(LogLevel::warning, message); });
  if (!opened) {
    give_verdict({ExitCode::other, opened.error().message, ""});
    return false;
  }
  sample_outputs_ = std::move(*opened);
  sample_outputs_->start();
  return true;
}

bool TestRun::open_rest() {
  if (settings_.rest_address.empty() || settings_.member != nullptr) return true;
  auto started = RestServer::start(settings_.rest_address, control_, [this](const RestRequest& request) { return answer_rest(request); });
  if (!started) {
    give_verdict({ExitCode::rest_address_taken, std::move(started.error()).in("the REST API cannot be served").message, ""});
    return false;
  }
  rest_ = std::move(*started);
  return true;
}

bool TestRun::wait_while_paused() {
  if (!paused_) return true;
  log_.write(LogLevel::info, "the test waits to be resumed: gauntlet resume --address " + settings_.rest_address);
  run_until([this] { return !paused_ || aborted_; });
  return !aborted_;
}

RestStatus TestRun::rest_status() const {
  RestStatus status;
  const bool initialized = pool_ != nullptr && test_.vus_initialized >= planned_vus_;
  switch (phase_) {
    case RunProgress::Phase::init: status.phase = paused_ && initialized ? 4 : 1; break;
    case RunProgress::Phase::setup: status.phase = 6; break;
    case RunProgress::Phase::running: status.phase = 7; break;
    case RunProgress::Phase::teardown: status.phase = 8; break;
    default: status.phase = 9;
  }
  status.paused = paused_;
  status.vus = test_.vus_active;
  status.vus_max = test_.vus_initialized;
  status.stopped = stopped_by_rest_;
  status.running = phase_ == RunProgress::Phase::running;
  for (const metrics::ThresholdGroup& group : thresholds_.groups()) status.tainted = status.tainted || !group.ok();
  return status;
}

RestReply TestRun::answer_status(const RestRequest& request) {
  if (request.method == "GET") return status_document(rest_status());
  const auto patch = parse_status_patch(request.body);
  if (!patch) return error_document(400, "Invalid data", patch.error().message);
  if (patch->scales) {
    return error_document(500, "Execution config error", "an externally-controlled executor needs to be configured for live configuration updates");
  }
  if (patch->paused && *patch->paused != paused_) {
    if (phase_ != RunProgress::Phase::init) {
      return error_document(500, "Pause error", fmt::format("{} executor '{}' doesn't support pause and resume operations after its start",
                                                             scenarios_.empty() ? "" : name_of(scenarios_.front().executor), scenarios_.empty() ? "" : scenarios_.front().name));
    }
    paused_ = *patch->paused;
  } else if (patch->paused && *patch->paused) {
    return error_document(500, "Pause error", "execution is already paused");
  } else if (patch->paused) {
    return error_document(500, "Pause error", "execution wasn't paused");
  }
  if (patch->stopped && *patch->stopped && !stopped_by_rest_) {
    stopped_by_rest_ = true;
    paused_ = false;
    abort({ExitCode::stopped_by_rest, "test run stopped from REST API", ""});
  }
  return status_document(rest_status());
}

/// On the control loop.
RestReply TestRun::answer_rest(const RestRequest& request) {
  const std::string& path = request.path;
  constexpr std::string_view kMetric = "/v1/metrics/", kGroup = "/v1/groups/";
  const bool gets = request.method == "GET";
  const RestReply not_allowed{.status = 405, .text = "", .is_json = false};
  if (path == "/v1/status") return gets || request.method == "PATCH" ? answer_status(request) : not_allowed;
  if (path == "/v1/setup") {
    if (request.method == "PUT") {
      if (phase_ == RunProgress::Phase::running) return error_document(500, "Setup error", "the virtual users have the data already: it can be set before they start");
      const auto json = parse_json(request.body);
      if (!json) return error_document(400, "Invalid data", json.error().message);
      test_.setup_data = std::make_shared<const std::string>(*json);
    } else if (!gets) {
      return not_allowed;
    }
    return setup_document(test_.setup_data.get());
  }
  if (path.rfind("/v1/", 0) != 0) return {.status = 200, .text = "ok", .is_json = false};
  if (!gets) return not_allowed;
  const metrics::Snapshot empty;
  const metrics::Snapshot& snapshot = collector_ ? collector_->snapshot() : empty;
  if (path == "/v1/metrics") return metrics_document(snapshot, thresholds_);
  if (path.rfind(kMetric, 0) == 0) return metric_document(snapshot, thresholds_, path.substr(kMetric.size()));
  if (path == "/v1/groups") return groups_document(snapshot);
  if (path.rfind(kGroup, 0) == 0) return group_document(snapshot, path.substr(kGroup.size()));
  return error_document(404, "Not Found", "there is no " + path);
}

void TestRun::open_dashboard() {
  if (!settings_.dashboard.enabled) return;
  dashboard::RunFacts facts;
  facts.script = program_.given_name();
  facts.version = GAUNTLET_VERSION;
  for (const Scenario& scenario : scenarios_) facts.scenarios.emplace_back(scenario.name, describe(scenario));
  facts.max_duration = longest_;
  facts.max_vus = most_vus_;
  facts.threads = thread_count();
  facts.cores = usable_cores();
  facts.started = std::chrono::system_clock::now();
  dashboard_ = std::make_unique<dashboard::Dashboard>(settings_.dashboard, facts, settings_.system_view);
  if (settings_.dashboard.port < 0) return;
  if (auto serving = dashboard_->serve(); !serving) {
    const std::string holder = settings_.describe_port_holder(settings_.dashboard.port);
    log_.write(LogLevel::warning,
               fmt::format("the test runs without the live page: {}{}; K6_WEB_DASHBOARD_PORT chooses another port, 0 takes a free one",
                           serving.error().message, holder.empty() ? "" : ", held by " + holder));
  }
}

void TestRun::show_header() {
  if (settings_.quiet) return;
  output::RunHeader header;
  if (dashboard_) header.dashboard_url = dashboard_->url();
  header.script = program_.given_name();
  for (const auto& spec : settings_.outputs) header.outputs.push_back(spec.description());
  header.segment_share = test_.stripe.share();
  header.max_vus = most_vus_;
  header.max_duration = format_duration(longest_);
  for (const Scenario& scenario : scenarios_) header.scenarios.emplace_back(scenario.name, describe(scenario));
  screen_.print(output::render_banner(screen_.color()) + output::render_header(header, screen_.color()));
}

std::size_t TestRun::thread_count() const {
  std::size_t wanted = settings_.threads != 0 ? settings_.threads : usable_cores();
  if (settings_.team != nullptr) wanted = 1;  // a leader only has handleSummary() to run
  return std::clamp<std::size_t>(static_cast<std::size_t>(most_vus_), 1, wanted);
}

void TestRun::start_workers() {
  raise_descriptor_limit();
  const std::size_t count = thread_count();
  for (std::size_t i = 0; i < count; ++i) {
    workers_.push_back(std::make_unique<Worker>(i, *collector_));
    // The kernel may otherwise put a wake-up off by 50 us.
    workers_.back()->post([] { prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0); });
  }
  pool_ = std::make_unique<VuPool>(test_, control_, workers_);
  context_ = std::make_unique<ExecutorContext>(ExecutorContext{test_, control_, workers_, *pool_});
  test_.abort = [this](std::string reason) {
    control_.post([this, reason = std::move(reason)] { abort({ExitCode::script_aborted, reason, ""}); });
  };
  test_.mark_failed = [this](std::string reason) {
    log_.write(LogLevel::error, reason.empty() ? "test marked as failed" : "test marked as failed: " + reason);
    control_.post([this] { is_marked_failed_ = true; });
  };
  if (settings_.team != nullptr) return;
  watch_loops();
  tick_timer_ = control_.call_after(kTick, [this] { tick(); });
  if (screen_.is_terminal() && !settings_.quiet) draw_timer_ = control_.call_after(kDrawInterval, [this] { draw(); });
}

bool TestRun::initialize_vus() {
  bool done = false;
  std::optional<Vu::InitFailure> failure;
  pool_->initialize(planned_vus_, [&](std::optional<Vu::InitFailure> first) {
    failure = std::move(first);
    done = true;
  });
  run_until([&] { return done; });
  if (failure) give_verdict(verdict_of(program_, *failure));
  if (failure || aborted_) return false;
  started_ = Clock::now();
  last_tick_ = started_;
  cpu_at_start_s_ = cpu_at_tick_s_ = cpu_seconds();
  collector_->restart(started_);
  return true;
}

// Stages

const StageResult& TestRun::call_stage(const char* function, const char* group, std::optional<std::string> argument,
                                       std::chrono::nanoseconds timeout) {
  stage_ = std::make_unique<StageCall>(test_, control_, *workers_.front(), function, group, std::move(argument));
  bool done = false;
  stage_->start(timeout, [&] { done = true; });
  run_until([&] { return done; });
  return stage_->result();
}

void TestRun::use_stage_failure(const StageResult& result, const char* function, const char* option,
                                std::chrono::nanoseconds timeout, ExitCode timeout_code) {
  if (result.init_failure) {
    give_verdict(verdict_of(program_, *result.init_failure));
  } else if (result.timed_out) {
    give_verdict({timeout_code,
                  fmt::format("{}() execution timed out after {:.0f} seconds", function,
                              std::floor(std::chrono::duration<double>(timeout).count())),
                  fmt::format("You can increase the time limit via the {} option", option)});
  } else if (result.kind == Vu::CallResult::Kind::threw) {
    give_verdict({ExitCode::script_exception, result.error, "script exception"});
  }
}

bool TestRun::run_setup() {
  if (test_.options.no_setup || !has_function("setup")) {
    teardown_is_due_ = true;
    return true;
  }
  phase_ = RunProgress::Phase::setup;
  const auto timeout = test_.options.setup_timeout.value;
  const StageResult& result = call_stage("setup", "::setup", std::nullopt, timeout);
  use_stage_failure(result, "setup", "setupTimeout", timeout, ExitCode::setup_timeout);
  if (result.is_function) {
    give_verdict({ExitCode::other,
                  "error marshaling setup() data to JSON: json: unsupported type: func(sobek.FunctionCall) sobek.Value", ""});
  }
  if (!result.unusable_json.empty()) {
    give_verdict({ExitCode::other, "error marshaling setup() data to JSON: json: " + result.unusable_json, ""});
  }
  const bool went_well = !verdict_ && !aborted_;
  if (went_well && result.json) test_.setup_data = std::make_shared<const std::string>(*result.json);
  stage_.reset();
  teardown_is_due_ = went_well;
  return went_well;
}

void TestRun::run_scenarios() {
  phase_ = RunProgress::Phase::running;
  test_.start = Clock::now();
  if (settings_.warm_up.count() > 0) {
    warming_up_ = true;
    control_.call_at(test_.start + settings_.warm_up, [this] { end_warm_up(); });
  }
  std::size_t finished = 0;
  for (const Scenario& scenario : scenarios_) {
    scenario_runs_.push_back(std::make_unique<ScenarioRun>(scenario));
    executors_.push_back(make_executor(*context_, *scenario_runs_.back()));
  }
  for (auto& executor : executors_) {
    control_.call_at(test_.start + executor->scenario().config.start_time.value,
                     [executor = executor.get(), &finished] { executor->start([&finished] { ++finished; }); });
  }
  run_until([&] {
    // An aborted test does not wait for scenarios that have not begun.
    return finished == executors_.size() ||
           (aborted_ && std::all_of(executors_.begin(), executors_.end(), [](const auto& executor) {
              return executor->is_finished() || !executor->is_started();
            }));
  });
  end_ = Clock::now();
}

void TestRun::run_teardown() {
  if (!teardown_is_due_ || test_.options.no_teardown || !has_function("teardown")) return;
  phase_ = RunProgress::Phase::teardown;
  const auto timeout = test_.options.teardown_timeout.value;
  std::optional<std::string> data;
  if (test_.setup_data) data = *test_.setup_data;
  const StageResult& result = call_stage("teardown", "::teardown", std::move(data), timeout);
  use_stage_failure(result, "teardown", "teardownTimeout", timeout, ExitCode::teardown_timeout);
  stage_.reset();
}

// Meanwhile

void TestRun::run_until(const std::function<bool()>& over) {
  while (!over()) control_.run_once(std::chrono::hours(1));
}

void TestRun::tick() {
  ++ticks_;
  tick_timer_ = control_.call_after(kTick, [this] { tick(); });
  record_gauges();
  collector_->sample(Clock::now());
  record_health();
  if (phase_ == RunProgress::Phase::running && ticks_ % kTicksPerEvaluation == 0) evaluate_thresholds();
  update_dashboard();
  if (!screen_.is_terminal()) show_progress();
}

void TestRun::draw() {
  draw_timer_ = control_.call_after(kDrawInterval, [this] { draw(); });
  show_progress();
}

void TestRun::record_gauges() {
  const auto now = Clock::now();
  metrics::TagSet* tags = recorder_->tags().empty();
  recorder_->add(MetricId::vus, tags, static_cast<double>(test_.vus_active.load()), now);
  recorder_->add(MetricId::vus_max, tags, static_cast<double>(test_.vus_initialized.load()), now);
}

void TestRun::update_dashboard() {
  if (!dashboard_ || started_ == Clock::time_point{}) return;
  const output::Summary summary = summarize(dashboard::trend_stats());
  const RunProgress now = progress();
  dashboard_->update({collector_->snapshot(), thresholds_, summary, now, use_}, collector_->series());
}

void TestRun::end_dashboard() {
  if (!dashboard_) return;
  const output::Summary summary = summarize(dashboard::trend_stats());
  const RunProgress now = progress();
  dashboard::Ending ending;
  if (verdict_) ending = {.exit_code = static_cast<int>(verdict_->code), .reason = verdict_->message};
  dashboard_->end({collector_->snapshot(), thresholds_, summary, now, generator_use()}, collector_->series(), ending);
  if (settings_.dashboard.export_path.empty()) return;
  if (auto ok = dashboard_->write_report(); !ok) {
    log_.write(LogLevel::error, "the report could not be written", {{"error", ok.error().message}});
    give_verdict({ExitCode::other, ok.error().message, ""});
  } else {
    written_files_.emplace_back("report", settings_.dashboard.export_path);
  }
}

dashboard::GeneratorUse TestRun::generator_use() {
  const auto now = Clock::now();
  const double used = cpu_seconds();
  const double elapsed_s = std::chrono::duration<double>(now - last_tick_).count();
  dashboard::GeneratorUse use{.cpu_cores = elapsed_s > 0 ? (used - cpu_at_tick_s_) / elapsed_s : 0, .resident_bytes = resident_bytes()};
  last_tick_ = now;
  cpu_at_tick_s_ = used;
  return use;
}

/// Judges the second that has just been merged; its own sample comes with the next one.
void TestRun::record_health() {
  use_ = generator_use();
  const double share = use_.cpu_cores / static_cast<double>(usable_cores());
  if (phase_ == RunProgress::Phase::running && !registry_.strict_k6()) {
    const bool ok = output::GeneratorHealth::kept_up(collector_->snapshot(), share);
    recorder_->add(MetricId::generator_ok, recorder_->tags().empty(), ok ? 1 : 0, Clock::now());
  }
  if (collector_->stream() != nullptr && collector_->stream()->dropped() > 0 && !told_of_lost_samples_) {
    told_of_lost_samples_ = true;
    log_.write(LogLevel::warning, "an --out cannot keep up: it loses samples; the summary and the thresholds have them all");
  }
}

/// Each engine thread notes how late its own timers are.
void TestRun::watch_loops() {
  static constexpr milliseconds kInterval(100);
  if (registry_.strict_k6()) return;
  for (auto& worker : workers_) {
    // The timer arms itself again; it dies with the worker's loop.
    struct Watch {
      Worker& worker;
      Clock::time_point due;
      void arm(std::shared_ptr<Watch> self) {
        due += kInterval;
        worker.loop().call_at(due, [this, self = std::move(self)]() mutable {
          const auto now = Clock::now();
          const double lag_ms = std::chrono::duration<double, std::milli>(now - due).count();
          worker.recorder().add(MetricId::loop_lag, worker.recorder().tags().empty(), lag_ms, now);
          due = std::max(due, now - kInterval);  // a late one does not make others that are late, too
          arm(std::move(self));
        });
      }
    };
    worker->post([watch = std::make_shared<Watch>(Watch{*worker, Clock::now()})] { watch->arm(watch); });
  }
}

void TestRun::end_warm_up() {
  warming_up_ = false;
  if (phase_ != RunProgress::Phase::running) return;
  started_ = Clock::now();
  collector_->restart(started_);
  cpu_at_start_s_ = cpu_seconds();
  log_.write(LogLevel::info, fmt::format("the warm-up of {} is over: results count from here", format_duration(settings_.warm_up)));
}

void TestRun::evaluate_thresholds() {
  if (warming_up_ || settings_.member != nullptr) return;
  if (thresholds_.empty() || aborted_) return;
  thresholds_.evaluate(collector_->snapshot(), metrics::Thresholds::When::during_run);
  if (thresholds_.should_abort()) abort({ExitCode::thresholds_crossed, thresholds_.crossed_message(true), ""});
}

RunProgress TestRun::progress() const {
  const auto now = Clock::now();
  RunProgress progress;
  progress.phase = phase_;
  if (test_.start != Clock::time_point{}) progress.elapsed = (end_ == Clock::time_point{} ? now : end_) - test_.start;
  progress.max_duration = longest_;
  progress.vus_active = test_.vus_active;
  progress.vus_initialized = test_.vus_initialized;
  progress.vus_to_initialize = planned_vus_;
  progress.max_vus = most_vus_;
  progress.iterations_complete = test_.iterations_completed;
  progress.iterations_interrupted = test_.iterations_interrupted;
  for (const auto& executor : executors_) progress.scenarios.push_back(executor->progress(now));
  if (executors_.empty()) {
    for (const Scenario& scenario : scenarios_) {
      output::ScenarioProgress waiting;
      waiting.name = scenario.name;
      waiting.kind = static_cast<output::ScenarioProgress::Kind>(scenario.executor);
      progress.scenarios.push_back(std::move(waiting));
    }
  }
  return progress;
}

void TestRun::show_progress() {
  if (settings_.quiet) return;
  screen_.show_progress(output::render_progress(
      progress(), {.bars = screen_.is_terminal(), .color = screen_.color(), .columns = screen_.columns()}));
}

void TestRun::handle_signal() {
  // There is nothing to end in order while scripts load, and one that loads for ever would not let it happen.
  if (++signals_seen_ > 1 || phase_ == RunProgress::Phase::init) {
    log_.write(LogLevel::error, "Aborting k6 in response to signal");
    _exit(static_cast<int>(ExitCode::interrupted));
  }
  abort({ExitCode::interrupted, "test run was aborted because k6 received a 'interrupt' signal", ""});
}

void TestRun::abort(Verdict verdict) {
  if (settings_.member != nullptr && !verdict_) settings_.member->give_verdict(verdict.code, verdict.message, verdict.hint);
  give_verdict(std::move(verdict));
  if (aborted_) return;
  aborted_ = true;
  if (phase_ == RunProgress::Phase::setup && stage_) stage_->interrupt();
  for (auto& executor : executors_) executor->abort();
}

// The end

void TestRun::judge() {
  control_.cancel(tick_timer_);
  control_.cancel(draw_timer_);
  if (!of_team_) collector_->sample(Clock::now(), std::chrono::seconds(5));
  if (settings_.member != nullptr) return;
  thresholds_.evaluate(collector_->snapshot(), metrics::Thresholds::When::at_end);
  if (!thresholds_.crossed().empty()) {
    give_verdict({ExitCode::thresholds_crossed, thresholds_.crossed_message(false), ""});
  }
  if (is_marked_failed_) give_verdict({ExitCode::marked_failed, "test run was marked as failed", ""});
  if (settings_.require_generator_ok) {
    output::SummaryOptions options;
    options.health = health();
    const std::string problem = output::summarize(collector_->snapshot(), thresholds_, std::move(options)).health.verdict();
    if (!problem.empty()) give_verdict({ExitCode::generator_limited, problem, "the figures are not those of the target: spread the load over more cores or machines"});
  }
}

output::GeneratorHealth TestRun::health() const {
  output::GeneratorHealth health;
  if (of_team_) {
    health.cpu_share = of_team_->cpu_share;
    health.interrupted = of_team_->interrupted;
    return health;
  }
  const double elapsed_s = std::chrono::duration<double>(Clock::now() - started_).count();
  if (elapsed_s > 0) health.cpu_share = (cpu_seconds() - cpu_at_start_s_) / elapsed_s / static_cast<double>(usable_cores());
  health.interrupted = test_.iterations_interrupted;
  if (const metrics::SampleStream* stream = collector_->stream()) health.samples_dropped = stream->dropped();
  return health;
}

output::Gathered TestRun::gathered() const {
  if (of_team_) {
    output::Gathered all = *of_team_;
    all.snapshot = collector_->snapshot();
    all.thresholds = threshold_specs_;
    return all;
  }
  const output::GeneratorHealth health_now = health();
  return {.snapshot = collector_->snapshot(),
          .rows = collector_->series().rows(),
          .thresholds = threshold_specs_,
          .cpu_share = health_now.cpu_share,
          .interrupted = health_now.interrupted,
          .samples_dropped = health_now.samples_dropped};
}

output::Summary TestRun::summarize(std::vector<std::string> trend_stats) {
  output::SummaryOptions options;
  options.trend_stats = std::move(trend_stats);
  options.time_unit = test_.options.summary_time_unit;
  options.no_color = !settings_.color;
  options.stdout_is_tty = isatty(STDOUT_FILENO) == 1;
  options.stderr_is_tty = isatty(STDERR_FILENO) == 1;
  options.explicit_scenarios = test_.options.scenarios.given;
  if (test_.setup_data) options.setup_data_json = *test_.setup_data;
  options.health = health();
  return output::summarize(collector_->snapshot(), thresholds_, std::move(options));
}

void TestRun::report() {
  screen_.end_progress();
  const output::Summary summary = summarize(test_.options.summary_trend_stats);
  const bool color = screen_.color();
  if (wants_summary() && !(has_function("handleSummary") && handle_summary(summary))) {
    screen_.print(output::render_summary(summary, settings_.summary_mode, color));
  }
  if (wants_summary() && !settings_.strict_k6) screen_.print(output::render_beyond_k6(summary, color));
  write_export_files(summary);
  end_dashboard();
  show_progress();
  if (!settings_.strict_k6 && !settings_.quiet) {
    for (const auto& spec : settings_.outputs) {
      if (spec.wants_samples() && spec.writes_file()) written_files_.emplace_back(spec.label(), spec.path);
    }
    screen_.print(output::render_output_files(written_files_, color));
  }
  if (!verdict_ && test_.iterations_completed == 0) {
    log_.write(LogLevel::warning, "No script iterations fully finished, consider making the test duration longer");
  }
}

bool TestRun::handle_summary(const output::Summary& summary) {
  const StageResult& result = call_stage("handleSummary", "", output::handle_summary_json(summary), kSummaryTimeout);
  bool handled = false;
  if (result.init_failure || result.kind != Vu::CallResult::Kind::returned) {
    const std::string problem = result.init_failure ? result.init_failure->message
                                : result.timed_out  ? "handleSummary() execution timed out after 120 seconds"
                                                    : result.error;
    log_.write(LogLevel::error, problem, {{"hint", "script exception"}});
  } else if (!result.unusable_file.empty()) {
    log_.write(LogLevel::error, "failed to handle the end-of-test summary", {{"error", result.unusable_file}});
    handled = true;
  } else if (!result.is_falsy) {
    write_summary_files(result);
    handled = true;
  }
  stage_.reset();
  return handled;
}

void TestRun::write_summary_files(const StageResult& result) {
  for (const auto& [name, content] : result.files) {
    if (name == "stdout") {
      screen_.print(content);
    } else if (name == "stderr") {
      std::fwrite(content.data(), 1, content.size(), stderr);
    } else if (auto ok = output::write_whole_file(name, content); !ok) {
      log_.write(LogLevel::error, "failed to handle the end-of-test summary", {{"error", ok.error().message}});
    }
  }
}

void TestRun::write_export_files(const output::Summary& summary) {
  const auto write = [&](const std::string& label, const std::string& path, const std::string& content) {
    if (auto ok = output::write_whole_file(path, content); !ok) {
      log_.write(LogLevel::error, fmt::format("the {} could not be written", label), {{"error", ok.error().message}});
      give_verdict({ExitCode::other, ok.error().message, ""});
    } else if (path != "-") {
      written_files_.emplace_back(label, path);
    }
  };
  const bool leaves_export_out = settings_.strict_k6 && !wants_summary();  // it goes with the summary there
  if (!settings_.summary_export.empty() && !leaves_export_out) write("summary export", settings_.summary_export, output::summary_export_json(summary));
  for (const auto& spec : settings_.outputs) {
    if (spec.wants_samples()) continue;
    const output::Gathered all = gathered();
    write(spec.label(), spec.path, output::results_json(summary, all.rows, registry_, output::to_json(all, registry_)));
  }
}

// Several processes

void TestRun::run_as_member() {
  TeamMember& leader = *settings_.member;
  const bool initialized = initialize_vus();
  bool went_well = initialized;
  if (initialized) {
    leader.say_ready();
    if (leader.is_first()) {
      went_well = run_setup();
      if (went_well) leader.give_setup_data(test_.setup_data ? std::optional(*test_.setup_data) : std::nullopt);
    }
  }
  if (went_well) {
    TeamMember::Start start = leader.wait_for_start();
    if (start.go) {
      if (start.setup_data) test_.setup_data = std::make_shared<const std::string>(std::move(*start.setup_data));
      run_scenarios();
    }
    leader.say_finished();
    if (leader.is_first() && start.go && leader.wait_for_teardown()) run_teardown();
  }
  if (initialized) {
    judge();
    leader.give_results(output::to_json(gathered(), registry_));
  }
}

void TestRun::lead_team() {
  TeamResults results = settings_.team->lead();
  of_team_.emplace();
  for (const std::string& json : results.gathered_json) {
    if (auto ok = output::add(*of_team_, json, registry_, output::Generators::share_the_cores); !ok) {
      give_verdict({ExitCode::other, ok.error().message, ""});
    }
  }
  collector_->adopt(std::move(of_team_->snapshot));
  if (const auto* iterations = collector_->snapshot().find(MetricId::iterations)) {
    test_.iterations_completed = static_cast<std::uint64_t>(iterations->total.sum);
  }
  if (results.setup_data) test_.setup_data = std::make_shared<const std::string>(std::move(*results.setup_data));
  if (results.code != ExitCode::ok) give_verdict({results.code, results.message, results.hint});
  if (results.gathered_json.empty()) return;
  judge();
  report();
}

void TestRun::close_outputs() {
  rest_.reset();
  dashboard_.reset();
  stage_.reset();
  pool_.reset();  // after what executors have posted to the workers
  executors_.clear();
  workers_.clear();  // recorders go before the collector
  if (sample_outputs_) {
    if (auto ok = sample_outputs_->finish(); !ok) give_verdict({ExitCode::other, ok.error().message, ""});
  }
  recorder_.reset();
}

// What is told without running

ExitCode TestRun::inspect(bool requirements) {
  if (!look_at_script()) return finish();
  if (!requirements) {
    auto options = parse_options(script_options_);
    std::fputs((exported_json(options->options) + "\n").c_str(), stdout);
    return ExitCode::ok;
  }
  if (!plan()) return finish();
  std::string json = test_.options_json;
  json.pop_back();
  json += fmt::format(R"(,"totalDuration":"{}","maxVUs":{}}})", format_duration(longest_), most_vus_);
  std::fputs((indented(json) + "\n").c_str(), stdout);
  return ExitCode::ok;
}

ExitCode TestRun::archive(const std::string& path, bool leave_environment_out) {
  if (!look_at_script() || !plan() || !check_thresholds()) return finish();
  js::Archive archive;
  archive.entry_url = program_.entry_url();
  archive.folder = program_.folder();
  archive.options_json = to_json(test_.options);
  if (!leave_environment_out) archive.environment = {settings_.environment.begin(), settings_.environment.end()};
  archive.contents = program_.contents();
  if (auto written = js::write_archive(path, archive); !written) give_verdict({ExitCode::other, written.error().message, ""});
  return finish();
}

ExitCode TestRun::list_imports(bool as_json) {
  if (!look_at_script()) return finish();
  const std::vector<std::string> imports = program_.imports();
  if (as_json) {
    output::JsonWriter json(2);
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

/// Loads the script and does `task` with its run.
ExitCode with_script(const std::string& script, const RunSettings& given, const std::function<ExitCode(TestRun&)>& task) {
  RunSettings settings = given;
  auto log = Log::open(settings.log);
  if (!log) {
    std::fprintf(stderr, "%s\n", log.error().message.c_str());
    return ExitCode::other;
  }
  std::unique_ptr<js::Program> program;
  if (script == "-") {
    std::ostringstream text;
    text << std::cin.rdbuf();
    program = js::Program::from_text(std::move(text).str());
  } else if (js::is_archive(script)) {
    auto archive = js::read_archive(script);
    if (!archive) {
      (*log)->write(LogLevel::error, archive.error().message);
      return ExitCode::other;
    }
    settings.environment.insert(archive->environment.begin(), archive->environment.end());  // the user's own win
    program = js::Program::from_archive(script, std::move(*archive));
  } else {
    auto loaded = js::Program::from_file(script);
    if (!loaded) {
      (*log)->write(LogLevel::error, loaded.error().message);
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
    if (settings.handle_signals) base::block_signals({SIGINT, SIGTERM});
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

ExitCode run_test_in_processes(const std::string& script, const RunSettings& settings, std::size_t processes) {
  const std::size_t threads = settings.threads != 0 ? settings.threads : std::max<std::size_t>(1, usable_cores() / processes);
  auto team = Team::fork(processes, [&](std::size_t index, TeamMember& member) {
    RunSettings mine = settings;
    mine.member = &member;
    mine.threads = threads;
    mine.quiet = true;
    mine.outputs.clear();
    mine.dashboard = {};
    take_part(mine.flags, static_cast<std::int64_t>(index) + 1, static_cast<std::int64_t>(processes));
    return static_cast<int>(run_test(script, mine));
  });
  if (!team) {
    std::fprintf(stderr, "%s\n", team.error().message.c_str());
    return ExitCode::other;
  }
  RunSettings leading = settings;
  leading.team = team->get();
  return run_test(script, leading);
}

}  // namespace gauntlet::engine::run
