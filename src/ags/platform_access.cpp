#include "ags/platform_access.hpp"

#include <nlohmann/json.hpp>

#include "base/base64.hpp"

namespace gauntlet::ags {
namespace {

using base::ErrorKind;
using base::Expected;
using base::fail;

constexpr double kRenewAt = 0.8;                  // of its life
constexpr std::chrono::seconds kRenewalPause{5};  // after a renewal that failed

}  // namespace

PlatformAccess::PlatformAccess(HttpClient& http, PlatformAddress address)
    : http_(http), address_(std::move(address)), alive_(std::make_shared<bool>(true)) {}

PlatformAccess::~PlatformAccess() { *alive_ = false; }

void PlatformAccess::token(base::EventLoop::Clock::time_point deadline, Callback done) {
  const auto now = base::EventLoop::Clock::now();
  const bool usable = !token_.empty() && now < expires_at_;
  if (!usable) waiting_.push_back(std::move(done));
  if ((!usable || now >= renew_at_) && !requesting_) request(deadline);
  if (usable) done(token_);
}

void PlatformAccess::request(base::EventLoop::Clock::time_point deadline) {
  requesting_ = true;
  HttpRequest request;
  request.method = "POST";
  request.url = address_.base_url + "/iam/v3/oauth/token";
  request.headers = {"Authorization: Basic " + base::encode_base64(address_.client_id + ":" + address_.client_secret),
                     "Content-Type: application/x-www-form-urlencoded", "Accept: application/json"};
  request.body = "grant_type=client_credentials";
  http_.send(std::move(request), deadline, [this, alive = alive_](Expected<HttpReply> reply) {
    if (*alive) arrived(std::move(reply));
  });
}

void PlatformAccess::arrived(Expected<HttpReply> reply) {
  requesting_ = false;
  const auto now = base::EventLoop::Clock::now();
  Expected<std::string> result;
  if (!reply) {
    result = tl::unexpected(reply.error());
  } else {
    const auto document = nlohmann::json::parse(reply->body, nullptr, /*allow_exceptions=*/false);
    const auto member = [&](const char* name) { return document.is_object() ? document.find(name) : document.end(); };
    const auto token = member("access_token"), life = member("expires_in");
    if (reply->status != 200) {
      result = fail(ErrorKind::unavailable, "no access token from the platform: status " + std::to_string(reply->status));
    } else if (!document.is_object() || token == document.end() || !token->is_string() || life == document.end() || !life->is_number()) {
      result = fail(ErrorKind::unavailable, "no access token from the platform: the answer has none");
    } else {
      token_ = token->get<std::string>();
      const std::chrono::duration<double> life_time(std::max(0.0, std::min(life->get<double>(), 1e7)));
      expires_at_ = now + std::chrono::duration_cast<std::chrono::nanoseconds>(life_time);
      renew_at_ = now + std::chrono::duration_cast<std::chrono::nanoseconds>(kRenewAt * life_time);
      result = token_;
    }
  }
  if (!result) renew_at_ = now + kRenewalPause;  // of a token that still serves
  std::vector<Callback> waiting;
  waiting.swap(waiting_);
  for (Callback& done : waiting) done(result);
}

void PlatformAccess::reject(const std::string& token) {
  if (token == token_) token_.clear();
}

}  // namespace gauntlet::ags
