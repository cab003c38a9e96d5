#pragma once
#include <quickjs.h>

#include "base/event_loop.hpp"
#include "engine/metrics/tags.hpp"

namespace gauntlet::engine::users {

/// The standing tags of a group: those around it as they were when it began, its name, and what is set inside. What runs
/// in it has them, after an await, too.
class TagScope : public JSAsyncContext {
 public:
  explicit TagScope(metrics::Tags& around) : JSAsyncContext{1, &destroy}, tags(around.table()), began(base::EventLoop::Clock::now()) {
    tags.restore(around.save());
    tags.metadata() = around.metadata();
  }
  TagScope(const TagScope&) = delete;
  TagScope& operator=(const TagScope&) = delete;

  /// Where the script is now; nullptr outside of groups.
  static TagScope* current(JSContext* context) { return static_cast<TagScope*>(JS_GetAsyncContext(JS_GetRuntime(context))); }

  metrics::Tags tags;
  const base::EventLoop::Clock::time_point began;

 private:
  ~TagScope() = default;
  static void destroy(JSAsyncContext* scope) { delete static_cast<TagScope*>(scope); }
};

}  // namespace gauntlet::engine::users
