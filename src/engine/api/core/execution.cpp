#include "engine/api/core/execution.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstring>

#include "base/duration.hpp"
#include "engine/api/core/tag_arguments.hpp"
#include "engine/metrics/tags.hpp"
#include "engine/script/binding.hpp"
#include "engine/users/scenario_run.hpp"
#include "engine/users/test_state.hpp"
#include "engine/users/vu_context.hpp"

namespace gauntlet::engine::api {
namespace {

JSValue count(JSContext* context, std::uint64_t number) { return JS_NewInt64(context, static_cast<std::int64_t>(number)); }

JSValue not_in_init(JSContext* context, const char* what) {
  return script::throw_error(context, fmt::format("getting {} in the init context is not supported", what));
}

constexpr script::Member property(const char* name, JSValue (*get)(JSContext*, JSValueConst)) {
  script::Member member{};
  member.name = name;
  member.prop_flags = JS_PROP_CONFIGURABLE | JS_PROP_ENUMERABLE;
  member.def_type = JS_DEF_CGETSET;
  member.u.getset.get.getter = get;
  return member;
}

JSValue object_with(JSContext* context, std::span<const script::Member> members) {
  const JSValue object = JS_NewObject(context);
  if (!JS_IsException(object)) JS_SetPropertyFunctionList(context, object, members.data(), static_cast<int>(members.size()));
  return script::unless_thrown(context, object);
}

// vu

template <auto read>
JSValue vu_number(JSContext* context, JSValueConst) {
  users::VuContext& vu = users::vu_of(context);
  if (vu.in_init()) return not_in_init(context, "VU information");
  return count(context, read(vu));
}
std::uint64_t vu_id(const users::VuContext& vu) { return vu.id(); }
std::uint64_t vu_id_in_test(const users::VuContext& vu) { return vu.id() == 0 ? 0 : vu.test().stripe.global(vu.id() - 1) + 1; }
std::uint64_t vu_iteration(const users::VuContext& vu) { return vu.iteration().of_vu; }
std::uint64_t vu_iteration_in_scenario(const users::VuContext& vu) { return vu.iteration().of_vu_in_scenario; }

/// Standing tags or metadata of the virtual user as an object whose properties are they.
struct Labels {
  enum class Kind { tags, metadata } kind;
};

Labels::Kind kind_of(JSValueConst object) { return script::Class<Labels>::of(object)->kind; }

/// The text of a label, or nullptr.
const std::string* find_metadata(const users::VuContext& vu, std::string_view name) {
  for (const auto& [key, value] : vu.tags().metadata().user) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::optional<std::string> label(const users::VuContext& vu, Labels::Kind kind, std::string_view name) {
  if (kind == Labels::Kind::metadata) {
    const std::string* found = find_metadata(vu, name);
    return found == nullptr ? std::nullopt : std::optional<std::string>(*found);
  }
  const std::string_view* found = vu.tags().current().find(name);
  return found == nullptr ? std::nullopt : std::optional<std::string>(*found);
}

std::string name_of(JSContext* context, JSAtom atom) { return script::Text::of_atom(context, atom).str(); }

int get_label(JSContext* context, JSPropertyDescriptor* descriptor, JSValueConst object, JSAtom atom) {
  const auto text = label(users::vu_of(context), kind_of(object), name_of(context, atom));
  if (!text) return 0;
  if (descriptor != nullptr) {
    descriptor->flags = JS_PROP_C_W_E;
    descriptor->value = script::new_string(context, *text);
    descriptor->getter = JS_UNDEFINED;
    descriptor->setter = JS_UNDEFINED;
    if (JS_IsException(descriptor->value)) return -1;
  }
  return 1;
}

int list_labels(JSContext* context, JSPropertyEnum** names, std::uint32_t* length, JSValueConst object) {
  const users::VuContext& vu = users::vu_of(context);
  std::vector<std::string> keys;
  if (kind_of(object) == Labels::Kind::metadata) {
    for (const auto& [key, value] : vu.tags().metadata().user) keys.push_back(key);
  } else {
    const metrics::TagSet& tags = vu.tags().current();
    for (std::size_t i = 0; i < metrics::kSystemTagCount; ++i) {
      const auto tag = static_cast<metrics::SystemTag>(i);
      if (tags.has(tag)) keys.emplace_back(metrics::name_of(tag));
    }
    for (const auto& [key, value] : tags.user()) keys.emplace_back(key);
  }
  auto* list = static_cast<JSPropertyEnum*>(js_malloc(context, sizeof(JSPropertyEnum) * std::max<std::size_t>(keys.size(), 1)));
  if (list == nullptr) return -1;
  for (std::size_t i = 0; i < keys.size(); ++i) list[i] = {true, JS_NewAtomLen(context, keys[i].data(), keys[i].size())};
  return script::give_names(context, list, keys.size(), names, length);
}

int delete_label(JSContext* context, JSValueConst object, JSAtom atom) {
  users::VuContext& vu = users::vu_of(context);
  const std::string name = name_of(context, atom);
  if (kind_of(object) == Labels::Kind::metadata) {
    std::erase_if(vu.tags().metadata().user, [&](const auto& entry) { return entry.first == name; });
  } else {
    vu.tags().erase(name);
  }
  return 1;
}

int set_label(JSContext* context, JSValueConst object, JSAtom atom, JSValueConst value, JSValueConst, int) {
  users::VuContext& vu = users::vu_of(context);
  const std::string name = name_of(context, atom);
  const bool metadata = kind_of(object) == Labels::Kind::metadata;
  std::string text;
  if (!tag_text(context, value, text)) {
    script::throw_type_error(context, fmt::format("invalid value for metric {} '{}': only String, Boolean and Number types are "
                                                  "accepted as a metric tag values",
                                                  metadata ? "metadata" : "tag", name));
    return -1;
  }
  if (metadata) {
    delete_label(context, object, atom);
    vu.tags().metadata().user.emplace_back(name, std::move(text));
  } else {
    vu.tags().set(name, text);
  }
  return 1;
}

int define_label(JSContext* context, JSValueConst object, JSAtom atom, JSValueConst value, JSValueConst, JSValueConst, int flags) {
  return set_label(context, object, atom, value, object, flags);
}

void define_labels(JSContext* context) {
  static JSClassExoticMethods exotic = [] {
    JSClassExoticMethods methods{};
    methods.get_own_property = &get_label;
    methods.get_own_property_names = &list_labels;
    methods.delete_property = &delete_label;
    methods.define_own_property = &define_label;
    methods.set_property = &set_label;
    return methods;
  }();
  JSClassDef definition{};
  definition.finalizer = &script::detail::finalize_object<Labels>;
  definition.exotic = &exotic;
  script::detail::register_plain_class(context, script::Class<Labels>::id(), definition);
}

template <Labels::Kind kind>
JSValue get_labels(JSContext* context, JSValueConst) {
  if (users::vu_of(context).in_init()) return not_in_init(context, "VU information");
  return script::Class<Labels>::create(context, std::make_unique<Labels>(Labels{kind}));
}

const script::Member kVuMetrics[] = {
    property("tags", &get_labels<Labels::Kind::tags>),
    property("metadata", &get_labels<Labels::Kind::metadata>),
};
JSValue get_vu_metrics(JSContext* context, JSValueConst) { return object_with(context, kVuMetrics); }

const script::Member kVu[] = {
    property("idInInstance", &vu_number<&vu_id>),
    property("idInTest", &vu_number<&vu_id_in_test>),
    property("iterationInInstance", &vu_number<&vu_iteration>),
    property("iterationInScenario", &vu_number<&vu_iteration_in_scenario>),
    property("tags", &get_labels<Labels::Kind::tags>),
    property("metrics", &get_vu_metrics),
};

// scenario

using ReadScenario = JSValue (*)(JSContext*, const users::VuContext&, const users::ScenarioRun&);

template <auto read>
JSValue of_scenario(JSContext* context, JSValueConst) {
  const users::VuContext& vu = users::vu_of(context);
  if (vu.scenario() == nullptr) {
    return script::throw_error(context, "getting scenario information outside of the VU context is not supported");
  }
  return read(context, vu, *vu.scenario());
}
JSValue scenario_name(JSContext* context, const users::VuContext&, const users::ScenarioRun& scenario) {
  return script::new_string(context, scenario.config.name);
}
JSValue scenario_executor(JSContext* context, const users::VuContext&, const users::ScenarioRun& scenario) {
  return script::new_string(context, plan::name_of(scenario.config.executor));
}
JSValue scenario_start(JSContext* context, const users::VuContext&, const users::ScenarioRun& scenario) {
  const auto since_epoch = scenario.started_wall.time_since_epoch();
  return JS_NewInt64(context, std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count());
}
JSValue scenario_progress(JSContext* context, const users::VuContext&, const users::ScenarioRun& scenario) {
  return JS_NewFloat64(context, scenario.progress(users::Clock::now()));
}
JSValue scenario_iteration(JSContext* context, const users::VuContext& vu, const users::ScenarioRun&) {
  return count(context, vu.iteration().of_scenario);
}
JSValue scenario_iteration_in_test(JSContext* context, const users::VuContext& vu, const users::ScenarioRun& scenario) {
  return count(context, scenario.config.iteration_stripe.global(vu.iteration().of_scenario));
}

const script::Member kScenario[] = {
    property("name", &of_scenario<&scenario_name>),
    property("executor", &of_scenario<&scenario_executor>),
    property("startTime", &of_scenario<&scenario_start>),
    property("progress", &of_scenario<&scenario_progress>),
    property("iterationInInstance", &of_scenario<&scenario_iteration>),
    property("iterationInTest", &of_scenario<&scenario_iteration_in_test>),
};

// instance

template <auto read>
JSValue of_instance(JSContext* context, JSValueConst) {
  const users::VuContext& vu = users::vu_of(context);
  if (vu.in_init()) return not_in_init(context, "instance information");
  return read(context, vu.test());
}
JSValue run_duration(JSContext* context, const users::TestState& test) {
  if (test.start == users::Clock::time_point{}) return JS_NewFloat64(context, 0);
  const auto now = users::Clock::now();
  return JS_NewFloat64(context, base::milliseconds_of(now - test.start));
}
JSValue completed(JSContext* context, const users::TestState& test) { return count(context, test.iterations_completed); }
JSValue interrupted(JSContext* context, const users::TestState& test) { return count(context, test.iterations_interrupted); }
JSValue active(JSContext* context, const users::TestState& test) { return JS_NewInt64(context, test.vus_active); }
JSValue initialized(JSContext* context, const users::TestState& test) { return JS_NewInt64(context, test.vus_initialized); }

const script::Member kInstance[] = {
    property("currentTestRunDuration", &of_instance<&run_duration>), property("iterationsCompleted", &of_instance<&completed>),
    property("iterationsInterrupted", &of_instance<&interrupted>),   property("vusActive", &of_instance<&active>),
    property("vusInitialized", &of_instance<&initialized>),
};

// test

JSValue abort_test(script::Call call) {
  const script::Text reason(call.context, call.arg(0));
  if (reason.failed()) return JS_EXCEPTION;
  return users::vu_of(call.context).abort_test(call.has(0) ? reason.view() : "");
}

JSValue fail_test(script::Call call) {
  const script::Text reason(call.context, call.arg(0));
  if (reason.failed()) return JS_EXCEPTION;
  const users::TestState& test = users::vu_of(call.context).test();
  if (test.mark_failed) test.mark_failed(call.has(0) ? reason.str() : "");
  return JS_UNDEFINED;
}

JSValue get_options(JSContext* context, JSValueConst) {
  const users::VuContext& vu = users::vu_of(context);
  if (vu.in_init()) return not_in_init(context, "test options");
  return script::from_json(context, vu.test().options_json, "options").release();
}

const script::Member kTest[] = {
    script::function<&abort_test>("abort", 1),
    script::function<&fail_test>("fail", 1),
    property("options", &get_options),
};

}  // namespace

void init_execution(script::Module& module) {
  JSContext* context = module.context();
  define_labels(context);
  module.export_value("instance", script::Value(context, object_with(context, kInstance)));
  module.export_value("scenario", script::Value(context, object_with(context, kScenario)));
  module.export_value("test", script::Value(context, object_with(context, kTest)));
  module.export_value("vu", script::Value(context, object_with(context, kVu)));
}

}  // namespace gauntlet::engine::api
