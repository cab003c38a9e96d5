#include "ags/mock_platform.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/base64.hpp"
#include "base/percent.hpp"

namespace gauntlet::ags {
namespace {

using base::ErrorKind;
using base::Expected;
using base::fail;
using base::http::ExchangePtr;
using nlohmann::json;

constexpr std::size_t kNextMax = 10'000;
/// Beyond, all is forgotten: more than any test grants, and less than a forgotten mock may hold.
constexpr std::size_t kGrantsMax = 2'000'000;
constexpr std::size_t kHangingMax = 1'000;

void answer(const ExchangePtr& exchange, int status, std::string body) {
  base::http::Response response;
  response.status = status;
  response.body = std::move(body);
  exchange->respond(std::move(response));
}

/// The platform's own shape of an error.
void refuse(const ExchangePtr& exchange, int status, int code, const std::string& message) {
  answer(exchange, status, json{{"errorCode", code}, {"errorMessage", message}}.dump());
}

/// As a platform that is overloaded or being deployed.
void refuse_for_now(const ExchangePtr& exchange) {
  base::http::Response response;
  response.status = 503;
  response.headers.emplace_back("retry-after", "1");
  response.body = json{{"errorCode", 20000}, {"errorMessage", "come again later"}}.dump();
  exchange->respond(std::move(response));
}

std::int64_t now_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// A field of an application/x-www-form-urlencoded body.
std::string form_field(std::string_view body, std::string_view name) {
  while (!body.empty()) {
    const std::string_view pair = body.substr(0, body.find('&'));
    body.remove_prefix(std::min(body.size(), pair.size() + 1));
    const auto equals = pair.find('=');
    if (pair.substr(0, equals) != name || equals == std::string_view::npos) continue;
    return base::percent_decode(pair.substr(equals + 1), /*plus_is_space=*/true).value_or("");
  }
  return {};
}

bool is_fault(const std::string& word) {
  for (const char* known : {"none", "busy", "lie", "cut", "cutGranted", "hang"}) {
    if (word == known) return true;
  }
  return word.size() == 3 && word[0] >= '2' && word[0] <= '5' && std::isdigit(word[1]) != 0 && std::isdigit(word[2]) != 0;
}

}  // namespace

Expected<void> update_faults(MockFaults& faults, std::string_view text) {
  const json document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return fail(ErrorKind::invalid_argument, "faults must be a JSON object");
  MockFaults next = faults;
  for (const auto& item : document.items()) {
    const std::string& name = item.key();
    const json& value = item.value();  // by name: clang 14, which fuzzes, lets no lambda capture a structured binding
    bool right = true;
    const auto share = [&](double& field) {
      right = value.is_number() && value.get<double>() >= 0 && value.get<double>() <= 1;
      if (right) field = value.get<double>();
    };
    const auto number = [&](int& field, int least, int most) {
      right = value.is_number_integer() && value.get<std::int64_t>() >= least && value.get<std::int64_t>() <= most;
      if (right) field = value.get<int>();
    };
    if (name == "latencyMs") {
      right = value.is_array() && value.size() == 2 && value[0].is_number_unsigned() && value[1].is_number_unsigned() &&
              value[0].get<std::uint64_t>() <= value[1].get<std::uint64_t>() && value[1].get<std::uint64_t>() <= 600'000;
      if (right) {
        next.least_latency = std::chrono::milliseconds(value[0].get<std::int64_t>());
        next.most_latency = std::chrono::milliseconds(value[1].get<std::int64_t>());
      }
    } else if (name == "fail") {
      share(next.fail);
    } else if (name == "failStatus") {
      number(next.fail_status, 200, 599);
    } else if (name == "busy") {
      share(next.busy);
    } else if (name == "lie") {
      share(next.lie);
    } else if (name == "cut") {
      share(next.cut);
    } else if (name == "cutGranted") {
      share(next.cut_granted);
    } else if (name == "honourKeys") {
      right = value.is_boolean();
      if (right) next.honour_keys = value.get<bool>();
    } else if (name == "keysStatus") {
      number(next.keys_status, 200, 599);
    } else if (name == "tokenStatus") {
      number(next.token_status, 200, 599);
    } else if (name == "tokenLifeS") {
      number(next.token_life_s, 0, 1'000'000);
    } else if (name == "next") {
      right = value.is_array() && value.size() <= kNextMax && std::all_of(value.begin(), value.end(), [](const json& word) {
                return word.is_string() && is_fault(word.get<std::string>());
              });
      if (right) next.next = value.get<std::deque<std::string>>();
    } else {
      return fail(ErrorKind::invalid_argument, "there is no field \"" + name + "\"");
    }
    if (!right) return fail(ErrorKind::invalid_argument, name + " cannot be " + value.dump());
  }
  if (next.fail + next.busy + next.lie + next.cut + next.cut_granted > 1)
    return fail(ErrorKind::invalid_argument, "fail, busy, lie, cut and cutGranted add up to more than 1");
  faults = std::move(next);
  return {};
}

std::string to_json(const MockFaults& faults) {
  return json{{"latencyMs", {faults.least_latency.count(), faults.most_latency.count()}},
              {"fail", faults.fail},
              {"failStatus", faults.fail_status},
              {"busy", faults.busy},
              {"lie", faults.lie},
              {"cut", faults.cut},
              {"cutGranted", faults.cut_granted},
              {"honourKeys", faults.honour_keys},
              {"keysStatus", faults.keys_status},
              {"tokenStatus", faults.token_status},
              {"tokenLifeS", faults.token_life_s},
              {"next", faults.next}}
      .dump();
}

MockPlatform::MockPlatform(base::EventLoop& loop, PlatformAddress address, MockFaults faults, std::uint64_t seed)
    : loop_(loop), address_(std::move(address)), faults_(std::move(faults)), random_(seed) {
  keys_.emplace_back("mock-" + std::to_string(++keys_made_));
}

void MockPlatform::add_routes(base::http::Router& router) {
  router.get("/iam/v3/oauth/jwks", [this](const ExchangePtr& exchange) {
    ++requests_["keys"];
    if (faults_.keys_status != 200) return refuse(exchange, faults_.keys_status, 20000, "no keys for now");
    answer(exchange, 200, jwks());
  });
  router.post("/iam/v3/oauth/token", [this](const ExchangePtr& exchange) { issue_token(exchange); });
  const std::string user = "/platform/admin/namespaces/{namespace}/users/{user}";
  router.post(user + "/entitlements", [this](const ExchangePtr& exchange) { grant(exchange, /*wallet=*/false); });
  router.put(user + "/wallets/{currency}/credit", [this](const ExchangePtr& exchange) { grant(exchange, /*wallet=*/true); });

  router.get("/mock/grants", [this](const ExchangePtr& exchange) {
    answer(exchange, 200, grants_json(exchange->request().query_value("user").value_or("")));
  });
  router.add("DELETE", "/mock/grants", [this](const ExchangePtr& exchange) {
    grants_.clear();
    by_key_.clear();
    requests_.clear();
    answer(exchange, 200, grants_json(""));
  });
  router.get("/mock/faults", [this](const ExchangePtr& exchange) { answer(exchange, 200, to_json(faults_)); });
  router.put("/mock/faults", [this](const ExchangePtr& exchange) {
    if (const auto updated = update_faults(faults_, exchange->request().body()); !updated) return exchange->respond(updated.error());
    answer(exchange, 200, to_json(faults_));
  });
  router.post("/mock/keys", [this](const ExchangePtr& exchange) {
    if (exchange->request().query_value("keep").value_or("") != "true") keys_.clear();
    keys_.emplace_back("mock-" + std::to_string(++keys_made_));
    answer(exchange, 200, jwks());
  });
  router.post("/mock/token", [this](const ExchangePtr& exchange) { sign_on_demand(exchange); });
}

std::string MockPlatform::jwks() const {
  std::string text = R"({"keys":[)";
  for (const SigningKey& key : keys_) text += (&key == keys_.data() ? "" : ",") + key.jwk();
  return text + "]}";
}

bool MockPlatform::is_client(std::string_view authorization) const {
  if (address_.client_id.empty()) return true;
  constexpr std::string_view kScheme = "Basic ";
  return authorization.starts_with(kScheme) &&
         base::decode_base64(authorization.substr(kScheme.size())) == address_.client_id + ":" + address_.client_secret;
}

void MockPlatform::issue_token(const ExchangePtr& exchange) {
  ++requests_["token"];
  const auto& request = exchange->request();
  if (faults_.token_status != 200) return refuse(exchange, faults_.token_status, 20000, "no tokens for now");
  const std::string authorization(request.header("authorization").value_or(""));
  if (!is_client(authorization)) {
    return answer(exchange, 401, R"({"error":"invalid_client","error_description":"unknown client or wrong secret"})");
  }
  const std::string grant_type = form_field(request.body(), "grant_type");
  const bool of_client = grant_type == "client_credentials";
  std::string subject = form_field(request.body(), "username");
  if (of_client) {
    constexpr std::string_view kScheme = "Basic ";
    subject =
        authorization.starts_with(kScheme) ? base::decode_base64(std::string_view(authorization).substr(kScheme.size())).value_or("") : "";
    subject.resize(std::min(subject.size(), subject.find(':')));
    if (subject.empty()) subject = "mock-client";
  } else if (grant_type != "password" || subject.empty()) {
    return answer(exchange, 400,
                  R"({"error":"unsupported_grant_type","error_description":"client_credentials, or password with a username"})");
  }
  const std::int64_t now = now_s(), expires = now + faults_.token_life_s;
  // The random id makes each token another one, also within a second.
  const std::string token = keys_.back().sign(
      json{{"sub", subject}, {"namespace", address_.name_space}, {"iat", now}, {"exp", expires}, {"jti", std::to_string(random_())}}
          .dump());
  if (of_client) {
    std::erase_if(client_tokens_, [&](const auto& issued) { return issued.second < now; });
    client_tokens_[token] = expires;
  }
  answer(exchange, 200,
         json{{"access_token", token},
              {"token_type", "Bearer"},
              {"expires_in", faults_.token_life_s},
              {"namespace", address_.name_space},
              {"user_id", subject}}
             .dump());
}

void MockPlatform::sign_on_demand(const ExchangePtr& exchange) {
  const json document = json::parse(exchange->request().body(), nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return exchange->respond(base::Error{ErrorKind::invalid_argument, "the body must be a JSON object"});
  json header{{"alg", "RS256"}, {"typ", "JWT"}, {"kid", keys_.back().id()}};
  json claims{{"sub", "test-user-id"}, {"namespace", address_.name_space}, {"exp", now_s() + faults_.token_life_s}};
  for (const auto& [part, target] : {std::pair{"header", &header}, std::pair{"claims", &claims}}) {
    if (document.contains(part)) target->merge_patch(document[part]);  // null takes a field away
  }
  const bool forged = document.contains("forge") && document["forge"] == "hs256";
  const std::string token =
      forged ? keys_.back().sign_with_public_key_as_secret(claims.dump()) : keys_.back().sign(header.dump(), claims.dump());
  answer(exchange, 200, json{{"token", token}}.dump());
}

MockPlatform::Drawn MockPlatform::draw() {
  if (!faults_.next.empty()) {
    const std::string word = faults_.next.front();
    faults_.next.pop_front();
    if (word == "none") return {};
    if (word == "busy") return {Fault::busy};
    if (word == "lie") return {Fault::lie};
    if (word == "cut") return {Fault::cut};
    if (word == "cutGranted") return {Fault::cut_granted};
    if (word == "hang") return {Fault::hang};
    return {Fault::fail, std::stoi(word)};
  }
  double left = std::uniform_real_distribution<double>(0, 1)(random_);
  if ((left -= faults_.fail) < 0) return {Fault::fail, faults_.fail_status};
  if ((left -= faults_.busy) < 0) return {Fault::busy};
  if ((left -= faults_.lie) < 0) return {Fault::lie};
  if ((left -= faults_.cut) < 0) return {Fault::cut};
  if ((left -= faults_.cut_granted) < 0) return {Fault::cut_granted};
  return {};
}

void MockPlatform::grant(const ExchangePtr& exchange, bool wallet) {
  ++requests_["grant"];
  const auto& request = exchange->request();
  const std::string_view authorization = request.header("authorization").value_or("");
  constexpr std::string_view kScheme = "Bearer ";
  const auto token =
      authorization.starts_with(kScheme) ? client_tokens_.find(std::string(authorization.substr(kScheme.size()))) : client_tokens_.end();
  if (token == client_tokens_.end() || token->second <= now_s()) return refuse(exchange, 401, 20001, "unauthorized");
  if (request.parameter("namespace") != address_.name_space) return refuse(exchange, 403, 20013, "insufficient permission");

  const json body = json::parse(request.body(), nullptr, /*allow_exceptions=*/false);
  const json fields = wallet ? body : body.is_array() && body.size() == 1 ? body[0] : json();
  const char* const amount = wallet ? "amount" : "quantity";
  const auto text = [&](const char* name) {
    return fields.contains(name) && fields[name].is_string() ? fields[name].get<std::string>() : "";
  };
  if (!fields.is_object() || !fields.contains(amount) || !fields[amount].is_number_integer() || fields[amount] <= 0 ||
      (!wallet && (text("itemId").empty() || text("itemNamespace") != address_.name_space))) {
    return refuse(exchange, 422, 20002, "validation error");
  }
  Granted granted;
  granted.user = request.parameter("user");
  granted.type = wallet ? "WALLET" : "ITEM";
  granted.reward_id = wallet ? std::string(request.parameter("currency")) : text("itemId");
  granted.quantity = fields[amount].get<std::int64_t>();
  if (fields.contains("metadata") && fields["metadata"].is_object()) granted.key = fields["metadata"].value("idempotencyKey", "");

  const Drawn drawn = draw();
  if (drawn.fault == Fault::hang) {
    std::erase_if(hanging_, [](const ExchangePtr& held) { return held->abandoned(); });
    if (hanging_.size() >= kHangingMax) return exchange->cut();
    hanging_.push_back(exchange);
    return;
  }
  if (drawn.fault == Fault::none || drawn.fault == Fault::lie || drawn.fault == Fault::cut_granted) take(std::move(granted));
  const auto reply = [exchange, drawn, wallet] {
    switch (drawn.fault) {
      case Fault::none: return answer(exchange, wallet ? 200 : 201, wallet ? "{}" : "[]");
      case Fault::fail: return refuse(exchange, drawn.status, 20000, "as asked for");
      case Fault::busy: return refuse_for_now(exchange);
      case Fault::lie: return refuse(exchange, 500, 20000, "internal server error");
      default: return exchange->cut();
    }
  };
  std::uniform_int_distribution<std::int64_t> latency_ms(faults_.least_latency.count(), faults_.most_latency.count());
  const std::chrono::milliseconds latency(latency_ms(random_));
  if (latency.count() == 0) return reply();
  loop_.call_after(latency, reply);
}

void MockPlatform::take(Granted granted) {
  if (faults_.honour_keys && !granted.key.empty()) {
    if (const auto known = by_key_.find(granted.key); known != by_key_.end()) {
      ++grants_[known->second].requests;
      return;
    }
  }
  if (grants_.size() >= kGrantsMax) {
    grants_.clear();
    by_key_.clear();
  }
  if (!granted.key.empty()) by_key_.emplace(granted.key, grants_.size());
  grants_.push_back(std::move(granted));
}

std::string MockPlatform::grants_json(const std::string& user) const {
  json listed = json::array();
  for (const Granted& granted : grants_) {
    if (!user.empty() && granted.user != user) continue;
    listed.push_back({{"user", granted.user},
                      {"type", granted.type},
                      {"rewardId", granted.reward_id},
                      {"quantity", granted.quantity},
                      {"key", granted.key},
                      {"requests", granted.requests}});
  }
  json requests{{"keys", 0}, {"token", 0}, {"grant", 0}};
  for (const auto& [what, count] : requests_) requests[what] = count;
  return json{{"granted", grants_.size()}, {"requests", requests}, {"grants", std::move(listed)}}.dump();
}

}  // namespace gauntlet::ags
