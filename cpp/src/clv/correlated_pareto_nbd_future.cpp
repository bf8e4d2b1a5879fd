#include "correlated_pareto_nbd_future.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "root.hpp"

namespace tenure::clv {
namespace {

using sarmanov::kParts;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Relative precision of a time that is searched for.
constexpr double kTimePrecision = 1e-12;

}  // namespace

void weigh_parts(const CorrelatedParetoNbdParameters& p, const double* x, const double* t_x,
                 const double* age, int n, PartHistories* of) {
  double log_stay[kParetoNbdChunk], leave[kParetoNbdChunk];
  for (std::size_t k = 0; k < kParts; ++k) {
    const ParetoNbdParameters part = sarmanov::part(p, static_cast<int>(k));
    const double stretch = std::log(part.alpha / p.alpha);
    weigh(part, x, t_x, age, n, log_stay, leave);
    for (int i = 0; i < n; ++i) {
      // r log alpha - (r + x) log(alpha + t_x) and the same of s, up to what all parts share.
      const double density = -x[i] * stretch - (p.r + x[i]) * std::log1p(t_x[i] / part.alpha) -
                             p.s * std::log1p(t_x[i] / part.beta);
      of[i].stayed[k] = density + log_stay[i];
      of[i].left[k] = density + std::log(leave[i]);
    }
  }
}

CorrelatedParetoNbdFuture::CorrelatedParetoNbdFuture(const CorrelatedParetoNbdParameters& p,
                                                     double x, double age)
    : parts_{ParetoNbdFuture{sarmanov::part(p, 0), x, age},
             ParetoNbdFuture{sarmanov::part(p, 1), x, age},
             ParetoNbdFuture{sarmanov::part(p, 2), x, age},
             ParetoNbdFuture{sarmanov::part(p, 3), x, age}} {
  const sarmanov::Weight w = sarmanov::weight(p.r, p.s, p.odds);
  std::array<double, kParts> log_stayed;
  for (std::size_t k = 0; k < kParts; ++k) {
    const ParetoNbdParameters part = sarmanov::part(p, static_cast<int>(k));
    log_stayed[k] = -x * std::log(part.alpha / p.alpha) - (p.r + x) * std::log1p(age / part.alpha) -
                    p.s * std::log1p(age / part.beta);
  }
  const double top = *std::ranges::max_element(log_stayed);
  double sum = 0.0;
  for (std::size_t k = 0; k < kParts; ++k)
    sum += weight_[k] = w.of_part(static_cast<int>(k)) * std::exp(log_stayed[k] - top);
  for (double& v : weight_) v /= sum;
}

template <class OfPart>
double CorrelatedParetoNbdFuture::mixed(const OfPart& of_part) const {
  double sum = 0.0;
  for (std::size_t k = 0; k < kParts; ++k) sum += weight_[k] * of_part(parts_[k]);
  return std::max(0.0, sum);
}

double CorrelatedParetoNbdFuture::alive(double time) const {
  return std::min(1.0, mixed([&](const ParetoNbdFuture& part) { return part.alive(time); }));
}

double CorrelatedParetoNbdFuture::pmf(double n, double time) const {
  return mixed([&](const ParetoNbdFuture& part) { return part.pmf(n, time); });
}

double CorrelatedParetoNbdFuture::tail(double n, double time) const {
  return std::min(1.0, mixed([&](const ParetoNbdFuture& part) { return part.tail(n, time); }));
}

double CorrelatedParetoNbdFuture::mean_if_staying(double time) const {
  return mixed([&](const ParetoNbdFuture& part) { return part.mean_if_staying(time); });
}

double CorrelatedParetoNbdFuture::waits(double share) const {
  if (share == 0.0) return 0.0;
  if (tail(1.0, kInfinity) <= share) return kInfinity;
  const auto off = [&](double log_time) {
    const double t = std::exp(log_time);
    const double density =
        mixed([&](const ParetoNbdFuture& part) { return part.first_density(t); });
    return std::pair(tail(1.0, t) - share, density * t);
  };
  // From where one of them would wait: the others wait longer, or not so long.
  double low = 700.0;
  for (const ParetoNbdFuture& part : parts_) {
    const double waits = part.waits(share);
    if (std::isfinite(waits)) low = std::min(low, std::log(waits));
  }
  double high = low;
  while (low > -700.0 && off(low).first >= 0.0) low -= 1.0;
  while (high < 700.0 && off(high).first < 0.0) high += 1.0;
  if (high >= 700.0) return kInfinity;
  return std::exp(increasing_root(low, high, kTimePrecision, off));
}

CorrelatedParetoNbdFuture::Walk::Walk(const CorrelatedParetoNbdFuture& future, double time)
    : weight_(future.weight_),
      parts_{ParetoNbdFuture::Walk{future.parts_[0], time},
             ParetoNbdFuture::Walk{future.parts_[1], time},
             ParetoNbdFuture::Walk{future.parts_[2], time},
             ParetoNbdFuture::Walk{future.parts_[3], time}} {}

double CorrelatedParetoNbdFuture::Walk::next() {
  double sum = 0.0;
  for (std::size_t k = 0; k < kParts; ++k) sum += weight_[k] * parts_[k].next();
  return std::max(0.0, sum);
}

double lapse_after(const CorrelatedParetoNbdParameters& p, double x, double t_x, double age,
                   double log_odds) {
  const sarmanov::Weight w = sarmanov::weight(p.r, p.s, p.odds);
  const auto off = [&](double log_silence) {
    const double silence = std::exp(log_silence), until = t_x + silence;
    PartHistories of;
    weigh_parts(p, &x, &t_x, &until, 1, &of);
    const double stayed_top = *std::ranges::max_element(of.stayed);
    const double left_top = *std::ranges::max_element(of.left);
    // Sums over the parts: of those who stayed, their loss, and those who left.
    double stayed = 0.0, buys = 0.0, leaves = 0.0, left = 0.0;
    for (std::size_t k = 0; k < kParts; ++k) {
      const ParetoNbdParameters part = sarmanov::part(p, static_cast<int>(k));
      const double s = w.of_part(static_cast<int>(k)) * std::exp(of.stayed[k] - stayed_top);
      stayed += s;
      buys += s * (p.r + x) / (part.alpha + until);
      leaves += s * p.s / (part.beta + until);
      left += w.of_part(static_cast<int>(k)) * std::exp(of.left[k] - left_top);
    }
    const double odds = stayed_top - left_top + std::log(stayed) - std::log(left);
    const double slope = (buys + leaves) / stayed + leaves / left * std::exp(stayed_top - left_top);
    return std::pair(log_odds - odds, slope * silence);
  };
  const double silence = age - t_x;
  double low = std::log(silence);
  if (silence > 0.0) {
    if (off(low).first >= 0.0) return 0.0;
  } else {
    low = std::log(1e-9 * (p.alpha + t_x) / (p.r + x));
    while (off(low).first >= 0.0) low -= 10.0;
  }
  double high = low;
  do high += 1.0;
  while (high < 700.0 && off(high).first < 0.0);
  if (high >= 700.0) return kInfinity;
  return std::max(0.0, std::exp(increasing_root(low, high, kTimePrecision, off)) - silence);
}

}  // namespace tenure::clv
