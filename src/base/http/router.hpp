#pragma once
// Which handler serves a method and path. Filled before the listener starts, constant afterwards, one per thread
// (its handlers hold that thread's connections).
//
//   Router router;
//   router.post("/v1/challenges/{challenge_id}/goals/{goal_id}/claim", [&](ExchangePtr exchange) { ... });
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/http/exchange.hpp"

namespace gauntlet::base::http {

using Handler = std::function<void(ExchangePtr)>;

class Router {
 public:
  /// Adds a route. A segment `{name}` matches one non-empty segment and becomes request().parameter(name); a last
  /// segment `*` matches any rest, also the empty one. Literal segments win over parameters, parameters over `*`,
  /// whatever the method: a path is of one pattern, and only that pattern's methods are allowed on it. Among equals the
  /// first added wins. HEAD is served by GET's handler where it has none of its own.
  void add(std::string_view method, std::string_view pattern, Handler handler);
  void get(std::string_view pattern, Handler handler) { add("GET", pattern, std::move(handler)); }
  void post(std::string_view pattern, Handler handler) { add("POST", pattern, std::move(handler)); }
  void put(std::string_view pattern, Handler handler) { add("PUT", pattern, std::move(handler)); }

  struct Match {
    const Handler* handler = nullptr;  // null: no such path (allow empty) or no such method on it
    std::string_view route;            // the pattern, for metrics
    std::string allow;                 // methods of the path when the method is not among them: "GET, HEAD"
    std::vector<std::pair<std::string_view, std::string_view>> parameters;  // name -> raw text, not decoded
  };
  /// Pure. `path` is not decoded and has no query.
  Match match(std::string_view method, std::string_view path) const;

  /// Runs the handler, or answers 404 (code 5), 405 with Allow, or 400 where a parameter is not decodable UTF-8.
  void dispatch(const ExchangePtr& exchange) const;

 private:
  struct Route {
    std::string method;
    std::string pattern;
    std::vector<std::string> segments;  // of a parameter: its name, without braces
    std::vector<char> kinds;            // 'l'iteral, 'p'arameter, '*'
    Handler handler;
  };
  std::vector<Route> routes_;
};

}  // namespace gauntlet::base::http
