#include "engine/wire/http/fetch.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "base/base64.hpp"
#include "base/text.hpp"
#include "engine/wire/http/content_coding.hpp"
#include "engine/wire/http/digest_auth.hpp"
#include "engine/wire/http/ntlm_auth.hpp"

namespace gauntlet::engine::wire {
namespace {

bool usually_lacks_body(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "DELETE" || method == "OPTIONS" || method == "PROPFIND" || method == "SEARCH";
}

bool is_replayable(std::string_view method, const RequestFields& fields) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE" || fields.has("Idempotency-Key") ||
         fields.has("X-Idempotency-Key");
}

bool is_domain_or_subdomain(std::string_view sub, std::string_view parent) {
  if (sub == parent) return true;
  if (sub.find(':') != std::string_view::npos) return false;  // an IPv6 address has no subdomains
  return sub.size() > parent.size() && sub.ends_with(parent) && sub[sub.size() - parent.size() - 1] == '.';
}

bool is_credential(std::string_view name) {
  return name == "Authorization" || name == "Www-Authenticate" || name == "Cookie" || name == "Cookie2" || name == "Proxy-Authorization" ||
         name == "Proxy-Authenticate";
}

bool is_about_body(std::string_view name) {
  return name == "Content-Type" || name == "Content-Encoding" || name == "Content-Language" || name == "Content-Location";
}

bool is_redirect(int status) { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

/// Headers that the client writes itself, or leaves out.
bool is_framing(std::string_view name) {
  return name == "Host" || name == "User-Agent" || name == "Content-Length" || name == "Transfer-Encoding" || name == "Trailer";
}

}  // namespace

void HttpFetch::reset() {
  alive_.reset();
  end();
  method = "GET";
  url.clear();
  fields.clear();
  body.clear();
  files.clear();
  has_body = false;
  cookies.clear();
  jar = nullptr;
  authentication = Authentication::basic;
  max_redirects = 10;
  timeout = std::chrono::seconds(60);
  discards_body = false;
  closes_connections = false;
  streams_body = false;
  max_decoded_bytes = kMaxDecodedBytes;
  listener = nullptr;
}

void HttpFetch::start(HttpClient& client) {
  client_ = &client;
  is_running_ = true;
  redirects_ = 0;
  stopped_at_redirect_ = false;
  is_challenge_ = authentication != Authentication::basic;
  ntlm_steps_ = 0;
  crossed_domains_ = false;
  dropped_body_ = false;
  keeps_host_field_ = true;
  user_.reset();
  answer_.clear();
  referer_.clear();
  first_cookies_.clear();
  hop_url_ = url;
  hop_method_ = method.empty() ? "GET" : method;
  deadline_ = HttpExchange::Clock::now() + timeout;
  if (authentication != Authentication::basic) {
    if (auto parsed = Url::parse(url); parsed && parsed->user) {
      user_ = parsed->user;
      password_ = parsed->password.value_or("");
      if (authentication == Authentication::digest) {
        parsed->user.reset();
        parsed->password.reset();
        hop_url_ = parsed->text();
      }
    }
  }
  send_hop();
}

void HttpFetch::end() {
  is_running_ = false;
  told_.reset();
}

void HttpFetch::cancel() {
  end();
  if (alive_) return alive_.reset();
  client_->cancel(exchange);
}

void HttpFetch::abort(Failure why) {
  if (alive_) alive_.reset();
  else client_->cut_off(exchange);
  end();
  exchange.head = {};
  exchange.failure = std::move(why);
  listener->on_hop(*this);
}

// The body as it comes

bool HttpFetch::on_exchange_head(HttpExchange&) {
  const int status = exchange.head.status;
  if (is_redirect(status) && redirects_ < max_redirects && !field_value(exchange.head.fields, "location").empty()) return false;
  // What answers a challenge, or cannot.
  if (status == 401 && authentication != Authentication::basic) return false;
  if (exchange.head.has_cookies && jar != nullptr) store_cookies();
  HttpClient::settle_timings(exchange);
  note_sent();
  on_exchange_body(exchange);
  return true;
}

void HttpFetch::note_sent() { sent_at_ = HttpExchange::Clock::now() - exchange.timings.receiving - exchange.timings.waiting; }

void HttpFetch::on_exchange_body(HttpExchange&) {
  if (told_) return;
  told_ = std::make_shared<bool>(true);
  client_->loop().post([this, told = std::weak_ptr<bool>(told_)] {
    if (told.expired()) return;
    told_.reset();
    // What was expected has come; while nobody waits a stream may be silent for ever.
    if (is_running_) client_->set_deadline(exchange, HttpExchange::Clock::time_point::max());
    listener->on_body(*this);
  });
}

void HttpFetch::take_body(Buffer& taken) {
  taken.clear();
  exchange.body.swap(taken);
  if (is_running_ && !taken.empty()) client_->consume(exchange, taken.size());
}

void HttpFetch::expect_body() {
  if (is_running_) client_->set_deadline(exchange, HttpExchange::Clock::now() + timeout);
}

void HttpFetch::close() {
  client_->cut_off(exchange);
  end();
  listener->on_hop(*this);
}

void HttpFetch::copy_head_to(HttpFetch& other) {
  other.method = method;
  other.url = url;
  other.fields = fields;
  other.body = body;
  other.files = files;
  other.hop_url_ = hop_url_;
  other.hop_method_ = hop_method_;
  other.first_cookies_ = first_cookies_;
  other.authentication = authentication;
  other.is_challenge_ = is_challenge_;
  other.redirects_ = redirects_;
  other.stopped_at_redirect_ = stopped_at_redirect_;
  HttpExchange& to = other.exchange;
  to.failure = {};
  to.body.clear();
  to.response_head = exchange.response_head;
  to.head = exchange.head;
  to.head.rebase(exchange.response_head.data(), to.response_head.data());
  to.timings = exchange.timings;
  to.has_remote = exchange.has_remote;
  to.remote = exchange.remote;
  to.tls = exchange.tls;
}

bool HttpFetch::locate(Failure& problem) {
  basic_.clear();
  if (const auto plain = scan_plain_url(hop_url_)) {
    authority_ = plain->authority;
    target_ = plain->target.empty() ? std::string_view("/") : plain->target;
    exchange.origin = client_->origin(plain->tls, plain->host, plain->port);
    if (HttpClient::plain_proxy(*exchange.origin) != nullptr) target_.insert(0, "http://" + authority_);
    return true;
  }
  const auto parsed = Url::parse(hop_url_);
  if (!parsed) {
    problem = failure(error_code::kInvalidUrl, parsed.error().message);
    return false;
  }
  if (parsed->scheme != "http" && parsed->scheme != "https") {
    problem = failure(error_code::kOther, "unsupported protocol scheme " + go_quote(parsed->scheme));
    return false;
  }
  if (parsed->host.empty()) {
    problem = failure(error_code::kOther, "http: no Host in request URL");
    return false;
  }
  const bool is_tls = parsed->scheme == "https";
  std::uint32_t port = is_tls ? 443 : 80;
  if (const std::string_view text = parsed->port_text(); !text.empty()) {
    port = 0;
    for (const char c : text) port = std::min<std::uint32_t>(port * 10 + static_cast<std::uint32_t>(c - '0'), 1'000'000);
    if (port > 65535) {
      problem = failure(error_code::kDial, fmt::format("dial tcp: address {}: invalid port", text));
      return false;
    }
  }
  if (parsed->user) basic_ = "Basic " + base::encode_base64(*parsed->user + ':' + parsed->password.value_or(""));
  // An empty port ("host:") is not sent on.
  authority_ = parsed->host;
  if (authority_.ends_with(':')) authority_.pop_back();
  target_ = parsed->request_target();
  exchange.origin = client_->origin(is_tls, parsed->hostname(), static_cast<std::uint16_t>(port));
  if (HttpClient::plain_proxy(*exchange.origin) != nullptr) target_.insert(0, "http://" + authority_);
  return true;
}

void HttpFetch::send_hop() {
  Failure problem;
  if (!is_token(hop_method_)) problem = failure(error_code::kOther, "net/http: invalid method " + go_quote(hop_method_));
  fields.for_each([&](std::string_view name, std::string_view value) {
    if (problem) return;
    if (!is_token(name)) problem = failure(error_code::kOther, "net/http: invalid header field name " + go_quote(name));
    else if (!is_field_value(value)) problem = failure(error_code::kOther, "net/http: invalid header field value for " + go_quote(name));
  });
  if (problem || !locate(problem)) return fail_soon(std::move(problem));
  if (authentication == Authentication::ntlm) basic_.clear();  // credentials leave only in answers
  else if (user_ && answer_.empty() && !crossed_domains_) basic_ = "Basic " + base::encode_base64(*user_ + ':' + password_);
  write_cookies();
  if (redirects_ == 0 && answer_.empty()) first_cookies_ = cookies_;
  write_head();
  exchange.is_head = hop_method_ == "HEAD";
  exchange.is_replayable = is_replayable(hop_method_, fields);
  exchange.wants_close = closes_connections || list_has_token(fields.value("Connection"), "close");
  exchange.discards_body = discards_body;
  exchange.may_stream = streams_body;
  exchange.deadline = deadline_;
  exchange.listener = this;
  client_->send(exchange);
}

/// The user's own header, the request's cookies, then the jar's.
void HttpFetch::write_cookies() {
  cookies_.clear();
  if (!crossed_domains_) cookies_ = fields.value("Cookie");
  const auto divide = [&] { cookies_ += cookies_.empty() ? "" : "; "; };
  for (const RequestCookie& cookie : cookies) {
    divide();
    append_cookie(cookies_, cookie.name, cookie.value, false);
  }
  if (jar == nullptr || jar->empty()) return;
  const auto parsed = Url::parse(hop_url_);
  if (!parsed) return;
  for (const CookieJar::Sent& kept : jar->cookies_for(*parsed, CookieJar::clock_ms())) {
    if (std::any_of(cookies.begin(), cookies.end(), [&](const RequestCookie& c) { return c.replaces && c.name == kept.name; })) continue;
    divide();
    append_cookie(cookies_, kept.name, kept.value, kept.is_quoted);
  }
}

std::size_t HttpFetch::body_size() const {
  return std::accumulate(files.begin(), files.end(), body.size(),
                         [](std::size_t sum, const SharedBytes& file) { return sum + file.bytes.size(); });
}

std::string HttpFetch::whole_body() const {
  std::string whole;
  std::size_t at = 0;
  for (const SharedBytes& file : files) {
    whole.append(body, at, file.at - at).append(file.bytes);
    at = file.at;
  }
  return whole.append(body, at);
}

void HttpFetch::write_body() {
  exchange.request_body = std::string_view(body).substr(0, files.empty() ? body.size() : files.front().at);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::size_t end = i + 1 < files.size() ? files[i + 1].at : body.size();
    for (const std::string_view part : {files[i].bytes, std::string_view(body).substr(files[i].at, end - files[i].at)}) {
      if (!part.empty()) exchange.more_body.push_back(part);
    }
  }
}

