#pragma once
// The script's grpc.Client: schemas, one connection, and RPCs over it.
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/event_loop.hpp"
#include "engine/api/grpc/params.hpp"
#include "engine/api/grpc/state.hpp"
#include "engine/metrics/metric.hpp"
#include "engine/metrics/tags.hpp"
#include "engine/script/binding.hpp"
#include "engine/script/native_memory.hpp"
#include "engine/wire/grpc/client.hpp"
#include "engine/wire/grpc/schema.hpp"

namespace gauntlet::engine::api {

/// A method of a script's call, found in the schemas that its client has loaded.
struct FoundMethod {
  const grpc::Method* method = nullptr;
  const grpc::Schema* schema = nullptr;
};

/// What the samples of one RPC carry beside the standing tags. Copies these and the metadata when asked to, for RPCs
/// that end after the script has gone on.
class GrpcSampleTags {
 public:
  /// `method` outlives this; nullptr for calls that k6 does not name (health checks).
  GrpcSampleTags(users::VuContext& vu, const grpc::Method* method, std::string_view address,
                 std::vector<std::pair<std::string, std::string>> own, bool keep_standing_tags);

  void record_call(int status, base::EventLoop::Clock::time_point started, base::EventLoop::Clock::time_point ended) const;
  /// With `status` the call's outcome is among the tags.
  void count(metrics::MetricId metric, std::optional<int> status = std::nullopt) const;

 private:
  metrics::TagBuilder builder() const;
  const metrics::Metadata& metadata() const;
  void add_to(metrics::TagBuilder& tags) const;

  users::VuContext& vu_;
  const grpc::Method* method_;
  std::string url_;
  std::vector<std::pair<std::string, std::string>> own_;
  std::optional<metrics::Tags::Saved> standing_;
  metrics::TagSet* base_ = nullptr;
  metrics::Metadata kept_metadata_;  // with standing_
};

/// Owned by its JavaScript object. Lives at most as long as its virtual user's GrpcState for everything but its
/// destructor.
class GrpcScriptClient {
 public:
  explicit GrpcScriptClient(GrpcState& state) : state_(&state) { state.add(*this); }
  ~GrpcScriptClient() {
    if (state_ != nullptr) state_->remove(*this);
  }
  GrpcScriptClient(const GrpcScriptClient&) = delete;
  GrpcScriptClient& operator=(const GrpcScriptClient&) = delete;

  /// Towards the heap limit; false with the error pending.
  bool count(JSContext* context) { return memory_.charge(context, kBytes); }

  GrpcState& state() { return *state_; }
  void forget_state() {
    connection_.reset();
    state_ = nullptr;
  }

  void add_schema(const grpc::Schema* schema) { schemas_.push_back(schema); }
  /// By "pkg.Service/Method", with or without a slash before it; its method is nullptr when there is none.
  FoundMethod find(std::string_view name) const;

  /// nullptr without a connection. The script's code may close it or make another one at any time, in a getter of what
  /// a native reads, too: whoever uses it asks after having read everything, and holds it.
  const std::shared_ptr<wire::GrpcClient>& connection() const { return connection_; }
  void connect_through(std::shared_ptr<wire::GrpcClient> connection) { connection_ = std::move(connection); }
  /// What is under way ends with an error, so that whoever waits for it goes on.
  void disconnect() {
    if (const auto closing = std::move(connection_)) closing->close();
  }

 private:
  static constexpr std::size_t kBytes = 256;  // with its place in the state's list, without a connection

  GrpcState* state_;
  script::NativeMemory memory_;
  std::vector<const grpc::Schema*> schemas_;
  std::shared_ptr<wire::GrpcClient> connection_;
};

/// The constructor `Client` with its methods.
void export_grpc_client(script::Module& module);

/// "/pkg.Service/Method", whether the script wrote the slash or not.
std::string full_method_name(std::string_view name);
/// k6's "rpc error: code = NotFound desc = ...".
std::string describe_rpc_error(const wire::GrpcStatus& status);

}  // namespace gauntlet::engine::api
