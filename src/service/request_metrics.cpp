#include "service/request_metrics.hpp"

#include <algorithm>
#include <string>

#include "base/duration.hpp"

namespace gauntlet::service {
namespace {

std::string_view known_method(std::string_view method) {
  for (const std::string_view known : {"GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH"}) {
    if (method == known) return known;
  }
  return "other";
}

}  // namespace

RequestMetrics::RequestMetrics(base::metrics::Registry& registry)
    : family_(registry.histogram("challenge_api_request_duration_seconds",
                                 "Time from a request being read whole to its answer being handed over", {"method", "path", "status_code"},
                                 base::metrics::latency_buckets())) {}

void RequestMetrics::observe(const base::http::Answered& answered) {
  const std::string_view route = answered.route;
  const int status = answered.status;
  const std::string_view method = known_method(answered.request.method());
  const char* const key = route.empty() ? nullptr : route.data();
  const auto found = std::find_if(known_.begin(), known_.end(), [&](const Known& known) {
    return known.route == key && known.status == status && known.method == method;
  });
  base::metrics::Histogram* histogram = found == known_.end() ? nullptr : found->histogram;
  if (histogram == nullptr) {
    histogram = &family_.with({method, route.empty() ? std::string_view("unmatched") : route, std::to_string(status)});
    known_.push_back({key, method, status, histogram});
  }
  histogram->observe(base::seconds_of(answered.elapsed));
}

}  // namespace gauntlet::service
