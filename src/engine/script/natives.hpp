#pragma once
// What scripts find that is no file: modules that they import by name, and globals. The interpreter knows none of them; whoever
// makes a runtime hands them over.
#include <quickjs.h>

#include <span>
#include <string>
#include <string_view>

namespace gauntlet::engine::script {

class Module;

/// What `import ... from "k6/http"` and `require("k6/http")` find.
struct NativeModule {
  std::string_view name;
  /// Called once in each runtime that imports the module, while the script's top level runs, on its fiber. Where virtual users
  /// share built-in objects it is called once in a thread, for all of them.
  void (*init)(Module& module);
  /// What init() makes depends on the virtual user, or keeps state in JavaScript: it is made for each one.
  bool is_of_user = false;
};

struct Natives {
  std::span<const NativeModule> modules;
  /// Called before scripts run, once in each runtime or once in a thread, as a module's init(): defines globals.
  void (*install)(JSContext* context);
  /// What to tell the user whose script imports a native module that is not among `modules`.
  std::string (*describe_missing)(std::string_view name);
};

}  // namespace gauntlet::engine::script
