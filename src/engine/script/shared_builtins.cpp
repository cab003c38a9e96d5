#include "engine/script/shared_builtins.hpp"

#include <cstdio>
#include <cstdlib>

#include "engine/script/heap.hpp"

namespace gauntlet::engine::script {

std::map<std::string_view, std::unique_ptr<Module>> make_builtins(JSContext* context, const Natives& natives) {
  std::map<std::string_view, std::unique_ptr<Module>> modules;
  natives.install(context);
  for (const NativeModule& each : natives.modules) {
    if (each.is_of_user) continue;
    auto module = std::make_unique<Module>(context);
    each.init(*module);
    modules.emplace(each.name, std::move(module));
  }
  return modules;
}

const SharedBuiltins& SharedBuiltins::of_thread(const Natives& natives) {
  Heap::of_thread();  // so that it is there until after them
  thread_local std::map<const Natives*, SharedBuiltins> made;
  return made.try_emplace(&natives, natives).first->second;
}

SharedBuiltins::SharedBuiltins(const Natives& natives)
    : runtime_(Heap::of_thread().new_base()), context_(runtime_ == nullptr ? nullptr : JS_NewContext(runtime_)) {
  if (context_ != nullptr) modules_ = make_builtins(context_, natives);
  if (context_ == nullptr || JS_HasException(context_) || JS_ShareBuiltins(context_) < 0) {
    std::fputs("fatal: no memory for the built-in objects of a thread\n", stderr);
    std::abort();
  }
}

SharedBuiltins::~SharedBuiltins() {
  modules_.clear();
  JS_FreeContext(context_);
  JS_FreeRuntime(runtime_);
}

const Module* SharedBuiltins::module(std::string_view name) const {
  const auto found = modules_.find(name);
  return found == modules_.end() ? nullptr : found->second.get();
}

}  // namespace gauntlet::engine::script
