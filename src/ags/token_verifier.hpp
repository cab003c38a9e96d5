#pragma once
// Says whose access token this is. Verdicts on tokens are kept until they expire, so a client that polls costs a hash;
// the issuer's keys are fetched at the start, every refresh interval, and when a token names a key that is not known
// (at most once in a while, so that invented key ids cannot make us flood the issuer).
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ags/http_client.hpp"
#include "ags/json_web_token.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/event_loop.hpp"

namespace gauntlet::ags {

/// Belongs to its loop's thread.
class TokenVerifier {
 public:
  struct Options {
    std::string keys_url;  // AB_BASE_URL/iam/v3/oauth/jwks
    TokenDemands demands;
    std::chrono::seconds refresh_interval{600};
    std::chrono::seconds unknown_key_pause{10};  // between fetches on account of unknown keys
    std::chrono::seconds fetch_timeout{5};
    std::size_t max_verdicts = 65'536;  // about 150 bytes each
    std::size_t max_waiting = 4'096;    // tokens that wait for keys; more are refused as unavailable
  };

  /// Begins to fetch the keys. `http` and `loop` outlive it.
  TokenVerifier(base::EventLoop& loop, HttpClient& http, base::WallClock clock, Options options);
  ~TokenVerifier();
  TokenVerifier(const TokenVerifier&) = delete;
  TokenVerifier& operator=(const TokenVerifier&) = delete;

  /// Calls `done` with the token's subject, at once or, while its key is being fetched, later on this thread;
  /// unauthenticated or permission_denied as json_web_token.hpp says, unavailable while no keys could be fetched at
  /// all.
  void verify(std::string_view token, std::function<void(base::Expected<std::string>)> done);

  /// How often keys were asked for.
  std::uint64_t fetches() const { return fetches_; }

 private:
  using Digest = std::array<unsigned char, 32>;  // SHA-256 of the token
  struct DigestHash {
    std::size_t operator()(const Digest& digest) const;
  };
  struct Verdict {
    std::string subject;
    std::int64_t expires_at = 0;
  };
  struct Waiting {
    SignedToken token;
    Digest digest;
    std::function<void(base::Expected<std::string>)> done;
  };

  void fetch_keys();
  void keys_arrived(base::Expected<HttpReply> reply);
  base::Expected<std::string> judge(const SignedToken& token, const Digest& digest);
  std::int64_t now_s() const;

  base::EventLoop& loop_;
  HttpClient& http_;
  base::WallClock clock_;
  Options options_;
  KeySet keys_;
  bool have_keys_ = false;
  bool fetching_ = false;
  base::EventLoop::TimerId refresh_timer_ = 0;
  base::EventLoop::Clock::time_point last_fetch_{};
  std::uint64_t fetches_ = 0;
  std::unordered_map<Digest, Verdict, DigestHash> verdicts_;
  std::vector<Waiting> waiting_;
  std::shared_ptr<bool> alive_;  // shared with a fetch under way, which may end after this has gone
};

}  // namespace gauntlet::ags
