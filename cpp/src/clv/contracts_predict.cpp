#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "tenure/clv/contracts.hpp"
#include "tenure/special/gauss_legendre.hpp"
#include "tenure/special/logs.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace {

using survival::BetaGeometric;
using survival::BetaWeibull;
using survival::DiscreteWeibull;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kMaxRenewals = 0x1p20;
constexpr std::int64_t kTaskRows = 64;
constexpr double kLongestWalk = 32.0;  // renewals, from one row's sum to that of the row before

constexpr double kGentle = 0.01;  // change a term below which terms are integrated
constexpr double kNegligible = 1e-19;
constexpr std::int64_t kMostTerms = std::int64_t{1} << 17;
constexpr int kNodes = 16;
constexpr int kMostPanels = 1 << 16;
constexpr double kSteepPanel = 8.0;  // logarithm over which the rule is still exact

/// Powers of t of which log S(t) is a function; S(t) itself falls like t^-tail.
double power(const BetaGeometric&) { return 1.0; }
double power(const BetaWeibull& at) { return at.c; }
double power(const DiscreteWeibull& at) { return at.c; }
double tail(const BetaGeometric& at) { return at.alpha; }
double tail(const BetaWeibull& at) { return at.alpha * at.c; }
double tail(const DiscreteWeibull&) { return kInfinity; }

/// log t from which S(t) is that power of t to every digit: t^c alone counts beside the parameters.
double log_far(const BetaWeibull& at) {
  const double size = std::max(1.0, at.alpha + at.beta) * std::max(1.0, at.alpha);
  return (std::log(size) + 40.0) / at.c;
}
double log_far(const BetaGeometric& at) { return log_far(BetaWeibull{at.alpha, at.beta, 1.0}); }
double log_far(const DiscreteWeibull&) { return kInfinity; }

/// Sums over j of g(j) and (j + 1) g(j).
struct Sums {
  double plain = 0.0, weighted = 0.0;
  void add(double factor, double j, double g) {
    plain += factor * g;
    weighted += factor * (j + 1.0) * g;
  }
};

/// g(j) = v^j S(m + j) / S(m), summed over j = 0, ..., terms - 1, where `terms` may be infinite.
template <class Model>
class ResidualSum {
 public:
  ResidualSum(const Model& at, double m, double rate, double terms)
      : at_(at), m_(m), rate_(rate), terms_(terms), c_(power(at)) {}

  Sums sum() {
    const bool ends = std::isfinite(terms_);
    const double order = !ends && rate_ == 0.0 ? tail(at_) : kInfinity;
    if (order <= 1.0) return {kInfinity, kInfinity};
    Sums s;
    double last = 0.0;  // -log g of the term before
    double j = 0.0;
    for (std::int64_t k = 0;; ++k, j += 1.0) {
      if (j >= terms_) return s;
      const double now = log_loss(j);
      const double change = now - last;
      last = now;
      // Far enough out for S to be smooth from one renewal to the next.
      const bool smooth = j >= 4.0 && m_ + j >= std::max(64.0, 32.0 * c_) && change < kGentle;
      if ((smooth && terms_ - j > 64.0) || k == kMostTerms) break;
      const double g = std::exp(-now);
      s.add(1.0, j, g);
      if (g * (j + 1.0) * (j + 1.0) < kNegligible * s.plain && change >= kGentle) return s;
    }
    correct(s, j, 1.0);
    if (ends) correct(s, terms_, -1.0);
    integrate(s, std::log(j - 0.5), ends ? std::log(terms_ - 0.5) : kInfinity);
    if (order <= 2.0) s.weighted = kInfinity;
    return s;
  }

 private:
  double log_loss(double j) const { return rate_ * j + survival::hazard_value(at_, m_, j); }

