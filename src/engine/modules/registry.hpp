#pragma once
// The table of native modules: what `import ... from "k6/http"` and `require("k6/http")` find. A module is one file
// pair in this folder and one line in registry.cpp.
#include <span>
#include <string>
#include <string_view>

namespace gauntlet::engine::js {
class Module;
}

namespace gauntlet::engine::modules {

struct ModuleEntry {
  std::string_view name;
  /// Called once per virtual user that imports the module, in the init stage, on its fiber. run::vu_of(context) gives
  /// the virtual user.
  void (*init)(js::Module& module);
};

/// All modules, by name.
std::span<const ModuleEntry> registered_modules();
/// nullptr when there is none of that name.
const ModuleEntry* find_module(std::string_view name);
/// What to tell the user whose script imports a module that is not in the table.
std::string describe_missing_module(std::string_view name);

}  // namespace gauntlet::engine::modules
