#pragma once
// What all virtual users of a test share, by type: parsed protobuf schemas, SharedArrays.
#include <memory>
#include <mutex>
#include <typeindex>
#include <unordered_map>

namespace gauntlet::engine::users {

/// Created on first use; thread-safe to get, and what is got must be thread-safe or immutable itself.
class SharedState {
 public:
  template <class T>
  T& get() {
    const std::lock_guard lock(mutex_);
    auto& slot = slots_[std::type_index(typeid(T))];
    if (!slot) slot = std::make_shared<T>();
    return *static_cast<T*>(slot.get());
  }

 private:
  std::mutex mutex_;
  std::unordered_map<std::type_index, std::shared_ptr<void>> slots_;  // shared_ptr only for its erased deleter
};

}  // namespace gauntlet::engine::users
