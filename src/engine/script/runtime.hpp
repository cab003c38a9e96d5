#pragma once
// One virtual user's JavaScript: a QuickJS runtime with its context, the module loader, promise jobs and what became
// of rejected promises. Made, used and destroyed on one thread; scripts run on one fiber, always the same.
#include <quickjs.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/script/binding.hpp"
#include "engine/script/natives.hpp"
#include "engine/script/program.hpp"
#include "engine/script/value.hpp"

namespace gauntlet::engine::script {

class SharedBuiltins;

/// What the runtime asks of the virtual user that it belongs to.
class Host {
 public:
  virtual ~Host() = default;
  /// Asked every few thousand operations of running script: true makes it stop with an error that it cannot catch.
  virtual bool on_script_tick() = 0;
};

/// Whose the built-in objects are that a script sees: JSON, Array.prototype, what `import http from 'k6/http'` gives, ...
enum class Builtins {
  shared,   ///< those of the thread, for all virtual users; a script that changes one gets a TypeError
  own,      ///< the runtime's, made when they are touched
  watched,  ///< the runtime's, all made at once, and has_changed_builtins() knows
};

class Runtime {
 public:
  static constexpr std::size_t kMaxHeapBytes = std::size_t{1} << 30;
  static constexpr std::size_t kMinHeapBytes = std::size_t{1} << 20;

  /// `natives` outlives it; `opaque` is what JS_GetContextOpaque gives natives. Call on the fiber: its stack bounds QuickJS's. What the
  /// script allocates beyond `heap_bytes` (at least kMinHeapBytes) gives it an error; so does what NativeMemory counts.
  Runtime(Program& program, const Natives& natives, Host& host, void* opaque, std::size_t stack_bytes,
          std::size_t heap_bytes = kMaxHeapBytes, Builtins builtins = Builtins::shared);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  /// The runtime of a context.
  static Runtime& of(JSContext* context);

  JSContext* context() const { return context_; }
  Program& program() const { return program_; }
  std::size_t heap_bytes() const { return heap_bytes_; }
  /// Of Builtins::watched: whether its script has changed one. Objects that are made when a user imports them are none.
  bool has_changed_builtins() const { return JS_HasChangedBuiltin(runtime_); }

  /// Runs the entry script's top level: an exception, or a promise that settles when it is done (ES modules with
  /// top-level await need jobs and timers to run meanwhile), or undefined.
  Value start_entry();
  /// What the entry script exports, once it has run.
  Value exports() const;
  /// Why modules could not be loaded, in the words of the user's message; empty when start_entry() failed otherwise.
  const std::string& load_failure() const { return load_failure_; }

  /// `require(specifier)` as seen from the module `base_url`.
  JSValue require(std::string_view specifier, std::string_view base_url);
  /// The URL of the module whose code is running.
  std::string calling_module() const;

  /// Runs promise jobs until there are none. False when one was stopped by an interrupt (the error is pending).
  bool run_jobs();
  void discard_jobs() { JS_DiscardPendingJobs(runtime_); }
  /// Reasons of promises that were rejected and that nobody has handled by now; forgets them.
  std::vector<Value> take_unhandled_rejections();

 private:
  static char* normalize_specifier(JSContext* context, const char* base, const char* specifier, void* opaque);
  static JSModuleDef* load_module(JSContext* context, const char* name, void* opaque);
  static JSValue export_native(JSContext* context, JSModuleDef* definition, JSAtom export_name);
  static int export_common_js(JSContext* context, JSModuleDef* definition);
  static void track_rejection(JSContext* context, JSValueConst promise, JSValueConst reason, bool handled, void* opaque);
  static JSValue resolve_from_meta(JSContext* context, JSValueConst self, int count, JSValueConst* arguments, int magic,
                                   JSValueConst* data);
  static JSValue require_from(JSContext* context, JSValueConst self, int count, JSValueConst* arguments, int magic, JSValueConst* data);

  /// Bytecode of a source as a value to evaluate, or an exception.
  JSValue compile(const Source& source);
  JSValue compile_text(const Source& source);
  /// For what is no JavaScript and may be TypeScript: the exception that is pending stays when it is neither.
  JSValue compile_typescript(const Source& source);
  void note_syntax_error(const Source& source);
  void set_import_meta(JSModuleDef* definition, const std::string& url);
  /// nullptr with an exception pending when there is no such module.
  const Module* native_module(const std::string& name);
  JSModuleDef* define_native_module(const std::string& name);
  JSModuleDef* define_common_js_module(const Source& source);
  /// module.exports of a CommonJS file, which runs the first time; an exception value when it throws.
  Value run_common_js(const Source& source);
  JSValue fail_to_load(const base::Error& error);

  Program& program_;
  const Natives& natives_;
  const std::size_t heap_bytes_;
  JSRuntime* runtime_ = nullptr;
  JSContext* context_ = nullptr;
  JSModuleDef* entry_ = nullptr;
  std::string load_failure_;
  const SharedBuiltins* shared_ = nullptr;
  std::map<std::string_view, std::unique_ptr<Module>> native_modules_;  // by name: its own, as far as they have been made
  std::unordered_map<std::string, Value> common_js_;                    // `module` objects by URL
  std::unordered_map<std::string, std::string> specifiers_;             // as written, by resolved URL, for messages
  std::vector<std::pair<Value, Value>> rejected_;                       // promise and reason
};

/// A thrown value as k6 logs it: an Error's stack, anything else as text.
std::string describe_exception(JSContext* context, JSValueConst exception);

}  // namespace gauntlet::engine::script
