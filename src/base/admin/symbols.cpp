#include "base/admin/symbols.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <fmt/format.h>
#include <link.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/whole_file.hpp"

namespace gauntlet::base::admin {
namespace {

/// A T at `offset` of `file`; zeros where the file is too short, so that a damaged one names nothing.
template <class T>
T read_at(const std::string& file, std::size_t offset) {
  T value{};
  if (offset <= file.size() && file.size() - offset >= sizeof value) std::memcpy(&value, file.data() + offset, sizeof value);
  return value;
}

std::string demangled(const char* name) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(name, nullptr, nullptr, &status), std::free);
  return status == 0 ? text.get() : name;
}

}  // namespace

Symbols::Found Symbols::module_of(std::uintptr_t address) {
  dl_find_object found{};
  if (_dl_find_object(reinterpret_cast<void*>(address), &found) != 0) return {};
  const link_map& module = *found.dlfo_link_map;
  const bool program = *module.l_name == '\0';
  return {program ? "/proc/self/exe" : module.l_name, module.l_addr, true};
}

Symbols::Module Symbols::read_module(const std::string& path) {
  Module module;
  const std::string file = read_whole_file(path).value_or("");
  const auto head = read_at<ElfW(Ehdr)>(file, 0);
  if (std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_shentsize != sizeof(ElfW(Shdr))) return module;
  const auto section = [&](std::size_t index) { return read_at<ElfW(Shdr)>(file, head.e_shoff + index * sizeof(ElfW(Shdr))); };
  // The full table where the file is not stripped, else what it exports.
  for (const std::uint32_t wanted : {std::uint32_t{SHT_SYMTAB}, std::uint32_t{SHT_DYNSYM}}) {
    for (std::size_t i = 0; i < head.e_shnum && module.symbols.empty(); ++i) {
      const auto table = section(i);
      if (table.sh_type != wanted) continue;
      const auto strings = section(table.sh_link);
      if (strings.sh_offset > file.size()) continue;
      module.names = file.substr(strings.sh_offset, strings.sh_size);
      for (std::size_t k = 0; k < table.sh_size / sizeof(ElfW(Sym)); ++k) {
        const auto symbol = read_at<ElfW(Sym)>(file, table.sh_offset + k * sizeof(ElfW(Sym)));
        const auto type = ELF64_ST_TYPE(symbol.st_info);
        if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol.st_shndx == SHN_UNDEF) continue;
        if (symbol.st_name < module.names.size()) module.symbols.push_back({symbol.st_value, symbol.st_size, symbol.st_name});
      }
    }
  }
  std::sort(module.symbols.begin(), module.symbols.end(), [](const Symbol& a, const Symbol& b) { return a.begin < b.begin; });
  return module;
}

const Symbols::Symbol* Symbols::find(const Found& found, std::uintptr_t address, const Module** in) {
  auto entry = modules_.find(found.module_path);
  if (entry == modules_.end()) entry = modules_.emplace(found.module_path, read_module(found.module_path)).first;
  const Module& module = entry->second;
  *in = &module;
  const std::uintptr_t own = address - found.load_address;
  const auto after = std::upper_bound(module.symbols.begin(), module.symbols.end(), own,
                                      [](std::uintptr_t value, const Symbol& symbol) { return value < symbol.begin; });
  if (after == module.symbols.begin()) return nullptr;
  const Symbol& symbol = *std::prev(after);
  // Assembler functions of libc have no size; they reach to the next symbol.
  if (symbol.size != 0 && own >= symbol.begin + symbol.size) return nullptr;
  return &symbol;
}

std::string Symbols::name(std::uintptr_t address) {
  // Stacks hold the same few thousand addresses again and again; a caller who asks for others may fill no more than this.
  constexpr std::size_t kNamesMax = 65'536;
  if (names_.size() >= kNamesMax) names_.clear();
  const auto [at, is_new] = names_.try_emplace(address);
  if (is_new) at->second = look_up(address);
  return at->second;
}

std::string Symbols::look_up(std::uintptr_t address) {
  const Found found = module_of(address);
  if (!found.valid) return {};
  const Module* module = nullptr;
  const Symbol* symbol = find(found, address, &module);
  return symbol == nullptr ? std::string() : demangled(module->names.c_str() + symbol->name);
}

std::string Symbols::describe(std::uintptr_t address) {
  const Found found = module_of(address);
  if (!found.valid) return fmt::format("{:#x}", address);
  const std::string file = found.module_path.substr(found.module_path.rfind('/') + 1);
  const Module* module = nullptr;
  const Symbol* symbol = find(found, address, &module);
  if (symbol == nullptr) return fmt::format("{:#x} ({}+{:#x})", address, file, address - found.load_address);
  const std::string text =
      fmt::format("{}+{:#x}", demangled(module->names.c_str() + symbol->name), address - found.load_address - symbol->begin);
  return found.module_path == "/proc/self/exe" ? text : fmt::format("{} ({})", text, file);
}

}  // namespace gauntlet::base::admin
