#include "service/rest_adapter.hpp"

#include <algorithm>

#include "base/http/content_coding.hpp"
#include "service.pb.h"
#include "service/entity_tag.hpp"
#include "service/messages.hpp"
#include "service/proto_json.hpp"

namespace gauntlet::service {
namespace {

using base::ErrorKind;
using base::Expected;
using base::http::Body;
using base::http::Coding;
using base::http::ExchangePtr;

void answer(const ExchangePtr& exchange, Body body) {
  base::http::Response response;
  response.body = std::move(body);
  exchange->respond(std::move(response));
}

/// Answers with a body that depends on the player's rows, or 304 when the client has it already; there is no 304
/// where the answer `counts_down` anyway. `render` makes the body in the coding that the client likes best.
template <class Render>
void answer_view(const ExchangePtr& exchange, const PlayerChallenges& view, std::string_view name, bool counts_down, const Render& render) {
  base::http::Response response;
  const Coding coding = accepted_coding(exchange->request(), {Coding::gzip, Coding::zstd});
  response.headers.reserve(4);
  if (!counts_down) {
    std::string tag = entity_tag(*view.catalog, view.rows, view.now, name, coding);
    const auto if_none_match = exchange->request().header_list("if-none-match");
    if (if_none_match && names_tag(*if_none_match, tag)) response.status = 304;
    response.headers.emplace_back("etag", std::move(tag));
    response.headers.emplace_back("cache-control", "private, no-cache");
  }
  response.headers.emplace_back("vary", "accept-encoding");
  if (response.status == 304) {
    response.content_type = {};
  } else {
    if (coding != Coding::identity) response.headers.emplace_back("content-encoding", to_string(coding));
    response.body = render(coding);
    response.body.keep(view.catalog);
  }
  exchange->respond(std::move(response));
}

/// For start(): answers with the result as Message, or with its error.
template <class Message>
auto answering(const ExchangePtr& exchange) {
  return [exchange](const auto& result) {
    if (!result) return exchange->respond(result.error());
    Message message;
    fill(message, *result);
    answer(exchange, to_json(message));
  };
}

/// Reads the body; answers the request itself when it is not what the route takes.
template <class Message>
bool read_body(const ExchangePtr& exchange, Message& message) {
  const auto read = from_json(exchange->request().body(), message);
  if (!read) exchange->respond(read.error());
  return read.has_value();
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

/// A boolean of the query as Go's strconv.ParseBool reads it, by which the earlier services did; absent and empty are
/// false.
Expected<bool> query_flag(const base::http::Request& request, std::string_view name, std::string_view camel_case_name) {
  auto value = request.query_value(name);
  if (!value) value = request.query_value(camel_case_name);
  if (!value || is_one_of(*value, {"", "0", "f", "F", "false", "False", "FALSE"})) return false;
  if (is_one_of(*value, {"1", "t", "T", "true", "True", "TRUE"})) return true;
  return base::fail(ErrorKind::invalid_argument, std::string(name) + " must be true or false (or 1, t, 0, f), is \"" + *value + "\"");
}

Wanted wanted_by(const ExchangePtr& exchange) {
  return [exchange] { return !exchange->abandoned(); };
}

std::string parameter(const ExchangePtr& exchange, std::string_view name) { return std::string(exchange->request().parameter(name)); }

}  // namespace

RestAdapter::RestAdapter(ChallengeService& service, Authenticator& authenticator) : service_(service), authenticator_(authenticator) {}

void RestAdapter::add_routes(base::http::Router& router, const std::string& base_path) {
  const std::string challenges = base_path + "/v1/challenges";
  const std::string challenge = challenges + "/{challenge_id}";
  const std::string goals = challenge + "/goals";
  router.get(base_path + "/healthz", [this](const ExchangePtr& exchange) { health(exchange); });
  router.get(challenges, [this](const ExchangePtr& exchange) { list(exchange); });
  router.post(challenges + "/initialize", [this](const ExchangePtr& exchange) { initialize(exchange); });
  router.get(challenge, [this](const ExchangePtr& exchange) { one_challenge(exchange); });
  router.get(challenge + "/rotation", [this](const ExchangePtr& exchange) { rotation_status(exchange); });
  router.post(goals + "/batch-select", [this](const ExchangePtr& exchange) { batch_select(exchange); });
  router.post(goals + "/random-select", [this](const ExchangePtr& exchange) { random_select(exchange); });
  router.put(goals + "/{goal_id}/active", [this](const ExchangePtr& exchange) { set_active(exchange); });
  router.post(goals + "/{goal_id}/claim", [this](const ExchangePtr& exchange) { claim(exchange); });
}

void RestAdapter::as_player(const ExchangePtr& exchange, std::function<void(std::string)> next) {
  const base::http::Request& request = exchange->request();
  const Credentials credentials{request.header("authorization"), request.header_occurrences("authorization"),
                                request.header("x-mock-user-id")};
  authenticator_.authenticate(credentials, [exchange, next = std::move(next)](Expected<std::string> user_id) {
    if (!user_id) return exchange->respond(user_id.error());
    next(std::move(*user_id));
  });
}

void RestAdapter::health(const ExchangePtr& exchange) {
  start(service_.health(), [exchange](const Expected<void>& healthy) {
    if (!healthy) return exchange->respond(healthy.error());
    answer(exchange, Body::of_static(R"({"status":"healthy"})"));
  });
}

void RestAdapter::list(const ExchangePtr& exchange) {
  const auto active_only = query_flag(exchange->request(), "active_only", "activeOnly");
  if (!active_only) return exchange->respond(active_only.error());
  as_player(exchange, [this, exchange, active = *active_only](std::string user_id) {
    start(service_.list(std::move(user_id), wanted_by(exchange)), [exchange, active](const Expected<PlayerChallenges>& view) {
      if (!view) return exchange->respond(view.error());
      const Catalog& catalog = *view->catalog;
      answer_view(exchange, *view, active ? "active" : "all", catalog.json.counts_down(), [&](Coding coding) {
        return active ? catalog.json.active(catalog.config, view->rows, view->now, coding)
                      : catalog.json.all(catalog.config, view->rows, view->now, coding);
      });
    });
  });
}

void RestAdapter::one_challenge(const ExchangePtr& exchange) {
  as_player(exchange, [this, exchange](std::string user_id) {
    start(service_.list(std::move(user_id), wanted_by(exchange)), [exchange](const Expected<PlayerChallenges>& view) {
      if (!view) return exchange->respond(view.error());
      const Catalog& catalog = *view->catalog;
      const std::string id = parameter(exchange, "challenge_id");
      const challenge::Challenge* challenge = catalog.config.find_challenge(id);
      if (challenge == nullptr) return exchange->respond(base::Error{ErrorKind::not_found, "challenge not found: " + id});
      answer_view(exchange, *view, "one " + id, catalog.json.counts_down(*challenge),
                  [&](Coding coding) { return catalog.json.one(catalog.config, *challenge, view->rows, view->now, coding); });
    });
  });
}

void RestAdapter::initialize(const ExchangePtr& exchange) {
  ::service::InitializeRequest request;
  if (!read_body(exchange, request)) return;
  as_player(exchange, [this, exchange](std::string user_id) {
    start(service_.initialize(std::move(user_id), wanted_by(exchange)), answering<::service::InitializeResponse>(exchange));
  });
}

void RestAdapter::set_active(const ExchangePtr& exchange) {
  ::service::SetGoalActiveRequest request;
  if (!read_body(exchange, request)) return;
  as_player(exchange, [this, exchange, active = request.is_active()](std::string user_id) {
    start(service_.set_active(std::move(user_id), parameter(exchange, "challenge_id"), parameter(exchange, "goal_id"), active,
                              wanted_by(exchange)),
          answering<::service::SetGoalActiveResponse>(exchange));
  });
}

void RestAdapter::claim(const ExchangePtr& exchange) {
  ::service::ClaimRewardRequest request;
  if (!read_body(exchange, request)) return;
  as_player(exchange, [this, exchange](std::string user_id) {
    start(service_.claim(std::move(user_id), parameter(exchange, "challenge_id"), parameter(exchange, "goal_id")),
          answering<::service::ClaimRewardResponse>(exchange));
  });
}

void RestAdapter::batch_select(const ExchangePtr& exchange) {
  ::service::BatchSelectRequest request;
  if (!read_body(exchange, request)) return;
  as_player(exchange, [this, exchange, request = std::move(request)](std::string user_id) {
    start(service_.batch_select(std::move(user_id), parameter(exchange, "challenge_id"),
                                {request.goal_ids().begin(), request.goal_ids().end()}, request.replace_existing(), wanted_by(exchange)),
          answering<::service::GoalSelectionResponse>(exchange));
  });
}

void RestAdapter::random_select(const ExchangePtr& exchange) {
  ::service::RandomSelectRequest request;
  if (!read_body(exchange, request)) return;
  const challenge::RandomSelection selection{request.count(), request.replace_existing(), request.exclude_active()};
  as_player(exchange, [this, exchange, selection](std::string user_id) {
    start(service_.random_select(std::move(user_id), parameter(exchange, "challenge_id"), selection, wanted_by(exchange)),
          answering<::service::GoalSelectionResponse>(exchange));
  });
}

void RestAdapter::rotation_status(const ExchangePtr& exchange) {
  as_player(exchange, [this, exchange](const std::string&) {
    answering<::service::GetRotationStatusResponse>(exchange)(service_.rotation_status(parameter(exchange, "challenge_id")));
  });
}

}  // namespace gauntlet::service
