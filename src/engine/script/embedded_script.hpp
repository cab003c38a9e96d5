#pragma once
// A part of the engine that is written in JavaScript itself, where that says it more plainly than natives would: what
// is made of promises. Its text lies in the program; it is compiled once in a process, and each runtime instantiates
// the shared bytecode.
//
//   static EmbeddedScript script("k6/experimental/streams", {kReadable, kWritable}, "ReadableStream, WritableStream");
//   const Value exports = script.run(context);
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "engine/script/value.hpp"

namespace gauntlet::engine::script {

/// Thread-safe.
class EmbeddedScript {
 public:
  /// `parts` are one function body together, in this order. `exports` are the names of what it declares for others,
  /// with commas between. `name` stands in stack traces.
  EmbeddedScript(std::string name, std::vector<std::string_view> parts, std::string exports)
      : name_(std::move(name)), parts_(std::move(parts)), exports_(std::move(exports)) {}

  /// Runs it in this runtime: an object with its exports, or an exception value (a heap that is full).
  Value run(JSContext* context);

 private:
  JSValue compile(JSContext* context);

  const std::string name_;
  const std::vector<std::string_view> parts_;
  const std::string exports_;
  std::mutex mutex_;
  std::vector<std::uint8_t> bytecode_;
};

}  // namespace gauntlet::engine::script
