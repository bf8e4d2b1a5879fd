#include "tenure/clv/prior.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "tenure/special/gamma.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::clv {
namespace {

struct Slope {
  double value, first, second;  ///< log-density of v and its two derivatives
};

Slope density(const PriorTerm& t, double v) {
  switch (t.family) {
    case PriorFamily::log_normal: {
      const double z = (v - t.first) / t.second;
      return {-0.5 * z * z - std::log(t.second) - 0.5 * std::log(2.0 * std::numbers::pi),
              -z / t.second, -1.0 / (t.second * t.second)};
    }
    case PriorFamily::gamma: {
      const double size = t.second * std::exp(v);
      return {t.first * (v + std::log(t.second)) - special::lgamma(t.first) - size, t.first - size,
              -size};
    }
    case PriorFamily::half_normal: {
      const double z = std::exp(v) / t.first;
      return {0.5 * std::log(2.0 / std::numbers::pi) - std::log(t.first) - 0.5 * z * z + v,
              1.0 - z * z, -2.0 * z * z};
    }
    case PriorFamily::beta:
      break;
  }
  // p^a (1 - p)^b / B(a, b), as dp = p (1 - p) dv; from the smaller of p and 1 - p.
  const double small = std::exp(-std::abs(v)), p = (v > 0.0 ? 1.0 : small) / (1.0 + small);
  const double q = (v > 0.0 ? small : 1.0) / (1.0 + small);
  const double a = t.first, b = t.second;
  const double log_beta = special::lgamma(a) + special::lgamma(b) - special::lgamma(a + b);
  const double log_p = std::min(v, 0.0) - std::log1p(small);
  const double log_q = std::min(-v, 0.0) - std::log1p(small);
  return {a * log_p + b * log_q - log_beta, a * q - b * p, -(a + b) * p * q};
}

bool positive(double v) { return v > 0.0 && std::isfinite(v); }

}  // namespace

void require_valid(const std::vector<PriorTerm>& terms, std::size_t parameters) {
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const PriorTerm& t = terms[i];
    const auto row = static_cast<std::int64_t>(i);
    const bool first =
        t.family == PriorFamily::log_normal ? std::isfinite(t.first) : positive(t.first);
    if (!first || !positive(t.second))
      throw InvalidInput("priors", row, first ? t.second : t.first, "a setting of a density");
    if (t.weight.size() != parameters)
      throw InvalidInput("priors", row, static_cast<double>(t.weight.size()),
                         "a prior with one weight a parameter");
  }
}

void add_log_density(const PriorTerm& term, std::span<const double> u, optim::Evaluation& to) {
  const std::size_t n = u.size();
  if (!term.of_sum) {
    double v = 0.0;
    for (std::size_t i = 0; i < n; ++i)
      if (term.weight[i] != 0.0) v += term.weight[i] * u[i];
    const Slope s = density(term, v);
    to.value += s.value;
    for (std::size_t i = 0; i < n; ++i) {
      to.gradient[i] += s.first * term.weight[i];
      for (std::size_t j = 0; j < n; ++j)
        to.hessian[i * n + j] += s.second * term.weight[i] * term.weight[j];
    }
    return;
  }
  double top = -std::numeric_limits<double>::infinity(), sum = 0.0;
  for (std::size_t i = 0; i < n; ++i)
    if (term.weight[i] != 0.0) top = std::max(top, u[i]);
  const auto size = [&](std::size_t i) {
    return term.weight[i] != 0.0 ? std::exp(u[i] - top) : 0.0;
  };
  for (std::size_t i = 0; i < n; ++i) sum += size(i);
  const Slope s = density(term, top + std::log(sum));
  to.value += s.value;
  for (std::size_t i = 0; i < n; ++i) {
    const double share = size(i) / sum;
    to.gradient[i] += s.first * share;
    to.hessian[i * n + i] += s.first * share;
    for (std::size_t j = 0; j < n; ++j)
      to.hessian[i * n + j] += (s.second - s.first) * share * size(j) / sum;
  }
}

}  // namespace tenure::clv
