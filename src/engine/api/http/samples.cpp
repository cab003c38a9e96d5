#include "engine/api/http/samples.hpp"

#include <fmt/format.h>

#include <string_view>

#include "base/duration.hpp"

namespace gauntlet::engine::api {

using metrics::SystemTag;

std::string without_credentials(const std::string& url) {
  const auto scheme = url.find("://");
  if (scheme == std::string::npos) return url;
  const auto end = url.find_first_of("/?#", scheme + 3);
  const auto at = url.substr(0, end).rfind('@');
  if (at == std::string::npos || at < scheme) return url;
  const bool has_password = url.find(':', scheme + 3) < at;
  return url.substr(0, scheme + 3) + (has_password ? "****:****" : "****") + url.substr(at);
}

void HttpSamples::keep(metrics::Tags& standing) {
  saved_.emplace(standing.save());
  kept_ = standing.set_pointer();
}

void HttpSamples::record(const wire::HttpFetch& fetch, metrics::Recorder& recorder, const metrics::Tags& standing,
                         metrics::Instant at) const {
  const wire::HttpExchange& exchange = fetch.exchange;
  const int status = exchange.head.status;
  if (status == 101) return;  // an error to the script, and no sample in k6 either
  metrics::TagBuilder builder(recorder.tags(), saved_ ? kept_ : standing.set_pointer());
  for (const auto& [own, value] : tags) builder.set(own, value);
  builder.set(SystemTag::method, fetch.hop_method());
  std::string shown;
  std::string_view url = name;
  if (!has_name) {
    url = fetch.hop_url();
    if (url.find('@') != std::string_view::npos) url = shown = without_credentials(fetch.hop_url());
  }
  builder.set(SystemTag::url, url).set(SystemTag::name, url);
  const fmt::format_int status_text(status);
  builder.set(SystemTag::status, {status_text.data(), status_text.size()});
  const int code = exchange.failure ? exchange.failure.code : status >= 400 && status < 600 ? wire::error_code::kOther + status : 0;
  const fmt::format_int code_text(code);
  if (exchange.failure) builder.set(SystemTag::error, exchange.failure.message);
  if (code != 0) builder.set(SystemTag::error_code, {code_text.data(), code_text.size()});
  if (status != 0) {
    builder.set(SystemTag::proto, exchange.head.protocol);
    if (exchange.tls) builder.set(SystemTag::tls_version, exchange.tls->version);
  }
  std::string ip;
  if (exchange.has_remote && recorder.tags().enabled().has(SystemTag::ip)) builder.set(SystemTag::ip, ip = exchange.remote.ip());
  int failed = -1;
  if (expected) {
    const bool may_do_without = fetch.authentication == wire::HttpFetch::Authentication::ntlm;  // the server's leave to go on at once
    const bool is_expected =
        (fetch.is_challenge() && status == 401) || ((!fetch.is_challenge() || may_do_without) && expected->has(status));
    builder.set(SystemTag::expected_response, is_expected ? "true" : "false");
    failed = is_expected ? 0 : 1;
  }
  const wire::HttpTimings& timings = exchange.timings;
  metrics::HttpRequestTimes times;
  times.duration = base::milliseconds_of(timings.duration());
  times.blocked = base::milliseconds_of(timings.blocked);
  times.connecting = base::milliseconds_of(timings.connecting);
  times.tls_handshaking = base::milliseconds_of(timings.tls_handshaking);
  times.sending = base::milliseconds_of(timings.sending);
  times.waiting = base::milliseconds_of(timings.waiting);
  times.receiving = base::milliseconds_of(timings.receiving);
  recorder.add_http_request(builder.intern(), times, failed, at, &standing.metadata());
}

}  // namespace gauntlet::engine::api