  /// What the integral from j - 1/2 on leaves out of the sum from j on: f'/24 - 7 f'''/5760, the
  /// derivatives from differences. [Euler-Maclaurin for midpoints, DLMF 2.10.1 with 24.4.27]
  void correct(Sums& s, double j, double sign) const {
    constexpr double kThird = 17.0 / 5760.0;
    constexpr std::array<double, 4> kWeight = {kThird, -1.0 / 24.0 - 3.0 * kThird,
                                               1.0 / 24.0 + 3.0 * kThird, -kThird};
    for (std::size_t i = 0; i < 4; ++i) {
      const double at = j - 2.0 + static_cast<double>(i);
      s.add(sign * kWeight[i], at, std::exp(-log_loss(at)));
    }
  }

  /// Adds the integrals over w = log j of e^w g and e^w (e^w + 1) g.
  void integrate(Sums& s, double w, double end) const {
    static const special::QuadratureRule kRule = special::gauss_legendre(kNodes);
    const auto exponent = [&](double at) {
      return at - (rate_ > 0.0 ? rate_ * std::exp(at) : 0.0) - survival::hazard_far(at_, m_, at);
    };
    const double log_m = std::log(m_ + 1.0), far = std::max(log_far(at_), log_m + 40.0);
    double here = exponent(w);
    for (int panel = 0; panel < kMostPanels && w < end && std::isfinite(here); ++panel) {
      if (rate_ == 0.0 && w > far) {
        // A power of j from here on.
        const double order = tail(at_);
        s.plain += std::exp(here) / (order - 1.0);
        s.weighted += std::exp(here + w) / (order - 2.0) + std::exp(here) / (order - 1.0);
        return;
      }
      // The discount and the start bend on the scale of w itself, S on that of 1/c.
      const bool straight = w > log_m + 14.0 && (rate_ == 0.0 || w + std::log(rate_) < -42.0);
      double length = straight ? std::max(1.0, 0.5 / c_) : std::min(1.0, 1.0 / c_);
      double next = exponent(w + length);
      while (std::abs(next - here) + length > kSteepPanel && length > 1e-3) {
        length *= 0.5;
        next = exponent(w + length);
      }
      if (w + length > end) {
        length = end - w;
        next = exponent(end);
      }
      for (std::size_t i = 0; i < kRule.node.size(); ++i) {
        const double at = w + length * kRule.node[i];
        const double f = length * kRule.weight[i] * std::exp(exponent(at));
        s.plain += f;
        s.weighted += f * (std::exp(at) + 1.0);
      }
      const double slope = (here - next) / length;  // of the logarithm of the integrand
      w += length;
      here = next;
      const bool done = slope > 2.0 && std::exp(here + w) < kNegligible * s.weighted;
      if (done || std::isinf(s.plain)) return;
    }
  }

  Model at_;
  double m_, rate_, terms_, c_;
};

struct Residual {
  double lifetime, elasticity;
};

template <class Model>
Residual residual_at(const Model& at, double n, double rate, double horizon) {
  const Sums s = ResidualSum<Model>(at, n + 1.0, rate, horizon).sum();
  return {std::exp(-survival::hazard_value(at, n, 1.0)) * s.plain,
          std::isinf(s.weighted) ? kInfinity : s.weighted / s.plain};
}

/// Of a customer with n renewals, from that of one with n + 1: the next renewal, then the other's.
template <class Model>
Residual before(const Model& at, double n, double rate, const Residual& after) {
  const double later = std::exp(-rate) * after.lifetime;
  return {std::exp(-survival::hazard_value(at, n, 1.0)) * (1.0 + later),
          std::isinf(after.elasticity) ? kInfinity
                                       : (1.0 + later * (1.0 + after.elasticity)) / (1.0 + later)};
}

void require_horizon(double rate, double horizon) {
  if (!(rate >= 0.0 && std::isfinite(rate)))
    throw InvalidInput("discount_rate", -1, rate, "finite and >= 0");
  if (!(horizon >= 1.0) || (std::isfinite(horizon) && horizon != std::floor(horizon)))
    throw InvalidInput("horizon", -1, horizon, "a whole number >= 1 of renewals, or infinite");
}

