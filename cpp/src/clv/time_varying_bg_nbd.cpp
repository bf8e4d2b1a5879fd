#include <cmath>
#include <limits>
#include <vector>

#include "tenure/special/gamma.hpp"
#include "tenure/special/gamma_cross.hpp"
#include "time_varying_mixture.hpp"

namespace tenure::clv::time_varying {
namespace {

/// Adds a density (P/P_0)^-m f, P = alpha + A at the clock, with its curvature.
void add_density(Mixture& mixture, const Clock& clock, double f, double r, double m, double alpha,
                 std::vector<double>& g) {
  const double p = alpha + clock.time();
  g[0] = -r * std::log1p(clock.time() / alpha);
  g[1] = -m * alpha / p;
  for (std::size_t j = 0; j < clock.size(); ++j) g[4 + j] = -m * clock.slope(j) / p;
  mixture.add(f, g);
  mixture.extra(0, 0) += f * g[0];
  mixture.extra(1, 0) += f * (r / m) * g[1];
  mixture.extra(1, 1) += f * (g[1] + g[1] * g[1] / m);
  for (std::size_t j = 0; j < clock.size(); ++j) {
    mixture.extra(4 + j, 0) += f * (r / m) * g[4 + j];
    mixture.extra(4 + j, 1) += f * g[4 + j] * g[1] / m;
    for (std::size_t l = 0; l <= j; ++l)
      mixture.extra(4 + j, 4 + l) +=
          f * (g[4 + j] * g[4 + l] / m - m * clock.curve(packed(j, l)) / p);
  }
}

}  // namespace

Sums bg_nbd_sums(const Setting& at, std::int64_t from, std::int64_t to) {
  const auto [r, alpha, a, b] = at.parameters;
  const CovariatePeriods& periods = at.periods;
  Clock clock(periods.by_purchase);
  Mixture mixture(at.coordinates());
  std::vector<double> g(at.coordinates(), 0.0);
  Sums sums{std::vector<double>(at.size())};
  const auto run = [&](std::int64_t i, double begin, double end) {
    each_piece(periods, i, at.scale, begin, end, [&](std::int64_t row, double start, double stop) {
      clock.advance((stop - start) * at.multiplier.purchase[row],
                    periods.design.data() + row * periods.columns);
    });
  };
  for (std::int64_t i = from; i < to; ++i) {
    const double weight = at.weight(i);
    if (!(weight > 0.0)) continue;
    const double x = at.purchases.frequency[i], m = r + x;
    const double t_x = at.purchases.recency[i] * at.scale, age = at.purchases.age[i] * at.scale;
    clock.reset();
    mixture.reset();
    run(i, 0.0, t_x);
    if (x == 0.0) run(i, t_x, age);
    // Densities are relative to that at the last purchase; without one, to that at T.
    const double p0 = alpha + clock.time(), log_p0 = std::log1p(clock.time() / alpha);
    if (x > 0.0) {
      // Left at the last purchase.
      const double others = b + x - 1.0, f = a / others;
      g[2] = 1.0;
      g[3] = -b / others;
      add_density(mixture, clock, f, r, m, alpha, g);
      mixture.extra(3, 3) += f * (b / others - 1.0) * (b / others);
      g[2] = g[3] = 0.0;
      run(i, t_x, age);
    }
    if (!std::isfinite(clock.time())) {
      std::ranges::fill(sums.of, std::numeric_limits<double>::quiet_NaN());
      return sums;
    }
    add_density(mixture, clock, std::exp(-m * std::log((alpha + clock.time()) / p0)), r, m, alpha,
                g);
    mixture.weigh();

    const auto rising = special::gamma_difference(r, x);
    // B(a, b + x) / B(a, b), the chance to outlive x purchases.
    const auto outlives = special::gamma_cross(b, a, x);
    mixture.value +=
        special::log_gamma_ratio(r, x) - r * log_p0 - x * std::log(p0) - outlives.value;
    mixture.slope(0) += r * rising.digamma;
    mixture.curve(0, 0) += r * rising.digamma + r * r * rising.trigamma;
    mixture.slope(1) += r;
    mixture.curve(1, 0) += r;
    mixture.slope(2) -= a * outlives.a;
    mixture.curve(2, 2) -= a * outlives.a + a * a * outlives.aa;
    mixture.slope(3) -= b * outlives.p;
    mixture.curve(3, 3) -= b * outlives.p + b * b * outlives.pp;
    mixture.curve(3, 2) -= a * b * outlives.aa;  // the derivative in (a, p) is that in (a, a)
    const double* const bought = periods.at_purchases.data() + i * periods.columns;
    for (std::size_t j = 0; j < clock.size(); ++j) {
      const double z = bought[clock.column(j)];
      mixture.slope(4 + j) += z;
      mixture.value += z * at.coefficients[j];
    }
    mixture.add_to(sums.of, weight);
  }
  return sums;
}

}  // namespace tenure::clv::time_varying