void HttpFetch::write_head() {
  std::string& out = exchange.request_head;
  out.clear();
  out.append(hop_method_).append(1, ' ').append(target_).append(" HTTP/1.1\r\n");
  const std::string_view own_host = keeps_host_field_ ? fields.value("Host") : std::string_view();
  append_field(out, "Host", own_host.empty() ? std::string_view(authority_) : own_host);
  if (const std::string_view agent = fields.value("User-Agent"); !agent.empty()) append_field(out, "User-Agent", agent);

  exchange.request_body = {};
  exchange.more_body.clear();
  if (has_body && !dropped_body_) {
    write_body();
    if (const std::size_t size = body_size(); size > 0) {
      append_field(out, "Content-Length", fmt::format_int(size).c_str());
    } else if (!usually_lacks_body(hop_method_)) {
      // An empty string is a body of unknown length to Go: it goes out as the last chunk.
      append_field(out, "Transfer-Encoding", "chunked");
      exchange.request_body = "0\r\n\r\n";
    }
  } else if (hop_method_ == "POST" || hop_method_ == "PUT" || hop_method_ == "PATCH") {
    append_field(out, "Content-Length", "0");
  }

  // The client's own fields take their places among the sorted ones of the request.
  struct Own {
    std::string_view name;
    std::string_view value;
  };
  const bool has_authorization = fields.has("Authorization") && !crossed_domains_;
  const std::array<Own, 3> own{Own{"Authorization", !answer_.empty()    ? std::string_view(answer_)
                                                    : has_authorization ? std::string_view()
                                                                        : basic_},
                               Own{"Cookie", cookies_}, Own{"Referer", fields.has("Referer") ? std::string_view() : referer_}};
  std::size_t next = 0;
  fields.for_each([&](std::string_view name, std::string_view value) {
    for (; next < own.size() && own[next].name <= name; ++next) {
      if (!own[next].value.empty()) append_field(out, own[next].name, own[next].value);
    }
    if (is_framing(name) || name == "Cookie" || (name == "Authorization" && !answer_.empty())) return;
    if ((crossed_domains_ && is_credential(name)) || (dropped_body_ && is_about_body(name))) return;
    append_field(out, name, value);
  });
  for (; next < own.size(); ++next) {
    if (!own[next].value.empty()) append_field(out, own[next].name, own[next].value);
  }
  if (const ProxyServer* proxy = HttpClient::plain_proxy(*exchange.origin); proxy != nullptr && !proxy->authorization.empty()) {
    append_field(out, "Proxy-Authorization", proxy->authorization);
  }
  if (closes_connections && !fields.has("Connection")) append_field(out, "Connection", "close");
  out += "\r\n";
}

