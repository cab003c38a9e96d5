#pragma once
// The built-in objects that the virtual users of a thread share: Object.prototype, JSON, console, the modules of k6, ... They are
// made once, do not change, and are never collected before the thread ends. docs/ENGINE.md, "The shared runtime", has the picture.
#include <quickjs.h>

#include <map>
#include <memory>
#include <string_view>

#include "engine/script/binding.hpp"
#include "engine/script/natives.hpp"

namespace gauntlet::engine::script {

class SharedBuiltins {
 public:
  /// Those of this thread with these natives, made at the first call. The program ends where there is no memory for them.
  static const SharedBuiltins& of_thread(const Natives& natives);

  explicit SharedBuiltins(const Natives& natives);
  /// All runtimes that share them must be gone.
  ~SharedBuiltins();
  SharedBuiltins(const SharedBuiltins&) = delete;
  SharedBuiltins& operator=(const SharedBuiltins&) = delete;

  /// For JS_NewRuntimeOn().
  JSRuntime* runtime() const { return runtime_; }
  /// For JS_NewContextSharing().
  JSContext* context() const { return context_; }
  /// nullptr: there is no such module, or it is each user's.
  const Module* module(std::string_view name) const;

 private:
  JSRuntime* runtime_;
  JSContext* context_;
  std::map<std::string_view, std::unique_ptr<Module>> modules_;
};

/// Makes what virtual users share of these natives in a context: globals, and modules by name.
std::map<std::string_view, std::unique_ptr<Module>> make_builtins(JSContext* context, const Natives& natives);

}  // namespace gauntlet::engine::script
