#include "engine/sinks/push/grpc_push.hpp"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string_view>

#include "base/event_loop.hpp"
#include "engine/wire/grpc/client.hpp"
#include "engine/wire/grpc/schema.hpp"
#include "engine/wire/tcp/dialer.hpp"

namespace gauntlet::engine::sinks {
namespace {

/// Between looks at whether an answer has come; the loop returns at once when something does.
constexpr std::chrono::milliseconds kRound{50};

class Call final : public wire::GrpcCall {
 public:
  bool has_ended = false;

 private:
  void on_message(std::string_view) override {}
  void on_end() override { has_ended = true; }
};

bool is_retryable(int status) {
  constexpr int kAborted = 10, kOutOfRange = 11, kDataLoss = 15;
  switch (status) {
    case wire::grpc_status::kCancelled:
    case wire::grpc_status::kDeadlineExceeded:
    case wire::grpc_status::kResourceExhausted:
    case wire::grpc_status::kUnavailable:
    case kAborted:
    case kOutOfRange:
    case kDataLoss: return true;
    default: return false;
  }
}

/// A connection that is kept, on a loop that only runs while something is delivered.
class GrpcCourier final : public Courier {
 public:
  explicit GrpcCourier(GrpcPushTarget target) : target_(std::move(target)) {
    for (const auto& [name, value] : target_.metadata) metadata_.push_back({name, value});
  }

  Outcome deliver(const std::string& path, const std::string& body) override {
    if (const auto refused = wire::invalid_metadata(metadata_)) return {.taken = false, .may_be_tried_again = false, .problem = *refused};
    if (!client_) {
      if (auto opened = open(); !opened) return {.taken = false, .may_be_tried_again = false, .problem = opened.error().message};
      if (const auto problem = connect()) {
        client_.reset();
        return {.taken = false, .may_be_tried_again = true, .problem = fmt::format("{} ({})", *problem, target_.address)};
      }
    }
    loop_.run_once(std::chrono::nanoseconds(0));  // what has become of the connection meanwhile
    Call call;
    const std::string_view message = body;
    client_->start(call, {.path = path, .metadata = metadata_, .timeout = target_.timeout}, &message, true);
    while (!call.has_ended) loop_.run_once(kRound);
    const wire::GrpcStatus& status = call.status();
    if (status.code == wire::grpc_status::kOk) return {.taken = true, .may_be_tried_again = false, .problem = ""};
    return {.taken = false,
            .may_be_tried_again = is_retryable(status.code),
            .problem = fmt::format("{} answered {}: {}", target_.address, wire::grpc_code_name(status.code), status.message)};
  }

 private:
  base::Expected<void> open() {
    wire::GrpcClientOptions options;
    options.address = target_.address;
    options.tls = target_.tls;
    options.user_agent = "gauntlet";
    if (target_.tls) {
      wire::TlsSettings settings;
      settings.skip_verification = target_.accept_any_certificate;
      wire::ClientCertificate own;
      for (const auto& [path, text] :
           {std::pair{&target_.authority_path, &settings.ca_certificates}, std::pair{&target_.client_certificate_path, &own.certificate},
            std::pair{&target_.client_key_path, &own.key}}) {
        if (path->empty()) continue;
        auto read = TRY(grpc::read_file(*path));
        *text = std::move(read);
      }
      if (!own.certificate.empty()) settings.certificates.push_back(std::move(own));
      auto context = TRY(wire::TlsContext::create(settings));
      options.tls_context = std::move(context);
    }
    client_ = std::make_unique<wire::GrpcClient>(dialer_, loop_, std::move(options));
    return {};
  }

  std::optional<std::string> connect() {
    std::optional<std::optional<std::string>> outcome;
    client_->connect(target_.timeout, [&](std::optional<std::string> problem) { outcome = std::move(problem); });
    while (!outcome) loop_.run_once(kRound);
    return *outcome;
  }

  const GrpcPushTarget target_;
  std::vector<wire::GrpcMetadata::Entry> metadata_;
  base::EventLoop loop_;
  wire::Resolver resolver_{wire::DnsOptions{}};
  wire::DialPolicy policy_;
  wire::Traffic traffic_;
  wire::Dialer dialer_{loop_, resolver_, policy_, nullptr, traffic_, 0};
  std::unique_ptr<wire::GrpcClient> client_;
};

}  // namespace

GrpcPush::GrpcPush(std::string name, const GrpcPushTarget& target, Tell tell)
    : PushQueue(std::move(name), target.path, std::make_unique<GrpcCourier>(target), std::move(tell)) {}

}  // namespace gauntlet::engine::sinks
