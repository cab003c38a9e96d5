#pragma once
// What k6/net/grpc keeps per virtual user, and the calls that a thread uses again and again.
#include <quickjs.h>

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/error.hpp"
#include "engine/api/core/network.hpp"
#include "engine/api/grpc/type_names.hpp"
#include "engine/wire/grpc/client.hpp"
#include "engine/wire/grpc/schema.hpp"
#include "engine/wire/tcp/dialer.hpp"

namespace gauntlet::engine::users {
class VuContext;
}  // namespace gauntlet::engine::users

namespace gauntlet::engine::api {

class GrpcScriptClient;

/// One RPC with one answer, and that answer's bytes.
class UnaryCall final : public wire::GrpcCall {
 public:
  /// The answer's type; nullptr: its message is of no interest.
  const grpc::MessageType* output = nullptr;
  const grpc::Schema* schema = nullptr;
  /// The last message that came; checked to be well-formed.
  std::string message;
  /// Called once, from the loop, as the last thing done with this.
  std::function<void()> done;

  void reset();

 private:
  void on_message(std::string_view bytes) override;
  void on_end() override;
};

/// Calls of one thread that wait for their next use with their memory warm.
class CallPool {
 public:
  static constexpr std::size_t kMaxCalls = 256;
  static constexpr std::size_t kMaxMessageBytes = 64 * 1024;  ///< of a call's message buffer that is kept

  static CallPool& of_thread();
  std::unique_ptr<UnaryCall> take();
  void give_back(std::unique_ptr<UnaryCall> call);

 private:
  std::vector<std::unique_ptr<UnaryCall>> free_;
};

struct ReturnCallToPool {
  void operator()(UnaryCall* call) const { CallPool::of_thread().give_back(std::unique_ptr<UnaryCall>(call)); }
};
using PooledCall = std::unique_ptr<UnaryCall, ReturnCallToPool>;

/// One virtual user's k6/net/grpc: vu.slot<GrpcState>().
class GrpcState {
 public:
  /// Properties of an answer, in the order in which k6 declares them; then others that are set or read often.
  enum Name : std::size_t { message, error, headers, trailers, status, answer_end, code = answer_end, details, kNameCount };

  explicit GrpcState(users::VuContext& vu);
  ~GrpcState();
  GrpcState(const GrpcState&) = delete;
  GrpcState& operator=(const GrpcState&) = delete;

  users::VuContext& vu() { return vu_; }
  grpc::TypeNames& names() { return names_; }
  JSAtom atom(std::size_t name) const { return atoms_[name]; }
  grpc::SchemaCache& schemas() { return schemas_; }
  /// Keeps a schema as long as this virtual user lives, so that answers need not.
  const grpc::Schema* keep(grpc::SchemaPtr schema);
  /// Made with the first connection; an error says which option is wrong.
  base::Expected<wire::Dialer*> dialer();
  Network& network() { return network_; }

  /// Clients of the script; they lose their connections with this.
  void add(GrpcScriptClient& client) { clients_.insert(&client); }
  void remove(GrpcScriptClient& client) { clients_.erase(&client); }

  /// Work that goes on beside the script (asyncInvoke, streams): kept until it is dropped. What is left at the end of
  /// the iteration, because that was cut short, is abandoned first: it lets go of its RPC and of the script's values.
  class Pending {
   public:
    virtual ~Pending() = default;
    virtual void abandon() = 0;
  };
  void keep(std::shared_ptr<Pending> work) { pending_.push_back(std::move(work)); }
  void drop(const Pending* work) {
    std::erase_if(pending_, [&](const auto& each) { return each.get() == work; });
  }

 private:
  void abandon_pending();

  users::VuContext& vu_;
  Network& network_;
  grpc::SchemaCache& schemas_;
  grpc::TypeNames names_;
  std::array<JSAtom, kNameCount> atoms_;
  std::vector<grpc::SchemaPtr> kept_schemas_;
  std::unique_ptr<wire::Dialer> dialer_;
  std::unordered_set<GrpcScriptClient*> clients_;
  std::vector<std::shared_ptr<Pending>> pending_;  // shared with tasks of the loop's round that look at them
};

GrpcState& grpc_state_of(JSContext* context);

}  // namespace gauntlet::engine::api
