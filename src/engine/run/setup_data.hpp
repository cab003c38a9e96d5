#pragma once
// What setup() returned, or the REST API was given in place of it, as JSON.
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace gauntlet::engine::run {

/// Any thread: virtual users read it at their first iteration, when another may have been set meanwhile.
class SetupData {
 public:
  /// nullptr while there is none.
  std::shared_ptr<const std::string> json() const {
    const std::lock_guard lock(mutex_);
    return json_;
  }
  void set(std::string json) { replace(std::make_shared<const std::string>(std::move(json))); }
  void clear() { replace(nullptr); }

 private:
  void replace(std::shared_ptr<const std::string> json) {
    const std::lock_guard lock(mutex_);
    json_ = std::move(json);
  }

  mutable std::mutex mutex_;
  std::shared_ptr<const std::string> json_;  // shared with who reads it while it is replaced
};

}  // namespace gauntlet::engine::run
