#pragma once
// What a test's options say about reaching servers, shared by all its virtual users and all modules that connect:
//   auto& network = vu.shared().get<Network>();
//   if (auto ready = network.prepare(vu.options()); !ready) return script::throw_error(context, ready.error().message);
#include <chrono>
#include <memory>
#include <mutex>

#include "base/error.hpp"
#include "engine/wire/http/exchange.hpp"
#include "engine/wire/tcp/dialer.hpp"
#include "engine/wire/tcp/resolver.hpp"
#include "engine/wire/tcp/tls.hpp"

namespace gauntlet::engine::plan {
struct Options;
}  // namespace gauntlet::engine::plan

namespace gauntlet::engine::api {

/// Thread-safe; the references may be used once prepare() has succeeded.
class Network {
 public:
  /// Builds it from the options the first time; fails in the words for the user when an option cannot be understood.
  base::Expected<void> prepare(const plan::Options& options);

  wire::Resolver& resolver() { return *resolver_; }
  const wire::DialPolicy& policy() const { return policy_; }
  const wire::TlsContext& tls() const { return *tls_; }
  wire::HttpVersion http_version() const { return http_version_; }
  /// Option rps: reserves the next request's moment and returns how long to wait for it.
  std::chrono::nanoseconds reserve_request();

 private:
  base::Expected<void> build(const plan::Options& options);

  std::mutex mutex_;
  bool is_built_ = false;
  base::Error problem_;
  wire::DialPolicy policy_;
  std::unique_ptr<wire::Resolver> resolver_;
  std::unique_ptr<wire::TlsContext> tls_;
  wire::HttpVersion http_version_ = wire::HttpVersion::negotiated;
  std::chrono::nanoseconds request_interval_{0};
  std::chrono::steady_clock::time_point next_request_{};
};

}  // namespace gauntlet::engine::api
