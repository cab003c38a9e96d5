#pragma once
// The service's own access token at the platform: OAuth client credentials, renewed at 80 % of its life; until the new one
// is there, and as long as it lives, the old one serves.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ags/http_client.hpp"

namespace gauntlet::ags {

struct PlatformAddress {
  std::string base_url;       // AB_BASE_URL, without a slash at its end
  std::string name_space;     // AB_NAMESPACE
  std::string client_id;      // AB_CLIENT_ID
  std::string client_secret;  // AB_CLIENT_SECRET
};

/// Belongs to its loop's thread.
class PlatformAccess {
 public:
  /// `http` outlives it.
  PlatformAccess(HttpClient& http, PlatformAddress address);
  ~PlatformAccess();
  PlatformAccess(const PlatformAccess&) = delete;
  PlatformAccess& operator=(const PlatformAccess&) = delete;

  const PlatformAddress& address() const { return address_; }

  /// Calls `done` with a token that is not expired, at once when one is held. Concurrent callers share one request.
  void token(base::EventLoop::Clock::time_point deadline, std::function<void(base::Expected<std::string>)> done);
  /// The platform did not accept `token`: the next caller gets another one.
  void reject(const std::string& token);

 private:
  using Callback = std::function<void(base::Expected<std::string>)>;
  void request(base::EventLoop::Clock::time_point deadline);
  void arrived(base::Expected<HttpReply> reply);

  HttpClient& http_;
  PlatformAddress address_;
  std::string token_;
  base::EventLoop::Clock::time_point renew_at_{};
  base::EventLoop::Clock::time_point expires_at_{};
  bool requesting_ = false;
  std::vector<Callback> waiting_;  // for the request under way
  std::shared_ptr<bool> alive_;    // shared with that request, which may end after this has gone
};

}  // namespace gauntlet::ags
