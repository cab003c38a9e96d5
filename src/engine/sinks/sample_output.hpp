#pragma once
// What an output of single samples is to the thread that feeds it: see SampleOutputs.
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "engine/metrics/sample_stream.hpp"

namespace gauntlet::engine::sinks {

/// K6_* variables; nullptr for what is not set.
using Variables = std::function<const char*(const char*)>;
/// Tells the user, while the test runs, what went wrong with an output. Any thread.
using Tell = std::function<void(const std::string&)>;

// A variable's value; errors name it.
/// "" when it is not set.
std::string text_of(const Variables& variable, const char* name);
base::Expected<bool> switch_of(const Variables& variable, const char* name, bool otherwise);
base::Expected<std::chrono::nanoseconds> interval_of(const Variables& variable, const char* name, std::chrono::nanoseconds otherwise);
/// "a, b,c", without blanks around and without empty parts.
std::vector<std::string> list_of(std::string_view text);

/// All calls come from the writer thread.
class SampleOutput : public metrics::SampleConsumer {
 public:
  using Clock = std::chrono::steady_clock;

  /// Called many times a second: what is due is written or sent. Never waits for a receiver.
  virtual void tick(Clock::time_point now) = 0;
  /// After the last sample: writes what is left. Waits for a receiver, but no longer than `kFinishPatience`.
  virtual base::Expected<void> finish() = 0;

  static constexpr std::chrono::seconds kFinishPatience{5};
};

}  // namespace gauntlet::engine::sinks
