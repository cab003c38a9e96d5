#include "base/give_back_memory.hpp"

#include <dlfcn.h>

namespace gauntlet::base {

void give_back_free_memory() {
  using Release = void (*)();
  static const auto release = reinterpret_cast<Release>(dlsym(RTLD_DEFAULT, "MallocExtension_ReleaseFreeMemory"));
  if (release != nullptr) release();
}

}  // namespace gauntlet::base
