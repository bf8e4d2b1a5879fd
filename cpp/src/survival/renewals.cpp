#include "tenure/survival/renewals.hpp"

#include <cmath>
#include <vector>

#include "tenure/special/gamma_cross.hpp"
#include "tenure/special/logs.hpp"

namespace tenure::survival {
namespace {

// Beyond, digamma functions are logarithms to every digit, and sums of such numbers overflow.
constexpr double kHugePower = 1e290;

/// from^c and to^c - from^c, with derivatives in log c.
struct Power {
  Power(double from, double to, double c) {
    if (from == 0.0) {
      const double log_to = c * std::log(to);
      step = std::exp(log_to);
      step_c = log_to == 0.0 ? 0.0 : step * log_to;
      step_cc = log_to == 0.0 ? 0.0 : step_c * (1.0 + log_to);
      return;
    }
    // Terms of one sign for from >= 1: b^c lb^2 - a^c la^2 = (b^c - a^c) lb^2 + a^c (lb^2 - la^2).
    const double log_from = c * std::log(from), log_to = c * std::log(to);
    const double log_ratio = c * std::log1p((to - from) / from);
    start = std::exp(log_from);
    step = start * std::expm1(log_ratio);
    start_c = start * log_from;
    start_cc = start_c * (1.0 + log_from);
    step_c = step * log_to + start * log_ratio;
    step_cc = step_c + step * log_to * log_to + start * log_ratio * (log_to + log_from);
  }
  double start = 0.0, start_c = 0.0, start_cc = 0.0;
  double step = 0.0, step_c = 0.0, step_cc = 0.0;
};

/// An amount of time ahead, with a logarithm that stays a number where the amount overflows.
struct Ahead {
  double amount, log;

