#pragma once
// The REST routes: requests to use cases, results to JSON (proto_json.hpp, challenge_json.hpp). One instance a thread.
#include <string>

#include "base/http/router.hpp"
#include "service/authenticator.hpp"
#include "service/challenge_service.hpp"

namespace gauntlet::service {

class RestAdapter {
 public:
  /// What it is given outlives it.
  RestAdapter(ChallengeService& service, Authenticator& authenticator);

  /// Adds all routes below `base_path` ("/challenge", or "" for none). The adapter outlives the router's use.
  void add_routes(base::http::Router& router, const std::string& base_path);

 private:
  /// Finds out who asks; answers the request itself when that fails.
  void as_player(const base::http::ExchangePtr& exchange, std::function<void(std::string user_id)> next);

  void health(const base::http::ExchangePtr& exchange);
  void list(const base::http::ExchangePtr& exchange);
  void one_challenge(const base::http::ExchangePtr& exchange);
  void initialize(const base::http::ExchangePtr& exchange);
  void set_active(const base::http::ExchangePtr& exchange);
  void claim(const base::http::ExchangePtr& exchange);
  void batch_select(const base::http::ExchangePtr& exchange);
  void random_select(const base::http::ExchangePtr& exchange);
  void rotation_status(const base::http::ExchangePtr& exchange);

  ChallengeService& service_;
  Authenticator& authenticator_;
};

}  // namespace gauntlet::service
