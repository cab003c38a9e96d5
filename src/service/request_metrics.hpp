#pragma once
// challenge_api_request_duration_seconds: every REST answer by method, path and status_code. The path is the route's pattern.
#include <chrono>
#include <string_view>
#include <vector>

#include "base/http/listener.hpp"
#include "base/metrics.hpp"

namespace gauntlet::service {

/// One instance a thread: it remembers where each combination's histogram is, so that counting takes no lock.
class RequestMetrics {
 public:
  /// `registry` outlives it.
  explicit RequestMetrics(base::metrics::Registry& registry);

  /// For http::ListenerOptions::observer. Unknown paths count under path "unmatched", unknown methods under "other",
  /// so that strangers cannot make metrics.
  void observe(const base::http::Answered& answered);

 private:
  struct Known {
    const char* route;  // the router's pattern, one address a route; null when none matched
    std::string_view method;
    int status;
    base::metrics::Histogram* histogram;
  };
  base::metrics::Family<base::metrics::Histogram>& family_;
  std::vector<Known> known_;  // a few dozen at most
};

}  // namespace gauntlet::service
