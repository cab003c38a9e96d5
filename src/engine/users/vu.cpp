#include "engine/users/vu.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "base/duration.hpp"
#include "engine/metrics/recorder.hpp"
#include "engine/metrics/tags.hpp"
#include "engine/users/scenario_run.hpp"
#include "engine/users/test_state.hpp"
#include "engine/wire/tcp/stream.hpp"

namespace gauntlet::engine::users {
namespace {

using metrics::MetricId;
using metrics::SystemTag;

/// How long a script may keep its thread before the loop serves the others: small against the times that matter in a
/// load test, large against a round of the loop. Between iterations the loop gets its turn sooner.
constexpr std::chrono::milliseconds kScriptSlice(10);
constexpr std::chrono::milliseconds kIterationSlice(1);

// Exported functions of a virtual user's life, and the groups of their samples.
constexpr const char* kSetupVu = "setupVU";
constexpr const char* kTeardownVu = "teardownVU";

}  // namespace

// Life

Vu::Vu(TestState& test, const Place& place, std::uint64_t id)
    : VuContext(test, place.loop, place.recorder, id), fiber_(place.stacks, [this] { live(); }) {}

Vu::~Vu() {
  if (!fiber_.started()) return;
  assert(idle_);
  closing_ = true;
  fiber_.resume();
}

void Vu::live() {
  while (!closing_) {
    if (jobs_.empty()) {
      idle_ = true;
      fiber::Fiber::suspend();
      idle_ = false;
      continue;
    }
    const auto job = std::move(jobs_.front());
    jobs_.erase(jobs_.begin());
    job();
  }
  // Clients and their callbacks hold values of the runtime.
  destroy_slots();
  iteration_hooks_.clear();
  end_hooks_.clear();
  inbox_.clear();
  function_ = environment_ = setup_data_ = own_data_ = script::Value();
  runtime_.reset();
}

void Vu::post(std::function<void()> job) {
  jobs_.push_back(std::move(job));
  if (idle_ || !fiber_.started()) fiber_.resume();
}

void Vu::interrupt() {
  if (!working_) return;
  cut_ = true;
  fiber_.interrupt();
}

void Vu::yield() {
  loop_.post([this] { fiber_.resume(); });
  fiber::Fiber::suspend();
}

bool Vu::on_script_tick() {
  if (!cut_ && base::EventLoop::Clock::now() - loop_.now() > kScriptSlice) yield();
  return cut_;
}

void Vu::breathe() {
  if (base::EventLoop::Clock::now() - loop_.now() > kIterationSlice) yield();
}

// Working

void Vu::begin_work() {
  working_ = true;
  cut_ = false;
  fiber_.clear_interrupt();
}

Vu::Settled Vu::take_exception() {
  const script::Value exception(context_, JS_GetException(context_));
  if (cut_ || JS_IsUncatchableError(exception.get())) return Settled::cut_short;
  log_exception(exception);
  return Settled::failed;
}

Vu::Settled Vu::settle() {
  for (;;) {
    if (cut_) return Settled::cut_short;
    if (!runtime_->run_jobs()) return take_exception();
    if (report_unhandled_rejections()) return Settled::failed;
    if (!inbox_.empty()) {
      if (on_script_tick()) return Settled::cut_short;
      const auto job = std::move(inbox_.front());
      inbox_.erase(inbox_.begin());
      job();
      if (JS_HasException(context_)) return take_exception();
      continue;
    }
    if (operations_ == 0) return Settled::quiet;
    fiber::Awaited<> signal;
    inbox_signal_ = &signal;
    signal.wait();
    inbox_signal_ = nullptr;
  }
}

void Vu::end_work(Settled how) {
  working_ = false;
  for (const auto& hook : end_hooks_) hook(how != Settled::quiet);
  if (how == Settled::quiet) return;
  runtime_->discard_jobs();
  runtime_->take_unhandled_rejections();
  ++epoch_;
  operations_ = 0;
  inbox_.clear();
}

// The log

LogFields Vu::scenario_fields(std::string_view source) const {
  LogFields fields;
  if (scenario_ != nullptr) {
    fields.push_back({"executor", name_of(scenario_->config.executor)});
    fields.push_back({"scenario", scenario_->config.name});
  }
  if (!source.empty()) fields.push_back({"source", source});
  return fields;
}

void Vu::log_exception(const script::Value& exception) const {
  test_.log.write(LogLevel::error, script::describe_exception(context_, exception.get()), scenario_fields("stacktrace"));
}

bool Vu::report_unhandled_rejections() {
  const auto reasons = runtime_->take_unhandled_rejections();
  for (const script::Value& reason : reasons) {
    test_.log.write(LogLevel::error, "Uncaught (in promise) " + script::describe_exception(context_, reason.get()), scenario_fields(""));
  }
  return !reasons.empty();
}

// Init

script::Builtins Vu::builtins() const {
  // The one with id 0 goes first. It may do all that k6 lets a script do, which tells how the others are to live.
  if (id_ == 0) return script::Builtins::watched;
  const bool isolated = test_.options.isolated_users.value || test_.metrics.strict_k6() || test_.changes_builtins;
  return isolated ? script::Builtins::own : script::Builtins::shared;
}

std::optional<Vu::InitFailure> Vu::initialize() {
  script::Host& host = *this;
  VuContext* const opaque = this;
  runtime_ = std::make_unique<script::Runtime>(test_.program, test_.natives, host, opaque, fiber_.stack().size, test_.heap_bytes_per_vu,
                                               builtins());
  context_ = runtime_->context();
  in_init_ = true;
  begin_work();
  const script::Value entry = runtime_->start_entry();
  std::optional<InitFailure> failure;
  const auto fail_with = [&](const script::Value& exception) {
    failure = InitFailure{InitFailure::Kind::exception, script::describe_exception(context_, exception.get())};
    if (!runtime_->load_failure().empty()) failure = InitFailure{InitFailure::Kind::load, runtime_->load_failure()};
    if (!abort_reason_.empty()) failure = InitFailure{InitFailure::Kind::aborted, abort_reason_};
  };
  if (entry.is_exception()) {
    fail_with(script::Value(context_, JS_GetException(context_)));
    end_work(Settled::failed);
  } else {
    if (JS_IsPromise(entry.get())) JS_PromiseMarkAsHandled(context_, entry.get());
    const Settled how = settle();
    end_work(how);
    const script::Value result(context_, JS_IsPromise(entry.get()) ? JS_PromiseResult(context_, entry.get()) : JS_UNDEFINED);
    const JSPromiseStateEnum state = JS_PromiseState(context_, entry.get());
    if (state == JS_PROMISE_REJECTED || how == Settled::cut_short) {
      fail_with(result);
    } else if (state == JS_PROMISE_PENDING) {
      failure = InitFailure{InitFailure::Kind::exception, "the script waits at its top level for something that never comes"};
    } else if (how == Settled::failed) {
      failure = InitFailure{InitFailure::Kind::exception, "a promise or timer of the script's top level failed (see above)"};
    }
  }
  in_init_ = false;
  if (runtime_->has_changed_builtins()) test_.changes_builtins = true;
  if (!failure) set_standing_tags();
  return failure;
}

std::vector<std::string> Vu::exported_functions() {
  std::vector<std::string> names;
  const script::Value exports = runtime_->exports();
  if (!exports.is_object()) return names;
  script::for_each_property(context_, exports.get(), [&](std::string_view name, const script::Value& value) {
    if (value.is_function()) names.emplace_back(name);
    return true;
  });
  return names;
}

script::Value Vu::exported(const std::string& name) {
  const script::Value exports = runtime_->exports();
  return exports.is_object() ? exports.property(name) : script::Value(context_, JS_UNDEFINED);
}

// Setup, teardown, handleSummary

Vu::CallResult Vu::call(const std::string& name, std::vector<script::Value> arguments, std::string_view group) {
  const script::Value function = exported(name);
  tags_->set(SystemTag::group, group);
  begin_work();
  std::vector<JSValueConst> values;
  values.reserve(arguments.size());
  for (const script::Value& argument : arguments) values.push_back(argument.get());
  const bool has_all = std::none_of(values.begin(), values.end(), [](JSValueConst each) { return JS_IsException(each); });
  script::Value value(
      context_, has_all ? JS_Call(context_, function.get(), JS_UNDEFINED, static_cast<int>(values.size()), values.data()) : JS_EXCEPTION);
  CallResult result;
  Settled how = Settled::quiet;
  if (value.is_exception()) {
    value = script::Value(context_, JS_GetException(context_));
    how = cut_ || JS_IsUncatchableError(value.get()) ? Settled::cut_short : Settled::failed;
  } else {
    if (JS_IsPromise(value.get())) JS_PromiseMarkAsHandled(context_, value.get());
    how = settle();
    const JSPromiseStateEnum state = JS_PromiseState(context_, value.get());
    if (state == JS_PROMISE_REJECTED && how == Settled::quiet) how = Settled::failed;
    if (state != JS_PROMISE_NOT_A_PROMISE) value = script::Value(context_, JS_PromiseResult(context_, value.get()));
  }
  if (how == Settled::cut_short) result.kind = CallResult::Kind::interrupted;
  if (how == Settled::failed) {
    result.kind = CallResult::Kind::threw;
    result.error = script::describe_exception(context_, value.get());
  }
  result.value = std::move(value);
  end_work(how);
  record_traffic(base::EventLoop::Clock::now());
  return result;
}

script::Value Vu::setup_data() {
  if (!has_setup_data_) {
    const auto& json = test_.setup_data;
    script::Value parsed = json ? script::from_json(context_, *json, "setup data") : script::Value(context_, JS_UNDEFINED);
    if (parsed.is_exception()) return parsed;
    setup_data_ = std::move(parsed);
    has_setup_data_ = true;
  }
  return setup_data_;
}

// Setup and teardown of a virtual user

Vu::CallResult Vu::call_of_life(const char* name, std::vector<script::Value> arguments, std::chrono::nanoseconds patience) {
  bool timed_out = false;
  const auto timer = loop_.call_after(patience, [&] {
    timed_out = true;
    interrupt();
  });
  const Instant start = base::EventLoop::Clock::now();
  CallResult result = call(name, std::move(arguments), fmt::format("::{}", name));
  const Instant end = base::EventLoop::Clock::now();
  loop_.cancel(timer);
  recorder_.add(MetricId::group_duration, tags_->set_pointer(), base::milliseconds_of(end - start), end, &tags_->metadata());
  tags_->set(SystemTag::group, "");
  if (timed_out && result.kind == CallResult::Kind::interrupted) {
    result.kind = CallResult::Kind::threw;
    result.error = fmt::format("{}() execution timed out after {:.0f} seconds", name, base::seconds_of(patience));
  }
  if (result.kind == CallResult::Kind::threw) test_.log.write(LogLevel::error, result.error, scenario_fields("stacktrace"));
  return result;
}

Vu::Settled Vu::set_up() {
  if (!test_.options.no_setup && !test_.metrics.strict_k6() && exported(kSetupVu).is_function()) {
    std::vector<script::Value> arguments;
    arguments.push_back(setup_data());
    CallResult result = call_of_life(kSetupVu, std::move(arguments), test_.options.setup_timeout);
    if (result.kind == CallResult::Kind::interrupted) return Settled::cut_short;
    if (result.kind == CallResult::Kind::threw) return Settled::failed;
    own_data_ = std::move(result.value);
    has_own_data_ = true;
  }
  is_set_up_ = true;
  return Settled::quiet;
}

void Vu::tear_down() {
  const bool is_due = is_set_up_ && !cut_ && !test_.aborted && !test_.options.no_teardown && !test_.metrics.strict_k6();
  if (is_due && exported(kTeardownVu).is_function()) {
    std::vector<script::Value> arguments;
    arguments.push_back(setup_data());
    arguments.push_back(own_data_);
    call_of_life(kTeardownVu, std::move(arguments), test_.options.teardown_timeout);
  }
  is_set_up_ = has_own_data_ = false;
  own_data_ = script::Value();
}

// Iterations

void Vu::set_standing_tags() {
  tags_->clear();
  for (const auto& [name, value] : test_.options.tags.value) tags_->set(name, value);
  tags_->set(SystemTag::group, "");
  if (scenario_ != nullptr) {
    tags_->set(SystemTag::scenario, scenario_->config.name);
    for (const auto& [name, value] : scenario_->config.tags.value) tags_->set(name, value);
  }
  const metrics::SystemTagSet& enabled = recorder_.tags().enabled();
  tags_->metadata() = metrics::Metadata();
  if (enabled.vu) tags_->metadata().vu = id_;
}

void Vu::enter_scenario(ScenarioRun& scenario) {
  scenario_ = &scenario;
  next_iteration_in_scenario_ = iterations_in_[&scenario];
  environment_ = script::Value();
  function_ = exported(scenario.config.exec);
  set_standing_tags();
}

void Vu::leave_scenario() {
  tear_down();
  iterations_in_[scenario_] = next_iteration_in_scenario_;
  scenario_ = nullptr;
}

void Vu::record_traffic(Instant at) {
  metrics::TagSet* tags = tags_->set_pointer();
  recorder_.add(MetricId::data_sent, tags, static_cast<double>(traffic_->sent), at, &tags_->metadata());
  recorder_.add(MetricId::data_received, tags, static_cast<double>(traffic_->received), at, &tags_->metadata());
  *traffic_ = wire::Traffic();
}

Vu::Settled Vu::call_function() {
  begin_work();
  for (const auto& hook : iteration_hooks_) hook();
  const script::Value data = setup_data();
  JSValueConst arguments[] = {data.get(), own_data_.get()};
  const script::Value result(
      context_, data.is_exception() ? JS_EXCEPTION : JS_Call(context_, function_.get(), JS_UNDEFINED, has_own_data_ ? 2 : 1, arguments));
  const Settled how = result.is_exception() ? take_exception() : settle();
  end_work(how);
  return how;
}

bool Vu::run_iteration(std::uint64_t number, std::optional<Instant> due) {
  iteration_ = {.of_vu = next_iteration_++, .of_vu_in_scenario = next_iteration_in_scenario_++, .of_scenario = number};
  if (recorder_.tags().enabled().iter) tags_->metadata().iter = iteration_.of_vu;
  const Instant begun = base::EventLoop::Clock::now();
  Instant start = begun;
  Settled how = Settled::quiet;
  if (!is_set_up_) {
    how = set_up();
    if (is_set_up_) start = base::EventLoop::Clock::now();
  }
  if (how == Settled::quiet) how = call_function();
  const Instant end = base::EventLoop::Clock::now();

  // An iteration that aborts the test is complete, for k6.
  const bool completed = how != Settled::cut_short || !abort_reason_.empty();
  metrics::TagSet* tags = tags_->set_pointer();
  const metrics::Metadata* metadata = &tags_->metadata();
  if (due) recorder_.add(MetricId::schedule_slip, tags, base::milliseconds_of(begun - *due), begun, metadata);
  if (completed) {
    recorder_.add(MetricId::iteration_duration, tags, base::milliseconds_of(end - start), end, metadata);
    if (due) recorder_.add(MetricId::iteration_duration_intended, tags, base::milliseconds_of(end - *due), end, metadata);
    recorder_.add(MetricId::iterations, tags, 1, end, metadata);
    test_.iterations_completed.fetch_add(1, std::memory_order_relaxed);
    scenario_->iterations_completed.fetch_add(1, std::memory_order_relaxed);
  } else {
    test_.iterations_interrupted.fetch_add(1, std::memory_order_relaxed);
  }
  record_traffic(end);

  const auto shortest = test_.options.min_iteration_duration.value;
  if (completed && end - start < shortest) {
    begin_work();
    sleep(shortest - (end - start));
    working_ = false;
  }
  return completed;
}

}  // namespace gauntlet::engine::users