void HttpFetch::on_exchange_done(HttpExchange&) {
  if (exchange.failure || exchange.head.status == 101) return report();
  if (exchange.head.has_cookies && jar != nullptr && !exchange.is_streamed) store_cookies();
  Next next = Next::done;
  if (authentication == Authentication::digest && answer_.empty() && exchange.head.status == 401) next = answer_digest();
  else if (authentication == Authentication::ntlm && user_ && ntlm_steps_ < 2 && exchange.head.status == 401) next = answer_ntlm();
  else next = follow_redirect();
  if (next != Next::send_again) {
    if (next == Next::done && exchange.head.has_encoding && !exchange.is_streamed && !discards_body && !exchange.body.empty()) decode();
    return report();
  }
  listener->on_hop(*this);
  is_challenge_ = false;
  hop_url_ = std::move(next_url_);
  hop_method_ = std::move(next_method_);
  send_hop();
}

void HttpFetch::report() {
  if (!exchange.is_streamed) note_sent();
  end();
  if (exchange.failure && !exchange.is_streamed) exchange.head = {};
  listener->on_hop(*this);
  listener->on_fetch_done(*this);
}

void HttpFetch::fail_soon(Failure problem) {
  exchange.head = {};
  exchange.response_head.clear();
  exchange.body.clear();
  exchange.timings = {};
  exchange.has_remote = false;
  exchange.tls.reset();
  exchange.failed_in_body = exchange.is_streamed = false;
  exchange.failure = std::move(problem);
  alive_ = std::make_shared<bool>(true);
  client_->loop().post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    alive_.reset();
    report();
  });
}

