#include "ags/token_verifier.hpp"

#include <openssl/sha.h>

#include <cstring>

#include "base/log.hpp"

namespace gauntlet::ags {
namespace {

using base::ErrorKind;
using base::Expected;
using base::fail;

/// After a failed fetch the next comes sooner.
constexpr std::chrono::seconds kRetryPause{5};
/// While there are no keys at all, requests hurry it to this.
constexpr std::chrono::seconds kNoKeysPause{1};

}  // namespace

std::size_t TokenVerifier::DigestHash::operator()(const Digest& digest) const {
  std::size_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

TokenVerifier::TokenVerifier(base::EventLoop& loop, HttpClient& http, base::WallClock clock, Options options)
    : loop_(loop), http_(http), clock_(std::move(clock)), options_(std::move(options)), alive_(std::make_shared<bool>(true)) {
  fetch_keys();
}

TokenVerifier::~TokenVerifier() {
  *alive_ = false;
  loop_.cancel(refresh_timer_);
}

std::int64_t TokenVerifier::now_s() const { return std::chrono::duration_cast<std::chrono::seconds>(clock_().time_since_epoch()).count(); }

void TokenVerifier::verify(std::string_view token, std::function<void(Expected<std::string>)> done) {
  Digest digest;
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest.data());
  if (const auto known = verdicts_.find(digest); known != verdicts_.end()) {
    if (now_s() < known->second.expires_at) return done(known->second.subject);
    verdicts_.erase(known);
  }
  auto parsed = SignedToken::parse(token);
  if (!parsed) return done(tl::unexpected(parsed.error()));
  if (!keys_.has(parsed->key_id())) {
    const auto pause = have_keys_ ? options_.unknown_key_pause : kNoKeysPause;
    const bool may_ask = base::EventLoop::Clock::now() - last_fetch_ >= pause;
    if (!fetching_ && may_ask) fetch_keys();
    if (fetching_) {
      if (waiting_.size() >= options_.max_waiting) return done(fail(ErrorKind::unavailable, "the token issuer's keys are being fetched"));
      waiting_.push_back({std::move(*parsed), digest, std::move(done)});
      return;
    }
  }
  done(judge(*parsed, digest));
}

Expected<std::string> TokenVerifier::judge(const SignedToken& token, const Digest& digest) {
  if (!have_keys_) return fail(ErrorKind::unavailable, "the token issuer's keys cannot be fetched");
  const auto claims = TRY(token.verify(keys_));
  TRY(check_claims(claims, now_s(), options_.demands));
  // Full: all go at once. It happens once in so many tokens, and costs one signature each to come back.
  if (verdicts_.size() >= options_.max_verdicts) verdicts_.clear();
  verdicts_.insert_or_assign(digest, Verdict{claims.subject, claims.expires_at});
  return claims.subject;
}

void TokenVerifier::fetch_keys() {
  fetching_ = true;
  last_fetch_ = base::EventLoop::Clock::now();
  ++fetches_;
  loop_.cancel(refresh_timer_);
  refresh_timer_ = 0;
  http_.send({"GET", options_.keys_url, {"Accept: application/json"}, ""}, last_fetch_ + options_.fetch_timeout,
             [this, alive = alive_](Expected<HttpReply> reply) {
               if (*alive) keys_arrived(std::move(reply));
             });
}

void TokenVerifier::keys_arrived(Expected<HttpReply> reply) {
  fetching_ = false;
  Expected<KeySet> keys;
  if (!reply) {
    keys = tl::unexpected(reply.error());
  } else if (reply->status != 200) {
    keys = fail(ErrorKind::unavailable, "status " + std::to_string(reply->status));
  } else {
    keys = KeySet::parse(reply->body);
    // A mistake of the issuer's, not the withdrawal of every key: those that are known stay.
    if (keys && keys->size() == 0)
      keys = fail(ErrorKind::unavailable,
                  "no key of the set is for RS256 signatures" + (keys->refused().empty() ? "" : "; " + keys->refused().front()));
  }
  if (keys) {
    keys_ = std::move(*keys);
    have_keys_ = true;
    verdicts_.clear();  // a withdrawn key's tokens must not live on
    static base::log::Limit limit(10);
    for (const std::string& key : keys_.refused())
      base::log::warn(limit, "a key of the token issuer is not used", {{"url", options_.keys_url}, {"key", key}});
  } else {
    static base::log::Limit limit(1);
    base::log::warn(limit, "the token issuer's keys cannot be fetched", {{"url", options_.keys_url}, {"reason", keys.error().message}});
  }
  const std::chrono::seconds pause = keys ? options_.refresh_interval : std::min(kRetryPause, options_.refresh_interval);
  refresh_timer_ = loop_.call_after(pause, [this] {
    if (!fetching_) fetch_keys();
  });
  std::vector<Waiting> waiting;
  waiting.swap(waiting_);
  for (Waiting& one : waiting) one.done(judge(one.token, one.digest));
}

}  // namespace gauntlet::ags
