#include "service/service_settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/http/listener_settings.hpp"

namespace gauntlet::service {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// With the largest burst what a player may have ahead is then within the clock's range.
constexpr double kLeastPlayerRate = 0.001;

/// With a host, and without blanks, which no request can carry.
bool is_http_url(std::string_view text) {
  const std::size_t scheme = text.starts_with("https://") ? 8 : text.starts_with("http://") ? 7 : 0;
  if (scheme == 0 || text.substr(scheme).find_first_of("/?#") == 0 || text.size() == scheme) return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > ' ' && c != 0x7f; });
}

/// An address to which paths can be appended.
bool is_base_url(std::string_view text) { return is_http_url(text) && text.find_first_of("?#") == std::string_view::npos; }

/// "/segment/segment" of characters that stand for themselves in a URL, as clients send it.
bool is_base_path(std::string_view text) {
  if (!text.starts_with('/') || text.ends_with('/')) return false;
  for (std::size_t begin = 1; begin <= text.size();) {
    const std::size_t end = std::min(text.find('/', begin), text.size());
    const std::string_view segment = text.substr(begin, end - begin);
    if (segment.empty() || segment == "." || segment == "..") return false;
    begin = end + 1;
  }
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("/-._~").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

}  // namespace

base::Expected<ServiceSettings> ServiceSettings::read(base::Settings& settings, const base::Environment& environment) {
  ServiceSettings s;
  s.name_space = settings.text("AB_NAMESPACE", "accelbyte", "namespace of the deployment; written into rows and grants");
  host::check_namespace(settings, s.name_space);
  s.auth_enabled =
      settings.boolean("PLUGIN_GRPC_SERVER_AUTH_ENABLED", true, "check tokens; false: the player is whoever header x-mock-user-id says");
  s.key_refresh_interval = duration_cast<seconds>(settings.duration("REFRESH_INTERVAL", seconds(600), seconds(1), minutes(24 * 60),
                                                                    seconds(1), "how often the token issuer's keys are fetched"));
  s.base_path = settings.text("BASE_PATH", "/challenge", "what every REST path begins with");
  if (s.base_path == "/") s.base_path.clear();
  if (!s.base_path.empty() && !is_base_path(s.base_path)) {
    settings.reject("BASE_PATH", "must begin with / and not end with it, with letters, digits and -._~ between, as in /challenge; is \"" +
                                     s.base_path + "\"");
  }
  host::read_ports(settings, s, {{"HTTP_PORT", 8000, "the REST API"}, {"GRPC_PORT", 6565, "the gRPC API"}}, 8080);
  s.threads = settings.threads("SERVICE_THREADS", 256, {1, 256}, "worker threads; by default no more than DB_MAX_OPEN_CONNS");
  s.database_connections = static_cast<std::size_t>(
      settings.integer("DB_MAX_OPEN_CONNS", std::int64_t{25}, {1, 10000}, "connections to PostgreSQL, of all threads together"));
  if (s.threads > s.database_connections) {  // each thread has one of its own
    if (const auto given = environment.find("SERVICE_THREADS"); given != environment.end() && !given->second.empty()) {
      settings.reject("SERVICE_THREADS",
                      fmt::format("must not be above DB_MAX_OPEN_CONNS, which is {}; is {}", s.database_connections, s.threads));
    }
    s.threads = s.database_connections;
  }
  host::read_waits(settings, s, "requests");
  s.queue_time_max = duration_cast<milliseconds>(
      settings.duration("QUEUE_TIME_MAX", seconds(1), seconds(0), minutes(1), seconds(1),
                        "requests are refused with 503 and Retry-After while those before them wait longer than this "
                        "for the service or PostgreSQL; 0: never"));
  s.player_rate =
      settings.number("RATE_LIMIT_PER_PLAYER", 0, 0, 1e6, "requests a second that one player may ask; more get 429; 0: no limit");
  if (s.player_rate > 0 && s.player_rate < kLeastPlayerRate) {
    settings.reject("RATE_LIMIT_PER_PLAYER",
                    fmt::format("must be 0 or at least {} (a request in {:.0f} s)", kLeastPlayerRate, 1 / kLeastPlayerRate));
  }
  s.player_burst = settings.integer("RATE_LIMIT_BURST", std::int64_t{10}, {1, 1'000'000},
                                    "how many of them at once, while RATE_LIMIT_PER_PLAYER is set");
  base::http::read_limits(settings, s.listener);
  const auto statement_time = duration_cast<milliseconds>(settings.duration(
      "DB_STATEMENT_TIMEOUT", seconds(10), milliseconds(100), minutes(10), seconds(1), "PostgreSQL cancels a statement that takes longer"));
  s.challenge_config_path = settings.text("CHALLENGE_CONFIG_PATH", "config/challenges.json", "the challenges and goals");
  host::read_migrations_path(settings, s);
  s.real_rewards = settings.choice("REWARD_CLIENT_MODE", "real", {"mock", "real"},
                                   "who grants rewards: the platform, or a mock that gives nothing, for development") == "real";
  const bool mock_latencies = settings.boolean("MOCK_AGS", false, "the mock takes as long as the platform would");
  const auto least =
      settings.integer("MOCK_AGS_LATENCY_MIN_MS", std::int64_t{50}, {0, 60000}, "shortest time of a mock grant, while MOCK_AGS=true");
  const auto most =
      settings.integer("MOCK_AGS_LATENCY_MAX_MS", std::int64_t{200}, {0, 60000}, "longest time of a mock grant, while MOCK_AGS=true");
  if (least > most) {
    settings.reject("MOCK_AGS_LATENCY_MIN_MS",
                    "must not be above MOCK_AGS_LATENCY_MAX_MS: " + std::to_string(least) + " > " + std::to_string(most));
  }
  if (mock_latencies) s.mock_latency = {milliseconds(least), milliseconds(most)};
  s.rewards_honour_keys = settings.boolean("REWARD_IDEMPOTENCY", !s.real_rewards,
                                           "the platform grants once for one idempotency key, which is sent along; false: grants of "
                                           "unknown outcome wait for a person. Default: true for the mock, false for the real platform");
  const std::string base_url = settings.text("AB_BASE_URL", "", "the platform's address, as in https://demo.accelbyte.io");
  const std::string client_id = settings.text("AB_CLIENT_ID", "", "the service's OAuth client, for REWARD_CLIENT_MODE=real");
  const std::string client_secret = settings.secret("AB_CLIENT_SECRET", "", "its secret");
  s.tokens.name_space = s.name_space;
  s.tokens.issuer = settings.text("AB_TOKEN_ISSUER", "", "what a token's claim iss must be, to the letter; default: any");
  s.tokens.audience = settings.text("AB_TOKEN_AUDIENCE", "", "what a token's claim aud must be or list; default: any");
  s.platform = {base_url, s.name_space, client_id, client_secret};
  while (!s.platform.base_url.empty() && s.platform.base_url.back() == '/') s.platform.base_url.pop_back();
  if (s.auth_enabled && !is_base_url(base_url)) {
    settings.reject(
        "AB_BASE_URL",
        "must be the platform's http(s) address while PLUGIN_GRPC_SERVER_AUTH_ENABLED=true (the default); is \"" + base_url + "\"");
  }
  if (s.real_rewards && (!is_base_url(base_url) || client_id.empty() || client_secret.empty())) {
    std::string missing;
    if (!is_base_url(base_url)) missing += " AB_BASE_URL (an http(s) address)";
    if (client_id.empty()) missing += " AB_CLIENT_ID";
    if (client_secret.empty()) missing += " AB_CLIENT_SECRET";
    settings.reject("REWARD_CLIENT_MODE", "real, the default, grants through the platform; missing for that:" + missing +
                                              ". For development, REWARD_CLIENT_MODE=mock says granted and gives nothing");
  }
  s.spans.service_name = settings.text("OTEL_SERVICE_NAME", "challenge-service", "the name that spans carry");
  s.spans.endpoint =
      settings.text("OTEL_EXPORTER_ZIPKIN_ENDPOINT", "", "where spans go, as http://localhost:9411/api/v2/spans; default: no spans");
  s.spans.new_traces_share = settings.number("OTEL_TRACES_SAMPLER_ARG", 1, 0, 1,
                                             "share of the requests without a traceparent that get a span; the others' says it");
  if (!s.spans.endpoint.empty() && !is_http_url(s.spans.endpoint))
    settings.reject("OTEL_EXPORTER_ZIPKIN_ENDPOINT", "must be an http(s) address; is \"" + s.spans.endpoint + "\"");
  host::name_database_role(settings);
  const std::string owner =
      settings.text("DB_MIGRATION_USER", "",
                    "the role that owns the schema, migrates it and gives DB_USER the few rights it needs; default: DB_USER owns it");
  const std::string owner_password = settings.secret("DB_MIGRATION_PASSWORD", "", "that role's password");
  TRY(host::read_database(settings, s, environment));
  s.database.application_name = "challenge-service";
  s.database.statement_timeout = statement_time;
  s.schema_owner = s.database;
  if (!owner.empty()) {
    s.schema_owner.user = owner;
    s.schema_owner.password = owner_password;
  }
  return s;
}

}  // namespace gauntlet::service
