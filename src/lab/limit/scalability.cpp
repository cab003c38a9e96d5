#include "lab/limit/scalability.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

namespace gauntlet::lab {
namespace {

/// Solves the normal equations for the parameters in `used`; false when they are singular.
bool solve(const std::vector<ScalabilityPoint>& points, const std::vector<int>& used, std::array<double, 3>& parameters) {
  const std::size_t n = used.size();
  std::array<std::array<double, 4>, 3> m{};
  for (const auto& point : points) {
    // N / X = a + b N + c N^2, each equation divided by N / X so that errors count relatively.
    const double residence_s = point.concurrency / point.throughput;
    std::array<double, 3> x{};
    for (std::size_t i = 0; i < n; ++i) x[i] = std::pow(point.concurrency, used[i]) / residence_s;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) m[i][j] += x[i] * x[j];
      m[i][3] += x[i];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    std::size_t pivot = i;
    for (std::size_t r = i + 1; r < n; ++r)
      if (std::abs(m[r][i]) > std::abs(m[pivot][i])) pivot = r;
    std::swap(m[i], m[pivot]);
    if (std::abs(m[i][i]) < 1e-12) return false;
    for (std::size_t r = 0; r < n; ++r) {
      if (r == i) continue;
      const double factor = m[r][i] / m[i][i];
      for (std::size_t k = i; k < 4; ++k) m[r][k] -= factor * m[i][k];
    }
  }
  parameters = {};
  for (std::size_t i = 0; i < n; ++i) parameters[static_cast<std::size_t>(used[i])] = m[i][3] / m[i][i];
  return true;
}

}  // namespace

std::optional<ScalabilityPoint> ScalabilityFit::peak() const {
  if (c > 0) {
    const double at = std::sqrt(a / c);
    return ScalabilityPoint{at, throughput(at)};
  }
  if (b > 0) return ScalabilityPoint{std::numeric_limits<double>::infinity(), 1 / b};
  return std::nullopt;
}

std::optional<ScalabilityFit> fit_scalability(const std::vector<ScalabilityPoint>& measured) {
  std::vector<ScalabilityPoint> points;
  std::set<double> different;
  for (const auto& point : measured)
    if (point.concurrency > 0 && point.throughput > 0) {
      points.push_back(point);
      different.insert(point.concurrency);
    }
  if (different.size() < 4) return std::nullopt;
  // With so few parameters, the best point with all at 0 or above is the best of those that some of them are 0 in.
  std::optional<ScalabilityFit> best;
  double least = std::numeric_limits<double>::infinity();
  for (const auto& used : std::vector<std::vector<int>>{{0, 1, 2}, {0, 1}, {0, 2}, {1, 2}, {0}, {1}, {2}}) {
    std::array<double, 3> p{};
    if (!solve(points, used, p) || std::any_of(p.begin(), p.end(), [](double value) { return value < 0; })) continue;
    double error = 0;
    for (const auto& point : points) {
      const double fitted = p[0] + p[1] * point.concurrency + p[2] * point.concurrency * point.concurrency;
      error += std::pow(fitted / (point.concurrency / point.throughput) - 1, 2);
    }
    if (error < least) {
      least = error;
      best = ScalabilityFit{p[0], p[1], p[2], {}, 0, *different.begin(), *different.rbegin()};
    }
  }
  if (!best) return std::nullopt;
  for (const auto& point : points) {
    const double fitted = best->throughput(point.concurrency);
    best->residuals.push_back((point.throughput - fitted) / fitted);
    best->worst_residual = std::max(best->worst_residual, std::abs(best->residuals.back()));
  }
  return best;
}

}  // namespace gauntlet::lab
