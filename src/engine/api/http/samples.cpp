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
  metadata_ = standing.metadata();
}

namespace {

/// 0 without a whole answer.
int status_of(const wire::HttpFetch& fetch) { return fetch.exchange.failure ? 0 : fetch.exchange.head.status; }

}  // namespace

std::optional<bool> HttpSamples::is_expected(const wire::HttpFetch& fetch) const {
  if (!expected) return std::nullopt;
  const int status = status_of(fetch);
  if (!fetch.is_challenge()) return expected->has(status);
  const bool may_do_without = fetch.authentication == wire::HttpFetch::Authentication::ntlm;  // the server's leave to go on at once
  return status == 401 || (may_do_without && expected->has(status));
}

metrics::TagSet* HttpSamples::tag_set(const wire::HttpFetch& fetch, metrics::Recorder& recorder, const metrics::Tags& standing) const {
  const wire::HttpExchange& exchange = fetch.exchange;
  const int status = status_of(fetch);
  metrics::TagBuilder builder(recorder.tags(), saved_ ? saved_->set_pointer() : standing.set_pointer());
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
  if (const auto is_expected = this->is_expected(fetch)) builder.set(SystemTag::expected_response, *is_expected ? "true" : "false");
  return builder.intern();
}

void HttpSamples::record(const wire::HttpFetch& fetch, metrics::Recorder& recorder, const metrics::Tags& standing,
                         metrics::Instant at) const {
  if (fetch.exchange.head.status == 101) return;  // an error to the script, and no sample in k6 either
  const auto is_expected = this->is_expected(fetch);
  const wire::HttpTimings& timings = fetch.exchange.timings;
  metrics::HttpRequestTimes times;
  times.duration = base::milliseconds_of(timings.duration());
  times.blocked = base::milliseconds_of(timings.blocked);
  times.connecting = base::milliseconds_of(timings.connecting);
  times.tls_handshaking = base::milliseconds_of(timings.tls_handshaking);
  times.sending = base::milliseconds_of(timings.sending);
  times.waiting = base::milliseconds_of(timings.waiting);
  times.receiving = base::milliseconds_of(timings.receiving);
  const int failed = is_expected ? static_cast<int>(!*is_expected) : -1;
  recorder.add_http_request(tag_set(fetch, recorder, standing), times, failed, at, &metadata(standing));
}

}  // namespace gauntlet::engine::api