void HttpFetch::store_cookies() {
  const auto parsed = Url::parse(hop_url_);
  if (!parsed) return;
  std::vector<Cookie> received;
  for_each_field(exchange.head.fields, [&](std::string_view name, std::string_view value) {
    if (!base::equals_ignoring_case(name, "set-cookie")) return;
    if (auto cookie = parse_set_cookie(value)) received.push_back(std::move(*cookie));
  });
  jar->set(*parsed, received, CookieJar::clock_ms());
}

void HttpFetch::decode() {
  std::string encodings;
  for_each_field(exchange.head.fields, [&](std::string_view name, std::string_view value) {
    if (base::equals_ignoring_case(name, "content-encoding")) encodings += (encodings.empty() ? "" : ", ") + std::string(value);
  });
  const auto started = HttpExchange::Clock::now();
  exchange.failure = decode_body(encodings, exchange.body, max_decoded_bytes);
  exchange.failed_in_body = exchange.failure.code != error_code::kDecompression;
  exchange.timings.receiving += HttpExchange::Clock::now() - started;
}

HttpFetch::Next HttpFetch::answer_digest() {
  const std::string joined = files.empty() ? std::string() : whole_body();
  const std::string_view whole = files.empty() ? body : joined;
  std::optional<std::string> answer;
  for_each_field(exchange.head.fields, [&](std::string_view name, std::string_view value) {
    if (answer || !base::equals_ignoring_case(name, "www-authenticate")) return;
    const std::string cnonce = random_cnonce();
    answer = answer_digest_challenge(value, {user_.value_or(""), password_, hop_method_, target_, whole, cnonce});
  });
  if (!answer) return Next::done;
  answer_ = std::move(*answer);
  next_url_ = hop_url_;
  next_method_ = hop_method_;
  return Next::send_again;
}

