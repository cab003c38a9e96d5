#include "engine/api/http/request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/parse.hpp"
#include "base/text.hpp"
#include "engine/api/data/fs.hpp"
#include "engine/api/http/body.hpp"
#include "engine/api/http/body_stream.hpp"
#include "engine/api/http/cookies.hpp"
#include "engine/api/http/url_template.hpp"
#include "engine/plan/options.hpp"
#include "engine/script/binding.hpp"
#include "engine/users/test_state.hpp"
#include "engine/users/vu_context.hpp"
#include "engine/wire/http/content_coding.hpp"
#include "engine/wire/url.hpp"

namespace gauntlet::engine::api {
namespace {

using script::Text;
using script::Value;

/// "Get", "Post": how Go's client begins its errors.
std::string error_prefix(std::string_view method, const std::string& url) {
  std::string verb(method.empty() ? "GET" : method);
  for (std::size_t i = 1; i < verb.size(); ++i) verb[i] = base::lower_case(verb[i]);
  return fmt::format("{} {}: ", verb, wire::go_quote(wire::hide_password(url)));
}

/// Copies a string value; numbers and the rest are converted as JavaScript does.
std::string text_of(JSContext* context, JSValueConst value) { return Text(context, value).str(); }

/// No server takes so many; a script that gives a list of a million would wait for minutes. Throws.
bool has_too_many_headers(JSContext* context, std::size_t count) {
  constexpr std::size_t kMost = 16'384;
  if (count <= kMost) return false;
  script::throw_range_error(context, fmt::format("a request can have at most {} headers", kMost));
  return true;
}

}  // namespace

HttpRequest::HttpRequest(HttpState& state) : state_(state), fetch_(FetchPool::of_thread().take().release()) {}
HttpRequest::~HttpRequest() {
  if (fetch_ && fetch_->is_running()) fetch_->cancel();
}

std::optional<RequestProblem> HttpRequest::prepare(JSContext* context, std::string_view method, JSValueConst url, JSValueConst body,
                                                   JSValueConst params) {
  const plan::Options& options = state_.vu().options();
  wire::HttpFetch& fetch = *fetch_;
  fetch.method = method;
  fetch.max_redirects = static_cast<int>(options.max_redirects.value);
  warns_about_redirects_ = !options.max_redirects.given;
  fetch.closes_connections = options.no_connection_reuse.value;
  if (options.max_response_bytes.value > 0) fetch.max_decoded_bytes = static_cast<std::size_t>(options.max_response_bytes.value);
  fetch.max_decoded_bytes = std::min(fetch.max_decoded_bytes, state_.vu().test().heap_bytes_per_vu);
  fetch.listener = this;
  samples_.expected = state_.expected;
  jar_ = state_.jar();
  throws_ = options.throw_errors.value;
  type_ = options.discard_response_bodies.value ? ResponseType::none : ResponseType::text;
  fetch.fields.set("User-Agent", state_.user_agent());

  if (auto problem = take_url(context, url)) return problem;
  if (!JS_IsUndefined(body) && !JS_IsNull(body)) {
    if (auto problem = take_body(context, body)) return problem;
  }
  if (has_exception_) return std::nullopt;
  if (JS_IsObject(params)) {
    if (auto problem = take_params(context, params)) return problem;
  }
  if (has_exception_) return std::nullopt;
  if (json_body_.is_object()) {
    if (auto problem = settle_json_body(context)) return problem;
    if (has_exception_) return std::nullopt;
  }
  if (!form_type_.empty() && !fetch.fields.has("Content-Type")) fetch.fields.set("Content-Type", form_type_);
  if (!compressions_.empty() && fetch.has_body) {
    if (auto problem = compress_body()) return problem;
  }
  if (!content_length_.empty()) warn_about_length();
  has_exception_ = JS_HasException(context);
  fetch.discards_body = type_ == ResponseType::none;
  fetch.streams_body = is_streamed();
  fetch.jar = jar_.get();
  // Scripts make thousands before the first one is done (batch(), asyncRequest()).
  constexpr std::size_t kBytes = 2048;  // with its fetch, URL, head and tags
  has_exception_ = !memory_.charge(context, kBytes + fetch.body.size());
  return std::nullopt;
}

std::optional<RequestProblem> HttpRequest::take_url(JSContext* context, JSValueConst url) {
  wire::HttpFetch& fetch = *fetch_;
  const auto invalid = [](std::string why) {
    return RequestProblem{"invalid URL: " + wire::hide_password(std::move(why)), wire::error_code::kInvalidUrl};
  };
  if (JS_IsString(url)) {
    const Text text(context, url);
    fetch.url = text.view();
  } else if (const UrlTemplate* made = script::Class<UrlTemplate>::of(url)) {
    fetch.url = made->url;
    samples_.name = made->name;
    samples_.has_name = true;
  } else {
    return invalid(fmt::format("it should be a text, and is {}", script::kind_of(context, url)));
  }
  if (wire::scan_plain_url(fetch.url)) return std::nullopt;
  auto parsed = wire::Url::parse(fetch.url);
  if (!parsed) return invalid(std::move(parsed.error().message));
  fetch.url = parsed->text();
  return std::nullopt;
}

std::optional<RequestProblem> HttpRequest::take_body(JSContext* context, JSValueConst body) {
  wire::HttpFetch& fetch = *fetch_;
  fetch.has_body = true;
  if (JS_IsString(body)) {
    const Text text(context, body);
    has_exception_ = text.failed();
    fetch.body.assign(text.view());
    return std::nullopt;
  }
  if (state_.vu().options().json_bodies && open_file_of(body) == nullptr && (JS_IsArray(body) || script::is_plain_object(context, body))) {
    json_body_ = Value::copy(context, body);
    return std::nullopt;
  }
  return take_form(context, body);
}

std::optional<RequestProblem> HttpRequest::take_form(JSContext* context, JSValueConst body) {
  wire::HttpFetch& fetch = *fetch_;
  std::string problem;
  auto made = request_body(context, body, problem);
  if (!made) {
    has_exception_ = true;
    return std::nullopt;
  }
  if (!problem.empty()) return RequestProblem{std::move(problem), 0};
  fetch.body = std::move(made->bytes);
  fetch.files = std::move(made->files);
  form_type_ = std::move(made->content_type);
  return std::nullopt;
}

std::optional<RequestProblem> HttpRequest::settle_json_body(JSContext* context) {
  const Value body = std::exchange(json_body_, Value());
  if (base::lower_case(fetch_->fields.value("Content-Type")).find("json") == std::string::npos) return take_form(context, body.get());
  auto json = script::to_json(context, body.get());
  if (!json) return RequestProblem{"the request body has no JSON form", 0};
  fetch_->body = std::move(*json);
  return std::nullopt;
}

std::optional<RequestProblem> HttpRequest::take_params(JSContext* context, JSValueConst params) {
  JSPropertyEnum* properties = nullptr;
  std::uint32_t count = 0;
  if (JS_GetOwnPropertyNames(context, &properties, &count, params, JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY) < 0) {
    has_exception_ = true;
    return std::nullopt;
  }
  std::optional<RequestProblem> problem;
  for (std::uint32_t i = 0; i < count && !problem && !has_exception_; ++i) {
    const Value value(context, JS_GetProperty(context, params, properties[i].atom));
    if (value.is_exception()) has_exception_ = true;
    else if (!value.is_undefined()) problem = take_param(context, properties[i].atom, value.get());
  }
  JS_FreePropertyEnum(context, properties, count);
  return problem;
}

std::optional<RequestProblem> HttpRequest::take_param(JSContext* context, JSAtom name, JSValueConst value) {
  const Atoms& atoms = state_.atoms();
  wire::HttpFetch& fetch = *fetch_;
  if (name == atoms[Atoms::headers]) {
    take_headers(context, value);
  } else if (name == atoms[Atoms::tags]) {
    return take_tags(context, value);
  } else if (name == atoms[Atoms::cookies]) {
    take_cookies(context, value);
  } else if (name == atoms[Atoms::jar]) {
    if (auto jar = jar_of(value)) jar_ = std::move(jar);
  } else if (name == atoms[Atoms::timeout]) {
    if (JS_IsNumber(value)) {
      double number = 0;
      JS_ToFloat64(context, &number, value);
      fetch.timeout = std::chrono::nanoseconds(static_cast<std::int64_t>(std::clamp(number, -1e12, 1e12) * 1e6));
    } else if (JS_IsString(value)) {
      auto parsed = base::parse_duration(text_of(context, value));
      if (!parsed) return RequestProblem{"invalid timeout: " + parsed.error().message, 0};
      fetch.timeout = *parsed;
    } else if (!JS_IsNull(value)) {
      return RequestProblem{fmt::format("invalid timeout: it should be a number of milliseconds or a duration, as '10s', and is {}",
                                        script::kind_of(context, value)),
                            0};
    }
  } else if (name == atoms[Atoms::redirects]) {
    std::int32_t number = 0;
    if (JS_ToInt32(context, &number, value) < 0) has_exception_ = true;
    fetch.max_redirects = number;
    warns_about_redirects_ = false;
  } else if (name == atoms[Atoms::compression]) {
    std::string list = text_of(context, value);
    std::size_t start = 0;
    while (start <= list.size()) {
      const auto comma = std::min(list.find(',', start), list.size());
      std::string algorithm(base::trimmed(std::string_view(list).substr(start, comma - start), " "));
      start = comma + 1;
      if (algorithm.empty()) continue;
      if (!wire::content_coding(algorithm)) {
        return RequestProblem{fmt::format("unknown compression algorithm {}, supported algorithms are [gzip deflate zstd br]", algorithm),
                              0};
      }
      compressions_.push_back(std::move(algorithm));
    }
  } else if (name == atoms[Atoms::response_type]) {
    const std::string type = text_of(context, value);
    if (type == "text") type_ = ResponseType::text;
    else if (type == "binary") type_ = ResponseType::binary;
    else if (type == "none") type_ = ResponseType::none;
    else if (type == "stream" && !state_.vu().test().metrics.strict_k6()) type_ = ResponseType::stream;
    else return RequestProblem{type + " does not belong to ResponseType values", 0};
  } else if (name == atoms[Atoms::response_callback]) {
    if (JS_IsNull(value)) {
      samples_.expected = nullptr;
    } else if (const auto* given = script::Class<ExpectedStatuses>::of(value)) {
      samples_.expected = std::make_shared<ExpectedStatuses>(*given);
    } else {
      return RequestProblem{"unsupported responseCallback", 0};
    }
  } else if (name == atoms[Atoms::auth]) {
    const std::string kind = text_of(context, value);
    using Authentication = wire::HttpFetch::Authentication;
    fetch.authentication = kind == "digest" ? Authentication::digest : kind == "ntlm" ? Authentication::ntlm : Authentication::basic;
  } else if (name == atoms[Atoms::throws]) {
    throws_ = JS_ToBool(context, value) == 1;
  }
  return std::nullopt;
}

void HttpRequest::take_headers(JSContext* context, JSValueConst headers) {
  if (!JS_IsObject(headers)) {
    // A string is taken for a list of its characters, as k6 does; anything else has no headers in it.
    if (!JS_IsString(headers)) return;
    const std::string text = text_of(context, headers);
    has_exception_ = has_too_many_headers(context, text.size());
    if (has_exception_) return;
    for (std::size_t i = 0; i < text.size(); ++i) fetch_->fields.set(std::to_string(i), text.substr(i, 1));
    return;
  }
  JSPropertyEnum* properties = nullptr;
  std::uint32_t count = 0;
  if (JS_GetOwnPropertyNames(context, &properties, &count, headers, JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY) < 0) {
    has_exception_ = true;
    return;
  }
  const Atoms& atoms = state_.atoms();
  has_exception_ = has_too_many_headers(context, count);
  for (std::uint32_t i = 0; i < count && !has_exception_; ++i) {
    const Value value(context, JS_GetProperty(context, headers, properties[i].atom));
    if (value.is_exception()) {
      has_exception_ = true;
      break;
    }
    const Text text(value);
    const Text name = Text::of_atom(context, properties[i].atom);
    if (text.failed() || name.failed()) {
      has_exception_ = true;
    } else if (properties[i].atom == atoms[Atoms::content_length] || base::equals_ignoring_case(name, "content-length")) {
      content_length_ = text.str();  // the client writes the true one
    } else {
      fetch_->fields.set(name, text.view());
    }
  }
  JS_FreePropertyEnum(context, properties, count);
}

void HttpRequest::take_cookies(JSContext* context, JSValueConst cookies) {
  if (!JS_IsObject(cookies)) return;
  const Atoms& atoms = state_.atoms();
  const bool walked = script::for_each_property(context, cookies, [&](std::string_view name, const Value& value) {
    wire::RequestCookie cookie{std::string(name), {}, false};
    if (value.is_object()) {
      const Value text(context, JS_GetProperty(context, value.get(), atoms[Atoms::value]));
      const Value replaces(context, JS_GetProperty(context, value.get(), atoms[Atoms::replace]));
      cookie.value = Text(text).str();
      cookie.replaces = JS_ToBool(context, replaces.get()) == 1;
    } else {
      cookie.value = Text(value).str();
    }
    fetch_->cookies.push_back(std::move(cookie));
    return true;
  });
  if (!walked) has_exception_ = true;
}

std::optional<RequestProblem> HttpRequest::take_tags(JSContext* context, JSValueConst tags) {
  std::optional<RequestProblem> problem;
  if (!JS_IsObject(tags)) return problem;
  const bool walked = script::for_each_property(context, tags, [&](std::string_view name, const Value& value) {
    if (!value.is_string() && !value.is_number() && !value.is_bool()) {
      problem = RequestProblem{fmt::format("invalid HTTP request metric tags: invalid value for metric tag '{}': only String, Boolean and "
                                           "Number types are accepted as a metric tag values",
                                           name),
                               0};
      return false;
    }
    const Text text(value);
    if (name == "name") {
      samples_.name = text.view();
      samples_.has_name = true;
    } else {
      samples_.tags.emplace_back(std::string(name), text.str());
    }
    return true;
  });
  if (!walked) has_exception_ = true;
  return problem;
}

std::optional<RequestProblem> HttpRequest::compress_body() {
  wire::HttpFetch& fetch = *fetch_;
  if (!fetch.files.empty()) {
    fetch.body = fetch.whole_body();
    fetch.files.clear();
  }
  plain_body_ = fetch.body;
  has_plain_body_ = true;
  std::string encodings;
  for (const std::string& algorithm : compressions_) {
    fetch.body = wire::encode_body(*wire::content_coding(algorithm), fetch.body);
    encodings += (encodings.empty() ? "" : ", ") + algorithm;
  }
  const std::string_view own = fetch.fields.value("Content-Encoding");
  if (own.empty()) {
    fetch.fields.set("Content-Encoding", encodings);
  } else if (own != encodings) {
    state_.vu().warn(
        fmt::format("There's a mismatch between the desired `compression` the manually set `Content-Encoding` header in the {} "
                    "request for '{}', the custom header has precedence and won't be overwritten. This may result in invalid "
                    "data being sent to the server.",
                    fetch.method, without_credentials(fetch.url)));
  }
  return std::nullopt;
}

void HttpRequest::warn_about_length() {
  if (content_length_ == std::to_string(fetch_->body_size())) return;
  state_.vu().warn(
      fmt::format("The specified Content-Length header {} in the {} request for {} doesn't match the actual request body length "
                  "of {}, so it will be ignored!",
                  wire::go_quote(content_length_), fetch_->method, without_credentials(fetch_->url), fetch_->body_size()));
}

void HttpRequest::start(wire::HttpClient& client, std::function<void()> on_done) {
  on_done_ = std::move(on_done);
  if (is_streamed()) keep_tags();
  fetch_->start(client);
}

void HttpRequest::abort() { fetch_->abort(wire::failure(wire::error_code::kOther, "request aborted")); }

std::string HttpRequest::host() const {
  if (const auto plain = wire::scan_plain_url(fetch_->url)) return std::string(plain->authority);
  const auto parsed = wire::Url::parse(fetch_->url);
  return parsed ? parsed->host : std::string();
}

void HttpRequest::keep_tags() { samples_.keep(state_.vu().tags()); }

void HttpRequest::on_hop(wire::HttpFetch& fetch) {
  users::VuContext& vu = state_.vu();
  samples_.record(fetch, vu.recorder(), vu.tags(), vu.loop().now());
}

void HttpRequest::on_fetch_done(wire::HttpFetch&) {
  if (const auto done = std::exchange(on_done_, nullptr)) done();
}

void HttpRequest::on_body(wire::HttpFetch& fetch) { on_fetch_done(fetch); }

JSValue HttpRequest::finish(JSContext* context) {
  wire::HttpFetch& fetch = *fetch_;
  const wire::HttpExchange& exchange = fetch.exchange;
  if (exchange.head.status == 101) {
    return script::throw_error(context, "unsupported response status: " + std::string(exchange.head.status_text));
  }
  auto response = std::make_unique<Response>();
  response->type = type_;
  // What breaks after the head is told where the body is read.
  const bool has_stream = is_streamed() && (!exchange.failure || exchange.is_streamed);
  if (exchange.failure && !has_stream) {
    std::string cause = exchange.failure.cause;
    // Errors of bodies come from reading, not from Go's client, which names method and URL.
    if (!exchange.failed_in_body && exchange.failure.code != wire::error_code::kDecompression) {
      cause.insert(0, error_prefix(fetch.hop_method(), fetch.hop_url()));
    }
    if (throws_) return script::throw_error(context, cause);
    state_.vu().warn("Request Failed", {{"error", cause}});
    response->error = exchange.failure.message;
    response->error_code = exchange.failure.code;
  } else if (exchange.head.status >= 400 && exchange.head.status < 600) {
    response->error_code = wire::error_code::kOther + exchange.head.status;
  }
  if (fetch.stopped_at_redirect() && warns_about_redirects_) {
    const std::string url = without_credentials(fetch.hop_url());
    state_.vu().warn(
        fmt::format("Stopped after {} redirects and returned the redirection; pass {{ redirects: n }} in request params or set "
                    "global maxRedirects to silence this",
                    fetch.redirects() + 1),
        {{"url", url}});
  }
  response->plain_request_body = std::move(plain_body_);
  response->has_plain_request_body = has_plain_body_;
  Value body;
  if (has_stream) {
    PooledFetch head(FetchPool::of_thread().take().release());
    fetch.copy_head_to(*head);
    body = new_body_stream(context, state_, std::move(fetch_), *head, std::move(samples_), jar_);
    if (body.is_exception()) return JS_EXCEPTION;
    response->fetch = std::move(head);
  } else {
    response->fetch = std::move(fetch_);
  }
  const JSValue made = new_response(context, std::move(response));
  if (body.is_object() && !JS_IsException(made)) set_body(made, std::move(body));
  return made;
}

JSValue new_unmade_response(JSContext* context, const RequestProblem& problem) {
  auto response = std::make_unique<Response>();
  response->error = problem.message;
  response->error_code = problem.code;
  return new_response(context, std::move(response));
}

}  // namespace gauntlet::engine::api
