#include "cnbd_series.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>
#include <vector>

#include "beta_mean.hpp"
#include "tenure/special/beta.hpp"
#include "tenure/special/gamma.hpp"
#include "tenure/special/gauss_legendre.hpp"

namespace tenure::clv {

using namespace series;

namespace {

using Complex = std::complex<double>;

/// Sum over the k-th roots of unity but 1 of root^j (1 + w (1 - rho root))^-m / (1/(rho root) - 1):
/// conjugate roots add up to twice the real part of one.
double other_roots(int k, int j, double m, double w, double rho) {
  double sum = 0.0;
  for (int i = 1; 2 * i <= k; ++i) {
    const double angle = 2.0 * std::numbers::pi / k;
    const Complex root = std::polar(1.0, angle * i);
    const Complex power = std::polar(1.0, angle * (i * j % k)) *
                          std::exp(-m * std::log(1.0 + w * (1.0 - rho * root)));
    const double part = (power / (std::conj(root) / rho - 1.0)).real();
    sum += 2 * i == k ? part : 2.0 * part;
  }
  return sum;
}

/// log of a sum, of which the logarithm of the leading part is known.
double log_plus(double log_lead, double more) {
  return log_lead + std::log1p(more * std::exp(-log_lead));
}

/// Expected purchases of somebody who leaves with probability p after each: 1/p times 1 - E (1 -
/// p)^N, N = floor((j + J)/k), J ~ NB(m, w/(1 + w)). (1 - p)^N depends on j + J by a power and by
/// its remainder modulo k, which is a sum over the k-th roots of unity: k generating functions of
/// J. For p <= 1/2, where that sum does not cancel.
struct ByRoots {
  double log_root_one, others, p;

