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
  /// Called once in each runtime that imports the module, while the script's top level runs, on its fiber.
  void (*init)(Module& module);
};

struct Natives {
  std::span<const NativeModule> modules;
  /// Called once in each runtime before its script runs: defines globals.
  void (*install)(JSContext* context);
  /// What to tell the user whose script imports a native module that is not among `modules`.
  std::string (*describe_missing)(std::string_view name);
};

}  // namespace gauntlet::engine::script
