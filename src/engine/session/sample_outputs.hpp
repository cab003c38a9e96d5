#pragma once
// The writer thread of the outputs that take every sample: it empties the engine threads' rings, writes files, and feeds
// what sends to receivers.
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "engine/metrics/metric.hpp"
#include "engine/metrics/sample_stream.hpp"
#include "engine/metrics/tags.hpp"
#include "engine/session/output_spec.hpp"
#include "engine/sinks/file/output_file.hpp"
#include "engine/sinks/sample_output.hpp"

namespace gauntlet::engine::session {

/// What each engine thread's ring should hold (CollectorOptions::stream_bytes): about half a million samples, more than
/// a second of a thread's fastest.
inline constexpr std::size_t kSampleRingBytes = 16U << 20U;

/// Opens files and ports before the test, so that a bad path is told before any load is made.
class SampleOutputs {
 public:
  /// Takes those of `specs` that want samples. The stream and the registry must outlive it. `tell` hears of receivers that
  /// do not take what is sent, from several threads.
  static base::Expected<std::unique_ptr<SampleOutputs>> open(const std::vector<OutputSpec>& specs, metrics::SampleStream& stream,
                                                             const metrics::MetricRegistry& registry, metrics::SystemTagSet enabled,
                                                             const sinks::Tell& tell);
  ~SampleOutputs();
  SampleOutputs(const SampleOutputs&) = delete;
  SampleOutputs& operator=(const SampleOutputs&) = delete;

  /// Starts the thread, at a lower priority than the engine's.
  void start();
  /// After all producers have stopped: writes what is left and closes the files. The error names the first file that
  /// could not be written whole. Receivers are waited for only so long; what they lost is told, and no error.
  base::Expected<void> finish();
  /// Descriptors of the files that are a leader's, in the order of their specs; they stay open with this object.
  const std::vector<int>& for_leader() const { return for_leader_; }
  /// Any thread, at any time after start(): closes the files in order with what they have so far, and returns when they are
  /// closed. For a process that is about to end whatever its other threads do.
  void end_files();

 private:
  SampleOutputs(metrics::SampleStream& stream) : stream_(stream) {}
  void run();
  void flush();
  void close_files();

  metrics::SampleStream& stream_;
  std::vector<std::unique_ptr<sinks::OutputFile>> files_;
  std::vector<int> for_leader_;
  std::vector<std::unique_ptr<metrics::SampleConsumer>> writers_;
  std::vector<std::unique_ptr<sinks::SampleOutput>> receivers_;
  std::vector<metrics::SampleConsumer*> consumers_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> in_haste_{false};  // producers go on
  std::atomic<bool> closed_{false};    // files_
  base::Expected<void> closing_;       // how that went
  std::thread thread_;
  bool finished_ = false;
};

}  // namespace gauntlet::engine::session