void require_renewals(std::span<const double> renewals) {
  for (std::size_t i = 0; i < renewals.size(); ++i)
    if (const double n = renewals[i]; !(n >= 0.0 && n <= kMaxRenewals && n == std::floor(n)))
      throw InvalidInput("renewals", static_cast<std::int64_t>(i), n,
                         "a whole number from 0 to 1048576");
}

}  // namespace

template <class Model>
Buffer<double> contract_log_odds(const Model& at, std::span<const double> renewals,
                                 std::span<const double> ahead, const Execution& execution) {
  require_renewals(renewals);
  if (ahead.size() != renewals.size())
    throw InvalidInput("ahead", -1, static_cast<double>(ahead.size()), "as long as renewals");
  Buffer<double> out(std::ssize(renewals));
  for (std::size_t i = 0; i < ahead.size(); ++i)
    if (const double k = ahead[i]; !(k >= 0.0 && k <= 0x1p53 && k == std::floor(k)))
      throw InvalidInput("ahead", static_cast<std::int64_t>(i), k, "a whole number >= 0");
  for_each_block(out.size(), execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i) {
      const auto row = static_cast<std::size_t>(i);
      const double h = survival::hazard_value(at, renewals[row], ahead[row]);
      out[i] = -h - special::log1m_exp(-h);
    }
  });
  return out;
}

template <class Model>
Buffer<double> contract_residual(const Model& at, std::span<const double> renewals, double rate,
                                 double horizon, ResidualQuantity quantity,
                                 const Execution& execution) {
  require_horizon(rate, horizon);
  require_renewals(renewals);
  Buffer<double> out(std::ssize(renewals));
  for_each_block(
      out.size(), execution,
      [&](std::int64_t, std::int64_t from, std::int64_t to) {
        Residual ahead{};
        for (std::int64_t i = to - 1; i >= from; --i) {
          const double n = renewals[static_cast<std::size_t>(i)];
          const double gap = i + 1 < to ? renewals[static_cast<std::size_t>(i) + 1] - n : kInfinity;
          if (std::isfinite(horizon) || !(gap >= 0.0 && gap <= kLongestWalk))
            ahead = residual_at(at, n, rate, horizon);
          else
            for (double k = n + gap - 1.0; k >= n; k -= 1.0) ahead = before(at, k, rate, ahead);
          out[i] = quantity == ResidualQuantity::lifetime ? ahead.lifetime : ahead.elasticity;
        }
      },
      kTaskRows);
  return out;
}

template <class Model>
double contract_lifetime(const Model& at, double rate, double horizon) {
  require_horizon(rate, horizon);
  return ResidualSum<Model>(at, 0.0, rate, horizon + 1.0).sum().plain;
}

template Buffer<double> contract_log_odds(const BetaGeometric&, std::span<const double>,
                                          std::span<const double>, const Execution&);
template Buffer<double> contract_log_odds(const BetaWeibull&, std::span<const double>,
                                          std::span<const double>, const Execution&);
template Buffer<double> contract_log_odds(const DiscreteWeibull&, std::span<const double>,
                                          std::span<const double>, const Execution&);
template Buffer<double> contract_residual(const BetaGeometric&, std::span<const double>, double,
                                          double, ResidualQuantity, const Execution&);
template Buffer<double> contract_residual(const BetaWeibull&, std::span<const double>, double,
                                          double, ResidualQuantity, const Execution&);
template Buffer<double> contract_residual(const DiscreteWeibull&, std::span<const double>, double,
                                          double, ResidualQuantity, const Execution&);
template double contract_lifetime(const BetaGeometric&, double, double);
template double contract_lifetime(const BetaWeibull&, double, double);
template double contract_lifetime(const DiscreteWeibull&, double, double);

}  // namespace tenure::clv
