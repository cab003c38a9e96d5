#pragma once
// Names of functions by address, from the symbol tables of the program and its libraries as they lie on disk; static
// functions too, which dladdr() does not know. The loader is asked without its lock, so that threads which want that (for
// dlopen, say) never wait for it while names are looked up.
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace gauntlet::base::admin {

/// Reads each module's table when it is first asked for. One thread.
class Symbols {
 public:
  /// Demangled; empty when no symbol covers the address.
  std::string name(std::uintptr_t address);
  /// "function+0x12 (libc.so.6)", or the bare module, or the bare address: for stacks in text.
  std::string describe(std::uintptr_t address);

 private:
  struct Symbol {
    std::uintptr_t begin;  // in the module's own addresses
    std::uintptr_t size;
    std::uint32_t name;  // offset in `names`
  };
  struct Module {
    std::vector<Symbol> symbols;  // by begin
    std::string names;
  };
  struct Found {
    std::string module_path;
    std::uintptr_t load_address = 0;
    bool valid = false;
  };
  std::string look_up(std::uintptr_t address);
  static Found module_of(std::uintptr_t address);
  const Symbol* find(const Found& module, std::uintptr_t address, const Module** in);
  static Module read_module(const std::string& path);

  std::map<std::string, Module> modules_;
  std::unordered_map<std::uintptr_t, std::string> names_;  // of the addresses that were asked for
};

}  // namespace gauntlet::base::admin