/// Both steps go over the connection that the challenge came on: it was used last, so it is used next.
HttpFetch::Next HttpFetch::answer_ntlm() {
  std::optional<std::string> answer;
  for_each_field(exchange.head.fields, [&](std::string_view name, std::string_view value) {
    const auto scheme = ntlm_scheme(value);
    if (answer || !scheme || !base::equals_ignoring_case(name, "www-authenticate")) return;
    if (ntlm_steps_ == 0) {
      answer = begin_ntlm(*scheme);
      return;
    }
    std::array<unsigned char, 8> nonce{};
    RAND_bytes(nonce.data(), static_cast<int>(nonce.size()));
    const auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch());
    answer = answer_ntlm_challenge(value, {*user_, password_}, {reinterpret_cast<const char*>(nonce.data()), nonce.size()},
                                   static_cast<std::uint64_t>(now.count()) / 100);
  });
  if (!answer) return Next::done;
  ++ntlm_steps_;
  answer_ = std::move(*answer);
  next_url_ = hop_url_;
  next_method_ = hop_method_;
  return Next::send_again;
}

HttpFetch::Next HttpFetch::follow_redirect() {
  const int status = exchange.head.status;
  if (!is_redirect(status)) return Next::done;
  const std::string_view location = field_value(exchange.head.fields, "location");
  if (location.empty()) return Next::done;
  const auto from = Url::parse(hop_url_);
  auto to = from ? from->resolve(location) : from;
  if (!to) {
    exchange.failure =
        failure(error_code::kOther, fmt::format("failed to parse Location header {}: {}", go_quote(location), to.error().message));
    return Next::failed;
  }
  if (redirects_ >= max_redirects) {
    stopped_at_redirect_ = true;
    return Next::done;
  }
  ++redirects_;
  if (status != 307 && status != 308) {
    dropped_body_ = true;
    next_method_ = hop_method_ == "HEAD" ? "HEAD" : "GET";
  } else {
    next_method_ = hop_method_;
  }
  const auto initial = Url::parse(url);
  if (initial && !is_domain_or_subdomain(to->hostname(), initial->hostname())) crossed_domains_ = true;
  // An own Host header is for the host it was given for.
  keeps_host_field_ = keeps_host_field_ && to->host == from->host && location.find("://") == std::string_view::npos;
  referer_.clear();
  if (from->scheme != "https" || to->scheme != "http") {
    Url shown = *from;
    shown.user.reset();
    shown.password.reset();
    referer_ = shown.text();
  }
  answer_.clear();
  next_url_ = to->text();
  return Next::send_again;
}

}  // namespace gauntlet::engine::wire