  /// log(1 + ahead / from)
  double log_growth(double from) const {
    return log > 600.0 ? log - std::log(from) : std::log1p(amount / from);
  }
  /// (from + ahead)^c - from^c, with from^c known
  double power(double start, double from, double c) const {
    if (c == 1.0) return amount;
    return from == 0.0 ? std::exp(c * log) : start * std::expm1(c * log_growth(from));
  }
};

double value_ahead(const BetaWeibull& at, double from, const Ahead& ahead) {
  if (ahead.amount == 0.0) return 0.0;
  const double start = from == 0.0 ? 0.0 : std::pow(from, at.c);
  if (at.beta + start > kHugePower) return at.alpha * at.c * ahead.log_growth(from);
  return special::log_gamma_cross(at.beta + start, at.alpha, ahead.power(start, from, at.c));
}

double value_ahead(const DiscreteWeibull& at, double from, const Ahead& ahead) {
  if (ahead.amount == 0.0) return 0.0;
  const double start = from == 0.0 ? 0.0 : std::pow(from, at.c);
  return std::isinf(start) ? start : at.rate * ahead.power(start, from, at.c);
}

template <class Model, std::size_t N>
optim::Evaluation log_likelihood(const Model& at, std::span<const RenewalInterval> intervals) {
  optim::Evaluation e{0.0, std::vector<double>(N), std::vector<double>(N * N)};
  for (const RenewalInterval& i : intervals) {
    if (i.kept + i.lost == 0.0) continue;
    const Hazard<N> h = hazard(at, i.from, i.to);
    // d/dh of -kept h + lost log(1 - e^-h), and its second derivative.
    double first = -i.kept, second = 0.0;
    if (i.kept > 0.0) e.value -= i.kept * h.value;
    if (i.lost > 0.0) {
      const double odds = 1.0 / std::expm1(h.value);
      e.value += i.lost * special::log1m_exp(-h.value);
      first += i.lost * odds;
      second -= i.lost * odds * (1.0 + odds);
    }
    for (std::size_t r = 0, at_rc = 0; r < N; ++r) {
      e.gradient[r] += first * h.first[r];
      for (std::size_t c = 0; c <= r; ++c, ++at_rc)
        e.hessian[r * N + c] += first * h.second[at_rc] + second * h.first[r] * h.first[c];
    }
  }
  for (std::size_t r = 0; r < N; ++r)
    for (std::size_t c = 0; c < r; ++c) e.hessian[c * N + r] = e.hessian[r * N + c];
  return e;
}

}  // namespace

Hazard<2> hazard(const BetaGeometric& at, double from, double to) {
  Hazard<2> h;
  if (to == from) return h;
  const double a = at.alpha, p = at.beta + from, steps = to - from;
  if (steps == 1.0) {
    // log1p(odds of leaving): its derivatives are those of a logistic regression.
    const double odds = a / p, stay = 1.0 / (1.0 + odds);
    const double leave = std::isfinite(odds) ? odds * stay : 1.0;
    const double share = at.beta / p;  // -d log odds / d log beta
    h.value = std::log1p(odds);
    h.first = {leave, -share * leave};
    h.second = {leave * stay, -share * leave * stay,
                share * leave * (share * stay - (1.0 - share))};
    return h;
  }
  const special::GammaCross g = special::gamma_cross(p, a, steps);
  h.value = g.value;
  h.first = {a * g.a, at.beta * g.p};
  h.second = {a * (g.a + a * g.aa), a * at.beta * g.aa, at.beta * (g.p + at.beta * g.pp)};
  return h;
}

Hazard<3> hazard(const BetaWeibull& at, double from, double to) {
  Hazard<3> h;
  if (to == from) return h;
  const Power t(from, to, at.c);
  const double a = at.alpha, b = at.beta;
  const special::GammaCross g = special::gamma_cross(b + t.start, a, t.step);
  h.value = g.value;
  h.first = {a * g.a, b * g.p, g.p * t.start_c + g.x * t.step_c};
  // With p = beta + from^c and x = to^c - from^c; g_ap = g_aa and g_xp = g_xx.
  h.second[0] = a * (g.a + a * g.aa);
  h.second[1] = a * b * g.aa;
  h.second[2] = b * (g.p + b * g.pp);
  h.second[3] = a * (g.aa * t.start_c + g.ax * t.step_c);
  h.second[4] = b * (g.pp * t.start_c + g.xx * t.step_c);
  h.second[5] = g.p * t.start_cc + g.x * t.step_cc + g.pp * t.start_c * t.start_c +
                g.xx * t.step_c * (2.0 * t.start_c + t.step_c);
  return h;
}

Hazard<2> hazard(const DiscreteWeibull& at, double from, double to) {
  Hazard<2> h;
  if (to == from) return h;
  const Power t(from, to, at.c);
  h.value = at.rate * t.step;
  h.first = {h.value, at.rate * t.step_c};
  h.second = {h.value, at.rate * t.step_c, at.rate * t.step_cc};
  return h;
}

double hazard_value(const BetaGeometric& at, double from, double ahead) {
  return hazard_value(BetaWeibull{at.alpha, at.beta, 1.0}, from, ahead);
}

double hazard_value(const BetaWeibull& at, double from, double ahead) {
  return value_ahead(at, from, {ahead, std::log(ahead)});
}

double hazard_value(const DiscreteWeibull& at, double from, double ahead) {
  return value_ahead(at, from, {ahead, std::log(ahead)});
}

double hazard_far(const BetaGeometric& at, double from, double log_ahead) {
  return hazard_far(BetaWeibull{at.alpha, at.beta, 1.0}, from, log_ahead);
}

double hazard_far(const BetaWeibull& at, double from, double log_ahead) {
  return value_ahead(at, from, {std::exp(log_ahead), log_ahead});
}

double hazard_far(const DiscreteWeibull& at, double from, double log_ahead) {
  return value_ahead(at, from, {std::exp(log_ahead), log_ahead});
}

optim::Evaluation renewal_log_likelihood(const BetaGeometric& at,
                                         std::span<const RenewalInterval> intervals) {
  return log_likelihood<BetaGeometric, 2>(at, intervals);
}

optim::Evaluation renewal_log_likelihood(const BetaWeibull& at,
                                         std::span<const RenewalInterval> intervals) {
  return log_likelihood<BetaWeibull, 3>(at, intervals);
}

optim::Evaluation renewal_log_likelihood(const DiscreteWeibull& at,
                                         std::span<const RenewalInterval> intervals) {
  return log_likelihood<DiscreteWeibull, 2>(at, intervals);
}

}  // namespace tenure::survival
