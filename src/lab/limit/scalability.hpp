#pragma once
// The Universal Scalability Law (Gunther, "Guerrilla Capacity Planning", 2007) fitted to measured levels. Pure.
#include <optional>
#include <vector>

namespace gauntlet::lab {

struct ScalabilityPoint {
  double concurrency = 0;  // requests in the system: throughput x mean service time (Little's law)
  double throughput = 0;   // per second
};

/// throughput(N) = N / (a + b N + c N^2). With one request in the system it takes a + b + c seconds; b is what each
/// further one waits in queues (contention), c what it costs by agreeing with the others (coherency).
struct ScalabilityFit {
  double a = 0, b = 0, c = 0;
  std::vector<double> residuals;  // per point, (measured - fitted) / fitted throughput
  double worst_residual = 0;
  double least_concurrency = 0, most_concurrency = 0;  // where it was measured: beyond is extrapolation

  double throughput(double concurrency) const { return concurrency / (a + b * concurrency + c * concurrency * concurrency); }
  /// The highest throughput of the curve, and the concurrency there; nothing when the points show no bend (b = c = 0).
  std::optional<ScalabilityPoint> peak() const;
};

/// Least squares on relative errors with all three parameters held at 0 or above; nothing with fewer than four points
/// of different concurrency.
std::optional<ScalabilityFit> fit_scalability(const std::vector<ScalabilityPoint>& points);

}  // namespace gauntlet::lab
