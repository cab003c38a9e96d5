#include "base/http/router.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "base/http/exchange_pool.hpp"
#include "base/percent.hpp"
#include "base/text.hpp"

namespace gauntlet::base::http {
namespace {

constexpr std::size_t kMaxSegments = 16;  // longer paths match only '*' routes

struct Segments {
  std::array<std::string_view, kMaxSegments> at;
  std::size_t count = 0;
  bool overflow = false;
};

/// "/a/b/" -> "a", "b", "". The leading slash is taken for granted.
Segments split(std::string_view path) {
  Segments segments;
  std::size_t begin = 1;
  while (begin <= path.size()) {
    if (segments.count == kMaxSegments) {
      segments.overflow = true;
      break;
    }
    const std::size_t end = std::min(path.find('/', begin), path.size());
    segments.at[segments.count++] = path.substr(begin, end - begin);
    begin = end + 1;
  }
  return segments;
}

}  // namespace

void Router::add(std::string_view method, std::string_view pattern, Handler handler) {
  assert(!pattern.empty() && pattern.front() == '/');
  Route route;
  route.method = method;
  route.pattern = pattern;
  route.handler = std::move(handler);
  const Segments segments = split(route.pattern);
  assert(!segments.overflow);
  for (std::size_t i = 0; i < segments.count; ++i) {
    const std::string_view segment = segments.at[i];
    if (segment == "*") {
      assert(i + 1 == segments.count && "'*' is only for the last segment");
      route.kinds.push_back('*');
      route.segments.emplace_back();
    } else if (segment.size() > 2 && segment.front() == '{' && segment.back() == '}') {
      route.kinds.push_back('p');
      route.segments.emplace_back(segment.substr(1, segment.size() - 2));
    } else {
      route.kinds.push_back('l');
      route.segments.emplace_back(segment);
    }
  }
  // Kept in order of precedence: 'l' before 'p' before '*' at the first segment that differs, then as added.
  const auto rank = [](const Route& r) {
    std::string key;
    for (const char kind : r.kinds) key.push_back(kind == 'l' ? '0' : kind == 'p' ? '1' : '2');
    return key;
  };
  const auto position =
      std::upper_bound(routes_.begin(), routes_.end(), rank(route), [&](const std::string& key, const Route& r) { return key < rank(r); });
  routes_.insert(position, std::move(route));
}

Router::Match Router::match(std::string_view method, std::string_view path) const {
  Match match;
  if (path.empty() || path.front() != '/') return match;
  const Segments segments = split(path);

  const auto fits = [&](const Route& route) {
    const std::size_t fixed = route.kinds.size() - (!route.kinds.empty() && route.kinds.back() == '*' ? 1 : 0);
    if (segments.count < fixed || (fixed == route.kinds.size() && (segments.count != fixed || segments.overflow))) {
      return false;
    }
    for (std::size_t i = 0; i < fixed; ++i) {
      if (route.kinds[i] == 'l' ? segments.at[i] != route.segments[i] : segments.at[i].empty()) return false;
    }
    return true;
  };

  const auto first = std::find_if(routes_.begin(), routes_.end(), fits);
  // Routes of the same kinds that fit as well have the same literals, so they are of the same pattern.
  const auto fits_too = [&](const Route& route) { return route.kinds == first->kinds && fits(route); };
  const Route* by_get = nullptr;
  const Route* chosen = nullptr;
  for (auto at = first; at != routes_.end(); ++at) {
    const Route& route = *at;
    if (!fits_too(route)) continue;
    if (route.method == method) {
      chosen = &route;
      break;
    }
    if (by_get == nullptr && method == "HEAD" && route.method == "GET") by_get = &route;
  }
  if (chosen == nullptr) chosen = by_get;
  if (chosen != nullptr) {
    match.handler = &chosen->handler;
    match.route = chosen->pattern;
    for (std::size_t i = 0; i < chosen->kinds.size(); ++i) {
      if (chosen->kinds[i] == 'p') match.parameters.emplace_back(chosen->segments[i], segments.at[i]);
    }
    return match;
  }

  std::vector<std::string_view> methods;
  for (auto at = first; at != routes_.end(); ++at) {
    const Route& route = *at;
    if (!fits_too(route)) continue;
    if (match.route.empty()) match.route = route.pattern;
    methods.push_back(route.method);
    if (route.method == "GET") methods.push_back("HEAD");
  }
  std::sort(methods.begin(), methods.end());
  methods.erase(std::unique(methods.begin(), methods.end()), methods.end());
  for (const std::string_view allowed : methods) {
    if (!match.allow.empty()) match.allow += ", ";
    match.allow += allowed;
  }
  return match;
}

void Router::dispatch(const ExchangePtr& exchange) const {
  Request& request = ExchangePool::request(*exchange);
  const Match found = match(request.method(), request.path());
  ExchangePool::set_route(*exchange, found.route);
  if (found.handler == nullptr) {
    if (found.allow.empty()) {
      exchange->respond(error_response(404, ErrorKind::not_found, "Not Found"));
      return;
    }
    Response response = error_response(405, ErrorKind::unimplemented, "Method Not Allowed");
    response.headers.emplace_back("allow", found.allow);
    exchange->respond(std::move(response));
    return;
  }
  for (const auto& [name, raw] : found.parameters) {
    auto decoded = percent_decode(raw);
    if (!decoded || !is_text(*decoded)) {
      exchange->respond(
          error_response(400, ErrorKind::invalid_argument, "the path's " + std::string(name) + " is not percent-encoded UTF-8 text"));
      return;
    }
    request.add_parameter(name, std::move(*decoded));
  }
  (*found.handler)(exchange);
}

}  // namespace gauntlet::base::http
