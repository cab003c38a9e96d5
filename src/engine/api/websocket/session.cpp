#include "engine/api/websocket/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/duration.hpp"
#include "base/text.hpp"
#include "engine/api/core/tag_arguments.hpp"
#include "engine/api/http/cookies.hpp"
#include "engine/api/http/samples.hpp"
#include "engine/metrics/recorder.hpp"
#include "engine/plan/options.hpp"
#include "engine/users/test_state.hpp"

namespace gauntlet::engine::api {
namespace {

using metrics::MetricId;
using metrics::SystemTag;
using script::Value;

/// A message that does not fit into the script's heap need not be gathered.
std::size_t max_message_bytes(const users::VuContext& vu) {
  const std::int64_t asked_for = vu.options().max_response_bytes.value;
  return std::min(asked_for > 0 ? static_cast<std::size_t>(asked_for) : wire::WebSocket::kMaxMessageBytes, vu.test().heap_bytes_per_vu);
}

auto refuse(std::string message) { return base::fail(base::ErrorKind::invalid_argument, std::move(message)); }

}  // namespace

base::Expected<WebSocketParams> parse_websocket_params(HttpState& state, JSContext* context, JSValueConst value,
                                                       std::string_view tag_errors, bool refuses_unknown) {
  WebSocketParams params;
  params.jar = state.jar();
  params.fields.set("User-Agent", state.user_agent());
  if (!JS_IsObject(value)) return params;
  std::string problem;
  const bool walked = script::for_each_property(context, value, [&](std::string_view name, const Value& given) {
    if (name == "headers") {
      if (!given.is_object()) return true;
      return script::for_each_property(context, given.get(), [&](std::string_view header, const Value& text) {
        params.fields.set(header, script::Text(text).view());
        return true;
      });
    }
    if (name == "tags") {
      if (!given.is_object()) return true;
      return script::for_each_property(
                 context, given.get(),
                 [&](std::string_view tag, const Value& text) {
                   std::string made;
                   if (!tag_text(context, text.get(), made)) {
                     problem = fmt::format(
                         "invalid {}: invalid value for metric tag '{}': only String, Boolean and Number types are accepted as a metric "
                         "tag values",
                         tag_errors, tag);
                     return false;
                   }
                   params.tags.emplace_back(tag, std::move(made));
                   return true;
                 }) &&
             problem.empty();
    }
    if (name == "jar") {
      if (auto jar = jar_of(given.get())) params.jar = std::move(jar);
    } else if (name == "compression") {
      const script::Text text(given);
      if (text.view() == "deflate") params.offers_deflate = true;
      else if (!given.is_nullish() && !text.view().empty())
        problem = fmt::format("unsupported compression algorithm '{}', supported algorithm is 'deflate'", text.view());
    } else if (refuses_unknown) {
      problem = fmt::format("unknown WebSocket's option {}", name);
    }
    return problem.empty();
  });
  if (!walked) return refuse({});
  if (!problem.empty()) return refuse(std::move(problem));
  return params;
}

WebSocketSession::WebSocketSession(HttpState& state, wire::Dialer& dialer, wire::WebSocket::Listener& listener, std::string url,
                                   const WebSocketParams& params, bool names_url)
    : vu_(state.vu()),
      url_(std::move(url)),
      jar_(params.jar),
      tags_(vu_.recorder().tags()),
      socket_(vu_.loop(), dialer, listener, max_message_bytes(vu_)) {
  tags_.restore(vu_.tags().save());
  tags_.metadata() = vu_.tags().metadata();
  std::string shown = without_credentials(url_);
  for (const auto& [name, value] : params.tags) {
    tags_.set(name, value);
    if (names_url && name == "name") shown = value;
  }
  tags_.set(SystemTag::url, shown);
  if (names_url) tags_.set(SystemTag::name, shown);
  if (auto parsed = wire::Url::parse(url_)) {
    parsed->scheme = parsed->scheme == "wss" ? "https" : "http";
    cookie_url_ = std::move(*parsed);
  }
}

void WebSocketSession::connect(const WebSocketParams& params) {
  wire::WebSocketRequest request;
  request.url = url_;
  request.fields = params.fields;
  request.offers_deflate = params.offers_deflate;
  if (const std::string_view own = request.fields.value("Cookie"); !own.empty()) {
    request.cookies = own;
    request.fields.erase("Cookie");
  }
  if (jar_ && cookie_url_) {
    for (const auto& cookie : jar_->cookies_for(*cookie_url_, wire::CookieJar::clock_ms())) {
      if (!request.cookies.empty()) request.cookies += "; ";
      wire::append_cookie(request.cookies, cookie.name, cookie.value, cookie.is_quoted);
    }
  }
  socket_.connect(request);
}

void WebSocketSession::record_handshake() {
  if (const int status = socket_.head().status; status != 0) {
    tags_.set(SystemTag::status, std::to_string(status));
    tags_.set(SystemTag::subproto, socket_.subprotocol());
    if (jar_ && cookie_url_ && socket_.head().has_cookies) {
      std::vector<wire::Cookie> received;
      wire::for_each_field(socket_.head().fields, [&](std::string_view name, std::string_view value) {
        if (!base::equals_ignoring_case(name, "set-cookie")) return;
        if (auto cookie = wire::parse_set_cookie(value)) received.push_back(std::move(*cookie));
      });
      jar_->set(*cookie_url_, received, wire::CookieJar::clock_ms());
    }
  }
  if (socket_.remote()) tags_.set(SystemTag::ip, socket_.remote()->ip());
  record(MetricId::ws_sessions, 1);
  record(MetricId::ws_connecting, base::milliseconds_of(base::EventLoop::Clock::now() - started_));
}

void WebSocketSession::record(MetricId metric, double value) {
  vu_.recorder().add(metric, tags_.set_pointer(), value, base::EventLoop::Clock::now(), &tags_.metadata());
}

void WebSocketSession::record_duration() {
  record(MetricId::ws_session_duration, base::milliseconds_of(base::EventLoop::Clock::now() - started_));
}

}  // namespace gauntlet::engine::api
