#include "lab/report/capacity_model.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace gauntlet::lab {
namespace {

// How full a core may be at the planned load: queues grow quickly beyond.
constexpr double kFill = 0.7;
constexpr int kFewestReplicas = 2;  // one may be away

/// Least squares over those of {1, requests, events} that are used; nothing when singular.
std::optional<std::array<double, 3>> solve(const std::vector<CostPoint>& points, double CostPoint::*value, unsigned used) {
  std::array<std::array<double, 4>, 3> m{};
  for (const auto& p : points) {
    const double y = p.*value;
    const double weight = 1 / std::max(y, 0.01);  // relative errors; below a hundredth of a core the clock's ticks rule
    const std::array<double, 3> x{1, p.requests_per_s, p.events_per_s};
    for (std::size_t i = 0; i < 3; ++i) {
      if ((used >> i & 1U) == 0) continue;
      for (std::size_t j = 0; j < 3; ++j)
        if ((used >> j & 1U) != 0) m[i][j] += weight * weight * x[i] * x[j];
      m[i][3] += weight * weight * x[i] * y;
    }
  }
  for (std::size_t i = 0; i < 3; ++i) {
    if ((used >> i & 1U) == 0) continue;
    if (std::abs(m[i][i]) < 1e-9) return std::nullopt;
    for (std::size_t r = 0; r < 3; ++r) {
      if (r == i || (used >> r & 1U) == 0) continue;
      const double factor = m[r][i] / m[i][i];
      for (std::size_t k = 0; k < 4; ++k) m[r][k] -= factor * m[i][k];
    }
  }
  std::array<double, 3> out{};
  for (std::size_t i = 0; i < 3; ++i)
    if ((used >> i & 1U) != 0) out[i] = m[i][3] / m[i][i];
  return out;
}

LinearCost fit(const std::vector<CostPoint>& points, double CostPoint::*value) {
  LinearCost best;
  double least = std::numeric_limits<double>::infinity();
  for (unsigned used = 1; used < 8; ++used) {
    const auto parameters = solve(points, value, used);
    if (!parameters || std::any_of(parameters->begin(), parameters->end(), [](double p) { return p < 0; })) continue;
    const LinearCost cost{(*parameters)[0], (*parameters)[1], (*parameters)[2]};
    double error = 0;
    for (const auto& p : points) error += std::pow((cost.at(p.requests_per_s, p.events_per_s) - p.*value) / std::max(p.*value, 0.01), 2);
    if (error < least) least = error, best = cost;
  }
  return best;
}

}  // namespace

std::optional<CapacityModel> fit_capacity(const std::vector<CostPoint>& points) {
  CapacityModel model;
  for (const auto& p : points) {
    model.most_requests_per_s = std::max(model.most_requests_per_s, p.requests_per_s);
    model.most_events_per_s = std::max(model.most_events_per_s, p.events_per_s);
  }
  if (points.size() < 3 || model.most_requests_per_s <= 0 || model.most_events_per_s <= 0) return std::nullopt;
  model.points = points.size();
  model.service = fit(points, &CostPoint::service_cores);
  model.handler = fit(points, &CostPoint::handler_cores);
  model.database = fit(points, &CostPoint::database_cores);
  model.connections = fit(points, &CostPoint::busy_connections);
  for (const auto& p : points) {
    const double measured = p.service_cores + p.handler_cores + p.database_cores;
    const double fitted = model.service.at(p.requests_per_s, p.events_per_s) + model.handler.at(p.requests_per_s, p.events_per_s) +
                          model.database.at(p.requests_per_s, p.events_per_s);
    if (measured > 0.05) model.worst_error = std::max(model.worst_error, std::abs(fitted - measured) / measured);
  }
  return model;
}

CapacityPlan plan_capacity(const CapacityModel& model, const PlayerBehaviour& players, std::optional<double> bytes_per_row) {
  constexpr double kSecondsADay = 86'400;
  CapacityPlan plan;
  plan.peak_requests_per_s = players.daily_players * players.requests_per_player / kSecondsADay * players.peak_factor;
  plan.peak_events_per_s = players.daily_players * players.events_per_player / kSecondsADay * players.peak_factor;
  const double requests = plan.peak_requests_per_s * players.headroom, events = plan.peak_events_per_s * players.headroom;
  auto replicas = [&](const LinearCost& cost) {
    return std::max(kFewestReplicas, static_cast<int>(std::ceil(cost.at(requests, events) / kFill)));
  };
  plan.service_replicas = replicas(model.service);
  plan.handler_replicas = replicas(model.handler);
  plan.database_cores = std::max(1.0, std::ceil(model.database.at(requests, events) / kFill));
  // Idle connections cost memory only; one for each core of each replica is the least that keeps them busy.
  plan.connections =
      std::max(plan.service_replicas + plan.handler_replicas, static_cast<int>(std::ceil(model.connections.at(requests, events) / kFill)));
  if (bytes_per_row) plan.database_gb = players.daily_players * players.goals_per_player * *bytes_per_row / 1e9;
  plan.extrapolation = std::max(requests / model.most_requests_per_s, events / model.most_events_per_s);
  return plan;
}

}  // namespace gauntlet::lab
