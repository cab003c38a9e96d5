#pragma once
// What a request and an event cost, fitted to a campaign's levels, and what a number of players then needs. Pure.
#include <optional>
#include <string>
#include <vector>

namespace gauntlet::lab {

/// One level that held.
struct CostPoint {
  double requests_per_s = 0, events_per_s = 0;
  double service_cores = 0, handler_cores = 0, database_cores = 0;
  double busy_connections = 0;  // of both services together
};

/// Linear in requests and events: cores(r, e) = base + request r + event e, fitted with relative errors, costs at 0 or
/// above.
struct LinearCost {
  double base = 0, per_request = 0, per_event = 0;
  double at(double requests_per_s, double events_per_s) const { return base + per_request * requests_per_s + per_event * events_per_s; }
};

struct CapacityModel {
  LinearCost service, handler, database, connections;
  double worst_error = 0;                                 // largest relative deviation of a point's total cores from the model
  double most_requests_per_s = 0, most_events_per_s = 0;  // measured up to here
  std::size_t points = 0;
};

/// Nothing with fewer than three points, or without any requests or any events.
std::optional<CapacityModel> fit_capacity(const std::vector<CostPoint>& points);

/// What players do. Defaults are assumptions of the planner's, named in its output; none is measured.
struct PlayerBehaviour {
  double daily_players = 0;
  double requests_per_player = 20;  // a day
  double events_per_player = 60;    // a day
  double peak_factor = 3;           // busiest hour over the day's mean
  double headroom = 2;              // capacity over the peak's need
  double goals_per_player = 10;     // rows each has
};

struct CapacityPlan {
  double peak_requests_per_s = 0, peak_events_per_s = 0;
  int service_replicas = 0, handler_replicas = 0;  // of one core each, two at least
  double database_cores = 0;
  int connections = 0;                // of all services together
  std::optional<double> database_gb;  // absent where a row's size was not measured
  double extrapolation = 0;           // peak over what was measured; above 1: the model is stretched
};

CapacityPlan plan_capacity(const CapacityModel& model, const PlayerBehaviour& players, std::optional<double> bytes_per_row);

}  // namespace gauntlet::lab
