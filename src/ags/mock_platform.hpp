#pragma once
// A stand-in for the platform on a real socket, for tests and for those who have no credentials (gauntlet ags-mock): keys,
// tokens, entitlements and wallets, as slow, broken and dishonest as one asks for, and a list of what it has granted.
//
//   GET  /iam/v3/oauth/jwks
//   POST /iam/v3/oauth/token                 client_credentials, or password (any; the user is `username`)
//   POST /platform/admin/namespaces/{ns}/users/{user}/entitlements
//   PUT  /platform/admin/namespaces/{ns}/users/{user}/wallets/{currency}/credit
// and beside the platform's own:
//   GET, DELETE /mock/grants                 what was granted and how often each thing was asked for; forgets it
//   GET, PUT    /mock/faults                 MockFaults as JSON; fields left out stay
//   POST /mock/keys                          signs with a new key from now on; ?keep=true still shows the old one
//   POST /mock/token                         {"header":{},"claims":{},"forge":"hs256"}: signs what one likes
#include <chrono>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "ags/platform_access.hpp"
#include "ags/signing_key.hpp"
#include "base/error.hpp"
#include "base/event_loop.hpp"
#include "base/http/router.hpp"

namespace gauntlet::ags {

/// What goes wrong with grants. The shares are of all grant requests, drawn at random, and add up to 1 at most.
struct MockFaults {
  std::chrono::milliseconds least_latency{0};  // "latencyMs": [least, most], drawn evenly; grants take effect before it
  std::chrono::milliseconds most_latency{0};
  double fail = 0;          // "fail": answered with fail_status, nothing granted
  int fail_status = 503;    // "failStatus"
  double busy = 0;          // "busy": answered with 503 and Retry-After, nothing granted
  double lie = 0;           // "lie": granted, but answered with 500
  double cut = 0;           // "cut": the connection is closed, nothing granted
  double cut_granted = 0;   // "cutGranted": granted, then the connection is closed
  bool honour_keys = true;  // "honourKeys": an idempotency key seen before grants nothing more
  int keys_status = 200;    // "keysStatus" of the JWKS endpoint
  int token_status = 200;   // "tokenStatus"
  int token_life_s = 3600;  // "tokenLifeS"
  /// "next": what the next grant requests meet, before anything is drawn: "none", "busy", "lie", "cut", "cutGranted",
  /// "hang" (no answer ever) or a status such as "404". At most 10,000.
  std::deque<std::string> next;
};

/// Reads the fields that `json` has into `faults`; invalid_argument names the wrong one and leaves them as they were.
base::Expected<void> update_faults(MockFaults& faults, std::string_view json);
std::string to_json(const MockFaults& faults);

/// Belongs to its loop's thread.
class MockPlatform {
 public:
  /// Clients other than address.client_id and its secret get no token; empty takes any. address.base_url means nothing.
  MockPlatform(base::EventLoop& loop, PlatformAddress address, MockFaults faults, std::uint64_t seed);

  /// Adds its routes; the platform outlives the router's listener.
  void add_routes(base::http::Router& router);

 private:
  struct Granted {
    std::string user;
    std::string type;  // ITEM or WALLET
    std::string reward_id;
    std::int64_t quantity = 0;
    std::string key;
    std::int64_t requests = 1;  // that asked for it, the first included
  };
  enum class Fault { none, fail, busy, lie, cut, cut_granted, hang };
  struct Drawn {
    Fault fault = Fault::none;
    int status = 0;  // of fail
  };

  void issue_token(const base::http::ExchangePtr& exchange);
  void grant(const base::http::ExchangePtr& exchange, bool wallet);
  void take(Granted granted);
  Drawn draw();
  std::string grants_json(const std::string& user) const;
  std::string jwks() const;
  bool is_client(std::string_view authorization) const;
  void sign_on_demand(const base::http::ExchangePtr& exchange);

  base::EventLoop& loop_;
  PlatformAddress address_;
  MockFaults faults_;
  std::mt19937_64 random_;
  std::vector<SigningKey> keys_;  // the last one signs
  int keys_made_ = 0;
  std::map<std::string, std::int64_t> client_tokens_;  // token -> when it expires, seconds since 1970
  std::vector<Granted> grants_;
  std::unordered_map<std::string, std::size_t> by_key_;  // idempotency key -> its first grant
  std::map<std::string, std::int64_t> requests_;         // keys, token, grant
  std::vector<base::http::ExchangePtr> hanging_;
};

}  // namespace gauntlet::ags
