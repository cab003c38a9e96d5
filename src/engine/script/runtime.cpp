#include "engine/script/runtime.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "engine/script/heap.hpp"
#include "engine/script/shared_builtins.hpp"
#include "engine/script/stack_text.hpp"
#include "engine/script/type_stripper.hpp"

namespace gauntlet::engine::script {
namespace {

/// Left for natives and for QuickJS's own C code, which looks at its limit only on entering a script function.
constexpr std::size_t kStackReserveBytes = 48 * 1024;

/// Where a heap is at its limit, what says so still needs a little.
class HeapLeeway {
 public:
  explicit HeapLeeway(JSContext* context)
      : runtime_(JS_GetRuntime(context)), owner_(static_cast<const Runtime*>(JS_GetRuntimeOpaque(runtime_))) {
    if (owner_ != nullptr) JS_SetMemoryLimit(runtime_, owner_->heap_bytes() + kBytes);
  }
  ~HeapLeeway() {
    if (owner_ != nullptr) JS_SetMemoryLimit(runtime_, owner_->heap_bytes());
  }
  HeapLeeway(const HeapLeeway&) = delete;
  HeapLeeway& operator=(const HeapLeeway&) = delete;

 private:
  static constexpr std::size_t kBytes = std::size_t{1} << 20;
  JSRuntime* const runtime_;
  const Runtime* const owner_;
};

char* duplicate(JSContext* context, std::string_view text) { return js_strndup(context, text.data(), text.size()); }

}  // namespace

Runtime::Runtime(Program& program, const Natives& natives, Host& host, void* opaque, std::size_t stack_bytes, std::size_t heap_bytes,
                 Builtins builtins)
    : program_(program), natives_(natives), heap_bytes_(heap_bytes) {
  if (builtins == Builtins::shared) shared_ = &SharedBuiltins::of_thread(natives);
  runtime_ = Heap::of_thread().new_runtime(shared_ == nullptr ? nullptr : shared_->runtime());
  JS_UpdateStackTop(runtime_);
  JS_SetMaxStackSize(runtime_, stack_bytes - kStackReserveBytes);
  JS_SetMemoryLimit(runtime_, heap_bytes_);
  JS_SetRuntimeOpaque(runtime_, this);
  JS_SetModuleLoaderFunc(runtime_, &normalize_specifier, &load_module, this);
  JS_SetHostPromiseRejectionTracker(runtime_, &track_rejection, this);
  JS_SetInterruptHandler(
      runtime_, [](JSRuntime*, void* asked) { return static_cast<Host*>(asked)->on_script_tick() ? 1 : 0; }, &host);
  context_ = shared_ == nullptr ? JS_NewContext(runtime_) : JS_NewContextSharing(runtime_, shared_->context());
  JS_SetContextOpaque(context_, opaque);
  if (builtins == Builtins::own) natives_.install(context_);
  if (builtins == Builtins::watched) {
    native_modules_ = make_builtins(context_, natives_);
    JS_WatchBuiltins(context_);
  }
}

Runtime::~Runtime() {
  rejected_.clear();
  common_js_.clear();
  native_modules_.clear();
  JS_FreeContext(context_);
  JS_FreeRuntime(runtime_);
}

Runtime& Runtime::of(JSContext* context) { return *static_cast<Runtime*>(JS_GetRuntimeOpaque(JS_GetRuntime(context))); }

// Loading

Value Runtime::start_entry() {
  auto source = program_.load(program_.entry_url(), program_.given_name());
  if (!source) return {context_, fail_to_load(source.error())};
  if ((*source)->kind == Source::Kind::common_js) {
    Value exports = run_common_js(**source);
    return exports.is_exception() ? std::move(exports) : Value(context_, JS_UNDEFINED);
  }
  const JSValue module = compile(**source);
  if (JS_IsException(module)) return {context_, JS_EXCEPTION};
  if (JS_ResolveModule(context_, module) < 0) {
    JS_FreeValue(context_, module);
    return {context_, JS_EXCEPTION};
  }
  entry_ = static_cast<JSModuleDef*>(JS_VALUE_GET_PTR(module));
  set_import_meta(entry_, (*source)->url);
  return {context_, JS_EvalFunction(context_, module)};
}

Value Runtime::exports() const {
  if (entry_ != nullptr) return {context_, JS_GetModuleNamespace(context_, entry_)};
  const auto found = common_js_.find(program_.entry_url());
  return found == common_js_.end() ? Value(context_, JS_UNDEFINED) : found->second.property("exports");
}

JSValue Runtime::fail_to_load(const base::Error& error) {
  if (load_failure_.empty()) load_failure_ = error.message;
  return throw_error(context_, error.message);
}

char* Runtime::normalize_specifier(JSContext* context, const char* base, const char* specifier, void* opaque) {
  Runtime& self = *static_cast<Runtime*>(opaque);
  auto url = self.program_.resolve(specifier, base);
  if (!url) {
    self.fail_to_load(url.error());
    return nullptr;
  }
  self.specifiers_.try_emplace(*url, specifier);
  return duplicate(context, *url);
}

JSModuleDef* Runtime::load_module(JSContext*, const char* name, void* opaque) {
  Runtime& self = *static_cast<Runtime*>(opaque);
  const std::string url(name);
  if (url == "k6" || url.compare(0, 3, "k6/") == 0) return self.define_native_module(url);
  auto source = self.program_.load(url, self.specifiers_[url]);
  if (!source) {
    self.fail_to_load(source.error());
    return nullptr;
  }
  if ((*source)->kind == Source::Kind::common_js) return self.define_common_js_module(**source);
  const JSValue module = self.compile(**source);
  if (JS_IsException(module)) return nullptr;
  auto* definition = static_cast<JSModuleDef*>(JS_VALUE_GET_PTR(module));
  JS_FreeValue(self.context_, module);  // the context keeps its modules
  self.set_import_meta(definition, url);
  return definition;
}

JSValue Runtime::compile(const Source& source) {
  if (const Program::Bytecode bytecode = program_.bytecode(source.url)) {
    return JS_ReadObject(context_, bytecode->data(), bytecode->size(), JS_READ_OBJ_BYTECODE);
  }
  JSValue compiled = compile_text(source);
  if (JS_IsException(compiled) && source.may_be_typescript() && load_failure_.empty()) compiled = compile_typescript(source);
  if (JS_IsException(compiled)) {
    note_syntax_error(source);
    return JS_EXCEPTION;
  }
  std::size_t size = 0;
  std::uint8_t* bytes = JS_WriteObject(context_, &size, compiled, JS_WRITE_OBJ_BYTECODE | JS_WRITE_OBJ_STRIP_SOURCE);
  if (bytes != nullptr) {
    program_.keep_bytecode(source.url, std::vector<std::uint8_t>(bytes, bytes + size));
    js_free(context_, bytes);
  }
  return compiled;
}

JSValue Runtime::compile_text(const Source& source) {
  if (source.kind == Source::Kind::es_module) {
    return JS_Eval(context_, source.text.c_str(), source.text.size(), source.url.c_str(), JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
  }
  // The wrapper's own line is line 0, so that the script's lines keep their numbers.
  std::string text = source.text;
  if (text.compare(0, 2, "#!") == 0) text.insert(0, "//");
  const std::string wrapped = "(function (module, exports, require) {\n" + text + "\n})";
  JSEvalOptions options{};
  options.version = JS_EVAL_OPTIONS_VERSION;
  options.eval_flags = JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_COMPILE_ONLY;
  options.filename = source.url.c_str();
  options.line_num = 0;
  return JS_Eval2(context_, wrapped.c_str(), wrapped.size(), &options);
}

JSValue Runtime::compile_typescript(const Source& source) {
  const Value no_javascript(context_, JS_GetException(context_));
  auto text = strip_types(source.text, source.url);
  if (!text) {
    load_failure_ = source.url + ":" + text.error().message;
    return JS_Throw(context_, no_javascript.dup());
  }
  return compile_text({source.url, std::move(*text), source.kind});
}

void Runtime::note_syntax_error(const Source& source) {
  if (!load_failure_.empty()) return;  // an import of this file could not be loaded, which is what matters
  const Value exception(context_, JS_GetException(context_));
  const Text message(exception.property("message"));
  const Text stack(exception.property("stack"));
  // The stack's last part is "<url>:<line>:<column>\n".
  std::string place;
  const std::string before = std::string(kStackLine) + source.url + ":";
  if (const auto at = stack.view().find(before); at != std::string_view::npos) {
    const std::string_view rest = stack.view().substr(at + before.size());
    place = " Line " + std::string(rest.substr(0, rest.find('\n')));
  }
  const std::string_view hint = source.url.ends_with(".json") ? "; it is JSON and no module: read it with JSON.parse(open('...'))" : "";
  load_failure_ = fmt::format("{}:{} {}{}", source.url, place, message.view(), hint);
  JS_Throw(context_, exception.dup());
}

void Runtime::set_import_meta(JSModuleDef* definition, const std::string& url) {
  const Value meta(context_, JS_GetImportMeta(context_, definition));
  if (!meta.is_object()) return;
  const Value base(context_, new_string(context_, url));
  JSValueConst data[] = {base.get()};
  meta.set("url", base);
  meta.set("resolve", Value(context_, JS_NewCFunctionData(context_, &resolve_from_meta, 1, 0, 1, data)));
}

JSValue Runtime::resolve_from_meta(JSContext* context, JSValueConst, int count, JSValueConst* arguments, int, JSValueConst* data) {
  const Text specifier(context, count > 0 ? arguments[0] : JS_UNDEFINED);
  const Text base(context, data[0]);
  if (specifier.failed()) return JS_EXCEPTION;
  auto url = of(context).program_.resolve(specifier, base);
  return url ? new_string(context, *url) : throw_error(context, url.error().message);
}

// Native modules

const Module* Runtime::native_module(const std::string& name) {
  const Module* const shared = shared_ == nullptr ? nullptr : shared_->module(name);
  if (shared != nullptr) return shared;
  if (const auto found = native_modules_.find(name); found != native_modules_.end()) return found->second.get();
  const auto entry = std::find_if(natives_.modules.begin(), natives_.modules.end(), [&](const auto& each) { return each.name == name; });
  if (entry == natives_.modules.end()) {
    fail_to_load({base::ErrorKind::unimplemented, natives_.describe_missing(name)});
    return nullptr;
  }
  auto module = std::make_unique<Module>(context_);
  entry->init(*module);
  if (JS_HasException(context_)) return nullptr;  // no memory for all of it
  return native_modules_.emplace(entry->name, std::move(module)).first->second.get();
}

JSModuleDef* Runtime::define_native_module(const std::string& name) {
  const Module* module = native_module(name);
  if (module == nullptr) return nullptr;
  JSModuleDef* definition = JS_NewCModuleOnDemand(context_, name.c_str(), &export_native);
  if (definition == nullptr) return nullptr;
  JS_AddModuleExport(context_, definition, "default");
  // Names only: to look at a value would make it.
  JSPropertyEnum* properties = nullptr;
  std::uint32_t count = 0;
  if (JS_GetOwnPropertyNames(context_, &properties, &count, module->object().get(), JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY) < 0)
    return nullptr;
  for (std::uint32_t i = 0; i < count; ++i) {
    const char* key = JS_AtomToCString(context_, properties[i].atom);
    if (key != nullptr) JS_AddModuleExport(context_, definition, key);
    JS_FreeCString(context_, key);
  }
  JS_FreePropertyEnum(context_, properties, count);
  return JS_HasException(context_) ? nullptr : definition;
}

JSValue Runtime::export_native(JSContext* context, JSModuleDef* definition, JSAtom export_name) {
  const JSAtom module_name = JS_GetModuleName(context, definition);
  const char* name = JS_AtomToCString(context, module_name);
  JS_FreeAtom(context, module_name);
  if (name == nullptr) return JS_EXCEPTION;
  const Module& module = *of(context).native_module(name);
  JS_FreeCString(context, name);
  const char* const key = JS_AtomToCString(context, export_name);
  if (key == nullptr) return JS_EXCEPTION;
  const bool is_default = std::string_view(key) == "default";
  JS_FreeCString(context, key);
  return is_default ? module.default_export().dup() : JS_GetProperty(context, module.object().get(), export_name);
}

// CommonJS

Value Runtime::run_common_js(const Source& source) {
  if (const auto found = common_js_.find(source.url); found != common_js_.end()) return found->second.property("exports");
  Value function(context_, compile(source));
  if (function.is_exception()) return function;
  function = Value(context_, JS_EvalFunction(context_, function.release()));
  if (function.is_exception()) return function;

  const Value module(context_, JS_NewObject(context_));
  const Value exports(context_, JS_NewObject(context_));
  module.set("exports", exports);
  const Value base(context_, new_string(context_, source.url));
  JSValueConst data[] = {base.get()};
  const Value require_function(context_, base.is_exception() ? JS_EXCEPTION : JS_NewCFunctionData(context_, &require_from, 1, 0, 1, data));
  if (JS_HasException(context_)) return {context_, JS_EXCEPTION};
  common_js_.emplace(source.url, module);  // before it runs, so that circular requires see what is there by then
  JSValueConst arguments[] = {module.get(), exports.get(), require_function.get()};
  Value result(context_, JS_Call(context_, function.get(), exports.get(), 3, arguments));
  if (result.is_exception()) {
    common_js_.erase(source.url);
    return result;
  }
  return module.property("exports");
}

JSValue Runtime::require_from(JSContext* context, JSValueConst, int count, JSValueConst* arguments, int, JSValueConst* data) {
  const Text specifier(context, count > 0 ? arguments[0] : JS_UNDEFINED);
  const Text base(context, data[0]);
  if (specifier.failed()) return JS_EXCEPTION;
  return of(context).require(specifier, base);
}

JSValue Runtime::require(std::string_view specifier, std::string_view base_url) {
  auto url = program_.resolve(specifier, base_url);
  if (!url) return throw_error(context_, url.error().message);
  if (*url == "k6" || url->compare(0, 3, "k6/") == 0) {
    const Module* const module = native_module(*url);
    return module == nullptr ? JS_EXCEPTION : module->default_export().dup();
  }
  auto source = program_.load(*url, specifier);
  if (!source) return throw_error(context_, source.error().message);
  if ((*source)->kind == Source::Kind::common_js) return run_common_js(**source).release();

  const Value promise(context_, JS_LoadModule(context_, std::string(base_url).c_str(), url->c_str()));
  if (promise.is_exception() || !run_jobs()) return JS_EXCEPTION;
  Value result(context_, JS_PromiseResult(context_, promise.get()));
  switch (JS_PromiseState(context_, promise.get())) {
    case JS_PROMISE_FULFILLED: return result.release();
    case JS_PROMISE_REJECTED: JS_PromiseMarkAsHandled(context_, promise.get()); return JS_Throw(context_, result.release());
    default: return throw_error(context_, "the module \"" + *url + "\" awaits at its top level and can only be imported");
  }
}

JSModuleDef* Runtime::define_common_js_module(const Source& source) {
  const Value exports = run_common_js(source);
  if (exports.is_exception()) return nullptr;
  JSModuleDef* definition = JS_NewCModule(context_, source.url.c_str(), &export_common_js);
  if (definition == nullptr) return nullptr;
  JS_AddModuleExport(context_, definition, "default");
  if (exports.is_object()) {
    for_each_property(context_, exports.get(), [&](std::string_view key, const Value&) {
      if (key != "default") JS_AddModuleExport(context_, definition, std::string(key).c_str());
      return true;
    });
  }
  return JS_HasException(context_) ? nullptr : definition;
}

int Runtime::export_common_js(JSContext* context, JSModuleDef* definition) {
  const JSAtom atom = JS_GetModuleName(context, definition);
  const char* name = JS_AtomToCString(context, atom);
  JS_FreeAtom(context, atom);
  if (name == nullptr) return -1;
  const Value exports = of(context).common_js_.at(name).property("exports");
  JS_FreeCString(context, name);
  const bool compiled_module = exports.is_object() && JS_ToBool(context, exports.property("__esModule").get()) > 0;
  JS_SetModuleExport(context, definition, "default", compiled_module ? exports.property("default").release() : exports.dup());
  if (exports.is_object()) {
    for_each_property(context, exports.get(), [&](std::string_view key, Value value) {
      if (key != "default") JS_SetModuleExport(context, definition, std::string(key).c_str(), value.release());
      return true;
    });
  }
  return JS_HasException(context) ? -1 : 0;
}

std::string Runtime::calling_module() const {
  // Level 0 is the native itself, which has no module.
  for (int level = 0; level < 8; ++level) {
    const JSAtom atom = JS_GetScriptOrModuleName(context_, level);
    if (atom == JS_ATOM_NULL) continue;
    std::string url = Text::of_atom(context_, atom).str();
    JS_FreeAtom(context_, atom);
    return url;
  }
  return program_.entry_url();
}

// Promises

bool Runtime::run_jobs() {
  JSContext* job_context = nullptr;
  for (;;) {
    const int outcome = JS_ExecutePendingJob(runtime_, &job_context);
    if (outcome == 0) return true;
    if (outcome < 0) {
      const JSValue exception = JS_GetException(context_);
      if (JS_IsUncatchableError(exception)) {
        JS_Throw(context_, exception);
        return false;
      }
      JS_FreeValue(context_, exception);
    }
  }
}

void Runtime::track_rejection(JSContext* context, JSValueConst promise, JSValueConst reason, bool handled, void* opaque) {
  auto& rejected = static_cast<Runtime*>(opaque)->rejected_;
  if (!handled) {
    rejected.emplace_back(Value::copy(context, promise), Value::copy(context, reason));
    return;
  }
  std::erase_if(rejected, [&](const auto& entry) { return JS_IsStrictEqual(context, entry.first.get(), promise); });
}

std::vector<Value> Runtime::take_unhandled_rejections() {
  std::vector<Value> reasons;
  for (auto& [promise, reason] : rejected_) reasons.push_back(std::move(reason));
  rejected_.clear();
  return reasons;
}

std::string describe_exception(JSContext* context, JSValueConst exception) {
  const HeapLeeway leeway(context);
  if (JS_IsError(exception)) {
    const Value stack(context, JS_GetPropertyStr(context, exception, "stack"));
    if (stack.is_string()) return Text(stack).str();
    JS_FreeValue(context, JS_GetException(context));
  }
  const Text text(context, exception);
  if (text.failed()) {
    JS_FreeValue(context, JS_GetException(context));
    return "an exception that has no text";
  }
  return text.str();
}

}  // namespace gauntlet::engine::script
