#include "engine/session/sample_outputs.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/sinks/file/points.hpp"

namespace gauntlet::engine::session {
namespace {

/// How long an empty stream is left alone, and how long a line may wait in a buffer (k6: 200 ms).
constexpr std::chrono::milliseconds kIdle{5};
constexpr std::chrono::milliseconds kFlushInterval{200};
/// Behind the engine's threads where they share a core.
constexpr int kNiceness = 10;

}  // namespace

base::Expected<std::unique_ptr<SampleOutputs>> SampleOutputs::open(const std::vector<OutputSpec>& specs, metrics::SampleStream& stream,
                                                                   const metrics::MetricRegistry& registry, metrics::SystemTagSet enabled,
                                                                   const sinks::Tell& tell) {
  std::unique_ptr<SampleOutputs> outputs(new SampleOutputs(stream));
  for (const OutputSpec& spec : specs) {
    if (!spec.wants_samples()) continue;
    if (spec.kind == OutputSpec::Kind::receiver) {
      auto receiver = spec.receiver.open(registry, tell);
      if (!receiver) return tl::unexpected(std::move(receiver.error()).in("could not create the '" + spec.label() + "' output"));
      outputs->consumers_.push_back(receiver->get());
      outputs->receivers_.push_back(std::move(*receiver));
      continue;
    }
    auto file = spec.for_leader ? sinks::OutputFile::open_unnamed(spec.path) : sinks::OutputFile::open(spec.path);
    if (!file) return tl::unexpected(std::move(file.error()).in("could not create the '" + spec.label() + "' output"));
    if (spec.for_leader) outputs->for_leader_.push_back(fcntl((*file)->descriptor(), F_DUPFD_CLOEXEC, 0));
    if (spec.kind == OutputSpec::Kind::csv) {
      outputs->writers_.push_back(std::make_unique<sinks::CsvWriter>(**file, registry, enabled, spec.time_format));
    } else {
      outputs->writers_.push_back(std::make_unique<sinks::PointsWriter>(**file, registry));
    }
    outputs->consumers_.push_back(outputs->writers_.back().get());
    outputs->files_.push_back(std::move(*file));
  }
  return outputs;
}

SampleOutputs::~SampleOutputs() {
  static_cast<void>(finish());
  for (const int descriptor : for_leader_) close(descriptor);
}

void SampleOutputs::start() {
  thread_ = std::thread([this] { run(); });
}

void SampleOutputs::flush() {
  for (const auto& file : files_) file->flush();
}

void SampleOutputs::run() {
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kNiceness);
  auto flushed = std::chrono::steady_clock::now();
  while (!stopping_.load(std::memory_order_acquire)) {
    const std::size_t bytes = stream_.drain(consumers_);
    if (bytes == 0) std::this_thread::sleep_for(kIdle);
    const auto now = std::chrono::steady_clock::now();
    for (const auto& receiver : receivers_) receiver->tick(now);
    if (now - flushed >= kFlushInterval) {
      flush();
      flushed = now;
    }
  }
  close_files();
}

void SampleOutputs::close_files() {
  while (!in_haste_.load(std::memory_order_acquire) && stream_.drain(consumers_) != 0) {
  }
  for (const auto& file : files_) {
    if (auto closed = file->close(); !closed && closing_) closing_ = tl::unexpected(std::move(closed.error()));
  }
  closed_.store(true, std::memory_order_release);
  closed_.notify_all();
}

void SampleOutputs::end_files() {
  in_haste_.store(true, std::memory_order_release);
  stopping_.store(true, std::memory_order_release);
  closed_.wait(false, std::memory_order_acquire);
}

base::Expected<void> SampleOutputs::finish() {
  stopping_.store(true, std::memory_order_release);
  if (thread_.joinable()) thread_.join();
  if (!closed_) close_files();  // it was never started
  base::Expected<void> result;
  if (!finished_) {
    for (const auto& receiver : receivers_) {
      if (auto ended = receiver->finish(); !ended && result) result = tl::unexpected(std::move(ended.error()));
    }
  }
  finished_ = true;
  return result ? closing_ : result;
}

}  // namespace gauntlet::engine::session
