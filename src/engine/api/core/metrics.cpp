#include "engine/api/core/metrics.hpp"

#include <fmt/format.h>

#include <cmath>

#include "base/event_loop.hpp"
#include "engine/api/core/tag_arguments.hpp"
#include "engine/metrics/recorder.hpp"
#include "engine/metrics/tags.hpp"
#include "engine/plan/options.hpp"
#include "engine/script/binding.hpp"
#include "engine/users/test_state.hpp"
#include "engine/users/vu_context.hpp"

namespace gauntlet::engine::api {
namespace {

using metrics::MetricType;
using metrics::ValueKind;

struct Metric {
  metrics::MetricId id;
};

/// The number that a script adds; NaN for what is none.
double number_of(JSContext* context, JSValueConst value) {
  if (JS_IsNull(value) || JS_IsUndefined(value)) return std::nan("");
  double number = 0;
  if (JS_ToFloat64(context, &number, value) < 0) {
    JS_FreeValue(context, JS_GetException(context));
    return std::nan("");
  }
  return number;
}

JSValue add(script::Self<Metric> self, script::Call call) {
  JSContext* context = self.context;
  users::VuContext& vu = users::vu_of(context);
  if (vu.in_init()) return script::throw_error(context, "Adding to metrics in the init context is not supported");
  const double value = number_of(context, call.arg(0));
  const std::string& name = vu.test().metrics.info(self->id).name;
  if (std::isnan(value)) {
    const script::Text shown(context, call.arg(0));
    const std::string problem =
        fmt::format("'{}' is an invalid value for metric '{}', a number or a boolean value is expected", shown.view(), name);
    if (vu.options().throw_errors) return script::throw_error(context, problem);
    vu.warn(problem);
    return JS_FALSE;
  }
  metrics::TagSet* tags = vu.tags().set_pointer();
  if (call.has(1)) {
    metrics::TagBuilder builder(vu.tags());
    TagArguments given(context);
    if (!given.add_to(builder, call.arg(1), name)) return JS_EXCEPTION;
    tags = builder.intern();
  }
  if (JS_HasException(context)) return JS_EXCEPTION;
  vu.recorder().add(self->id, tags, value, base::EventLoop::Clock::now(), &vu.tags().metadata());
  return JS_TRUE;
}

const script::Member kMetric[] = {script::method<&add>("add", 2)};

template <MetricType type>
JSValue declare(script::Call call) {
  JSContext* context = call.context;
  users::VuContext& vu = users::vu_of(context);
  if (!vu.in_init()) return script::throw_error(context, "metrics must be declared in the init context");
  const script::Text name(context, call.has(0) ? call.arg(0) : JS_UNDEFINED);
  const bool is_time = call.has(1) && JS_ToBool(context, call.arg(1)) > 0;
  auto id = vu.test().metrics.declare(call.has(0) ? name.view() : "", type, is_time ? ValueKind::time : ValueKind::plain);
  if (!id) return script::throw_error(context, id.error().message);
  script::Value metric(context, script::Class<Metric>::construct(call, std::make_unique<Metric>(Metric{*id})));
  if (metric.is_exception()) return JS_EXCEPTION;
  metric.set("name", name.view());
  return metric.release();
}

template <MetricType type>
void export_constructor(script::Module& module, const char* name) {
  module.export_class<Metric, &declare<type>>(name, 2);
}

}  // namespace

void init_metrics(script::Module& module) {
  script::Class<Metric>::define(module.context(), "Metric", kMetric);
  export_constructor<MetricType::counter>(module, "Counter");
  export_constructor<MetricType::gauge>(module, "Gauge");
  export_constructor<MetricType::rate>(module, "Rate");
  export_constructor<MetricType::trend>(module, "Trend");
}

}  // namespace gauntlet::engine::api