  ByRoots(int k, int j, double m, double w, double leaving) : p(leaving) {
    const double epsilon = -std::log1p(-p) / k;  // 1 - p = rho^k, rho = exp(-epsilon)
    double remainders = 0.0;
    for (int l = 1; l < k; ++l) remainders += std::expm1(l * epsilon);
    log_root_one =
        std::log1p(remainders / k) - j * epsilon - m * std::log1p(w * -std::expm1(-epsilon));
    others = std::exp(-j * epsilon) * other_roots(k, j, m, w, std::exp(-epsilon)) / (k * (1.0 - p));
  }
  double purchases() const { return -std::expm1(log_root_one) / p - others; }
  double log_alive() const { return log_plus(log_root_one, p * others); }
};

/// The limit of the same for p = 0: the purchases of a customer who cannot leave.
double without_leaving(int k, int j, double m, double w) {
  return (m * w + j - 0.5 * (k - 1.0) - other_roots(k, j, m, w, 1.0)) / k;
}

/// E (1 - p)^N for p > 1/2, where it has run out after a few purchases.
double alive_by_purchases(int k, int j, double m, double w, double p) {
  const double z = w / (1.0 + w);
  double pmf = std::exp(-m * std::log1p(w)), survives = 1.0, sum = pmf;
  for (double i = 1.0; survives > 1e-17 && pmf > 0.0; i += 1.0) {
    pmf *= z * (m + i - 1.0) / i;
    if (std::fmod(j + i, k) == 0.0) survives *= 1.0 - p;
    sum += pmf * survives;
  }
  return sum;
}

/// Nodes of p ~ beta(a, b) by the trapezoidal rule in logit p, and their weights, for means of 1/(u
/// + p (1 - u)) with u >= `least`, which are flat for p far below u.
struct LeavingNodes {
  std::vector<double> p, weight;
};

LeavingNodes leaving_nodes(double a, double b, double least) {
  if (1.0 / a + 1.0 / b < 1e-10) return {{a / (a + b)}, {1.0}};
  LeavingNodes nodes;
  const double log_norm = special::log_beta(a, b);
  const double h = std::min(0.2, 0.6 * std::sqrt(1.0 / a + 1.0 / b));
  double largest = 0.0;
  /// False once nothing is left in that direction.
  const auto add = [&](double y) {
    const double log_p = y < 0.0 ? y - std::log1p(std::exp(y)) : -std::log1p(std::exp(-y));
    const double log_q = y < 0.0 ? -std::log1p(std::exp(y)) : -y - std::log1p(std::exp(-y));
    nodes.p.push_back(std::exp(log_p));
    nodes.weight.push_back(h * std::exp(a * log_p + b * log_q - log_norm));
    const double counts = nodes.weight.back() / (least + nodes.p.back());
    largest = std::max(largest, counts);
    return counts > 1e-18 * largest * -std::expm1(-a * h);
  };
  const double middle = std::log(a) - std::log(b);
  for (double y = middle; add(y); y += h) {
  }
  const double flat = std::log(1e-17 * std::min(1.0, least));
  double y = middle - h;
  for (; y > flat; y -= h)
    if (!add(y)) return nodes;
  // exp(a y) times a constant from here to minus infinity: a geometric series.
  nodes.p.push_back(0.0);
  nodes.weight.push_back(h * std::exp(a * y - log_norm) / -std::expm1(-a * h));
  return nodes;
}

/// log of all purchases to come, discounted. Given lambda and p, a tick is worth s = lambda/(lambda
/// + d), so that they are s^(k - j) / (1 - (1 - p) s^k), whose mean over lambda ~ gamma(m, b) is
/// taken by the trapezoidal rule in log lambda.
double log_discounted_for_ever(const BgNbdParameters& p, int k, int j, double x, double age,
                               double rate) {
  const double m = p.r + k * x + j, start = p.alpha + age;
  const auto worth = [&](double lambda) { return -std::log1p(rate / lambda); };  // log s
  const double fastest = (m + 40.0 + 10.0 * std::sqrt(m)) / start;
  const LeavingNodes leaving = leaving_nodes(p.a, p.b + x, -std::expm1(k * worth(fastest)));

  const double h = std::min(0.25, 0.6 / std::sqrt(m));
  const double log_middle = std::log(m / start), at_middle = worth(m / start);
  double sum = 0.0, density_sum = 0.0;
  /// False once nothing is left in that direction.
  const auto add = [&](double u) {
    const double log_density = m * (u - std::expm1(u));
    const double log_s = worth(std::exp(log_middle + u));
    const double v = std::exp(k * log_s), none = -std::expm1(k * log_s);
    double inner = 0.0;
    for (std::size_t i = 0; i < leaving.p.size(); ++i)
      inner += leaving.weight[i] / (none + leaving.p[i] * v);
    const double term = std::exp(log_density + (k - j) * (log_s - at_middle)) * inner;
    sum += term;
    density_sum += std::exp(log_density);
    return term > kEpsilon * sum || (m >= 10.0 && log_density > -40.0);
  };
  for (double u = 0.0; add(u); u += h) {
  }
  for (double u = -h; add(u); u -= h) {
  }
  const double log_norm =
      m < 10.0 ? special::lgamma(m) + m - m * std::log(m) : std::log(h * density_sum);
  return (k - j) * at_middle + std::log(h * sum) - log_norm;
}

}  // namespace

double cnbd_log_expected_alive(const BgNbdParameters& p, int k, int j, double x, double age,
                               double horizon) {
  if (!(horizon > 0.0)) return -std::numeric_limits<double>::infinity();
  const double m = p.r + k * x + j, b = p.b + x, c = p.a + b;
  if (std::isinf(horizon)) return std::log1p(b / (p.a - 1.0));  // the mean of 1/p over beta(a, b)
  const double w = horizon / (p.alpha + age);
  const double z = w / (1.0 + w);
  if (series_length(m, z) > kLongestSeries)
    return log_beta_mean(p.a, b, w, m + 1.0, std::log(without_leaving(k, j, m, w)), [&](double q) {
      return std::log(q <= 0.5 ? ByRoots(k, j, m, w, q).purchases()
                               : (1.0 - alive_by_purchases(k, j, m, w, q)) / q);
    });

  const double log_none = -m * std::log1p(w);  // P(J = 0)
  const bool tiny = log_none < -690.0;
  ScaledSum s{tiny ? log_none : 0.0};
  double pmf = tiny ? 1.0 : std::exp(log_none);
  double outlived = 0.0, chance = 1.0, n = 0.0;
  int passed = j;
  for (double i = 1.0;; i += 1.0) {
    pmf *= z * (m + i - 1.0) / i;
    if (++passed == k) {
      passed = 0;
      outlived += chance;
      chance *= (b + n) / (c + n);
      n += 1.0;
    }
    const double term = pmf * outlived;
    s.sum += term;
    // From here on terms fall at least by this ratio a step; H_n grows by (n + 1)/n at most.
    const double ratio = std::max(z, z * (m + i) / (i + 1.0)) * (n + 1.0) / std::max(n, 0.5);
    if (n > 0.0 && ratio < 1.0 && !(term * ratio > kEpsilon * (1.0 - ratio) * s.sum)) break;
    if (tiny) s.rescale(pmf);
  }
  return s.log();
}

double cnbd_log_alive(const BgNbdParameters& p, int k, int j, double x, double age,
                      double horizon) {
  const double m = p.r + k * x + j, b = p.b + x, c = p.a + b;
  const double w = horizon / (p.alpha + age);
  const double z = w / (1.0 + w);
  if (series_length(m, z) > kLongestSeries)
    return log_beta_mean(p.a, b, w, m, 0.0, [&](double q) {
      return q <= 0.5 ? ByRoots(k, j, m, w, q).log_alive()
                      : std::log(alive_by_purchases(k, j, m, w, q));
    });

  const double log_none = -m * std::log1p(w);  // P(J = 0)
  const bool tiny = log_none < -690.0;
  ScaledSum s{tiny ? log_none : 0.0};
  double pmf = tiny ? 1.0 : std::exp(log_none);
  double outlived = 1.0, n = 0.0;
  int passed = j;
  s.sum = pmf;
  for (double i = 1.0;; i += 1.0) {
    pmf *= z * (m + i - 1.0) / i;
    if (++passed == k) {
      passed = 0;
      outlived *= (b + n) / (c + n);
      n += 1.0;
    }
    const double term = pmf * outlived;
    s.sum += term;
    // From here on terms fall at least by this ratio a step.
    const double ratio = std::max(z, z * (m + i) / (i + 1.0));
    if (ratio < 1.0 && !(term * ratio > kEpsilon * (1.0 - ratio) * s.sum)) break;
    if (tiny) s.rescale(pmf);
  }
  return s.log();
}

double cnbd_log_discounted_alive(const BgNbdParameters& p, int k, int j, double x, double age,
                                 double horizon, double discount_rate) {
  const auto log_until = [&](double t) { return cnbd_log_expected_alive(p, k, j, x, age, t); };
  if (discount_rate == 0.0 || !(horizon > 0.0)) return log_until(horizon);
  // What lies behind is worth less than the rounding of the rest.
  if (discount_rate > 0.0 && horizon > 45.0 / discount_rate)
    return log_discounted_for_ever(p, k, j, x, age, discount_rate);
  const double size = std::abs(discount_rate), told = horizon;
  const double log_all = log_until(told);
  // Counted from the end where it grows, so that nothing overflows.
  const double top = discount_rate > 0.0 ? 0.0 : size * told;

  // In q = log(1 + fall t) the expectation is smooth over all scales of time, from the first ticks
  // on.
  const double fall = size + std::max(1.0, p.r + k * x + j) / (p.alpha + age);
  const double range = std::log1p(fall * told);
  const int panels = static_cast<int>(
      std::ceil(discount_rate > 0.0 ? range : range * std::max(1.0, size * told / 8.0)));
  static const special::QuadratureRule rule = special::gauss_legendre(16);
  double sum = 0.0;
  for (int panel = 0; panel < panels; ++panel)
    for (std::size_t node = 0; node < rule.node.size(); ++node) {
      const double q = range * (panel + rule.node[node]) / panels;
      const double t = std::expm1(q) / fall;
      const double weight = rule.weight[node] * range / panels * std::exp(q - top) / fall * size;
      // Of what is bought until t, or after it where later counts more.
      const double log_share = log_until(t) - log_all;
      sum += weight * std::exp(-discount_rate * t) *
             (discount_rate > 0.0 ? std::exp(log_share) : -std::expm1(std::min(0.0, log_share)));
    }
  sum += discount_rate > 0.0 ? std::exp(-discount_rate * told) : std::exp(-top);
  return log_all + top + std::log(sum);
}

}  // namespace tenure::clv
