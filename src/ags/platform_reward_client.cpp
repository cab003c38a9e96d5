#include "ags/platform_reward_client.hpp"

#include <nlohmann/json.hpp>

#include "base/percent.hpp"
#include "base/text.hpp"

namespace gauntlet::ags {
namespace {

using base::Expected;
using Result = GrantOutcome::Result;

/// The beginning of a reply for logs and the claim's record, whatever bytes it has.
std::string excerpt(const std::string& reply) {
  constexpr std::size_t kExcerptMax = 300;
  std::string text = reply.substr(0, kExcerptMax);
  for (char& character : text) {
    if (character < ' ' || character > '~') character = '?';
  }
  return text;
}

/// What a reply to a grant means.
Result result_of(const HttpReply& reply) {
  if (reply.status / 100 == 2) return Result::granted;
  switch (reply.status) {
    case 400:
    case 401:
    case 403:
    case 404:
    case 409:
    case 422: return Result::refused;
    case 429: return Result::unsent;
    case 503:
      // With Retry-After the server says that it did not begin. Without, it may come from a proxy that lost its server in the
      // middle of the grant.
      return reply.retry_after ? Result::unsent : Result::uncertain;
    default: return Result::uncertain;
  }
}

}  // namespace

PlatformRewardClient::PlatformRewardClient(HttpClient& http, PlatformAccess& access, bool send_keys)
    : http_(http), access_(access), send_keys_(send_keys), alive_(std::make_shared<bool>(true)) {}

PlatformRewardClient::~PlatformRewardClient() { *alive_ = false; }

void PlatformRewardClient::grant(const Grant& grant, base::EventLoop::Clock::time_point deadline, std::function<void(GrantOutcome)> done) {
  const auto now = base::EventLoop::Clock::now();
  if (now < closed_until_) return done({Result::unsent, "the platform has not answered lately and is left alone"});
  if (failures_in_a_row_ >= kBreakerFailures) closed_until_ = now + kBreakerPause;  // this one tries for all
  access_.token(deadline, [this, alive = alive_, grant, deadline, done = std::move(done)](const Expected<std::string>& token) {
    if (!*alive) return;
    if (!token) {
      ++failures_in_a_row_;
      return done({Result::unsent, token.error().message});
    }
    http_.send(request(grant, *token), deadline, [this, alive, token = *token, done](const Expected<HttpReply>& reply) {
      if (*alive) done(judge(reply, token));
    });
  });
}

HttpRequest PlatformRewardClient::request(const Grant& grant, const std::string& token) const {
  const std::string& name_space = access_.address().name_space;
  const std::string user = access_.address().base_url + "/platform/admin/namespaces/" + base::percent_encode(name_space) + "/users/" +
                           base::percent_encode(grant.user_id);
  HttpRequest request;
  request.headers = {"Authorization: Bearer " + token, "Content-Type: application/json", "Accept: application/json"};
  nlohmann::json fields;
  if (grant.type == RewardType::item) {
    request.method = "POST";
    request.url = user + "/entitlements";
    fields = {{"itemId", grant.reward_id}, {"itemNamespace", name_space}, {"quantity", grant.quantity}};
  } else {
    request.method = "PUT";
    request.url = user + "/wallets/" + base::percent_encode(grant.reward_id) + "/credit";
    fields = {{"amount", grant.quantity}};
  }
  if (send_keys_) fields["metadata"] = {{"idempotencyKey", grant.idempotency_key}};
  request.body = grant.type == RewardType::item ? nlohmann::json::array({fields}).dump() : fields.dump();
  return request;
}

GrantOutcome PlatformRewardClient::judge(const Expected<HttpReply>& reply, const std::string& token) {
  const Result result = reply ? result_of(*reply) : reply.error().kind == base::ErrorKind::unavailable ? Result::unsent : Result::uncertain;
  const bool sound = result == Result::granted || result == Result::refused;
  failures_in_a_row_ = sound ? 0 : failures_in_a_row_ + 1;
  if (sound) closed_until_ = {};
  if (!reply) return {result, reply.error().message};
  if (result == Result::granted) return {result, {}};
  if (reply->status == 401) access_.reject(token);
  return {result, "status " + std::to_string(reply->status) + ": " + excerpt(reply->body)};
}

}  // namespace gauntlet::ags
