#include <algorithm>
#include <cmath>
#include <limits>

#include "tenure/clv/bootstrap.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::clv {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kMostPurchases = 1e6;

/// Purchases of a Poisson process within `age`; after each one, goes_on() says whether there may be
/// another.
template <class GoesOn>
DrawnPurchases poisson(double rate, double age, RandomStream& random, const GoesOn& goes_on) {
  DrawnPurchases made;
  for (double t = random.exponential() / rate; t <= age; t += random.exponential() / rate) {
    if (++made.frequency > kMostPurchases)
      throw InvalidInput("rate", -1, rate, "so low that a customer buys less than a million times");
    made.recency = t;
    if (!goes_on()) break;
  }
  return made;
}

DrawnPurchases within(double rate, double age, RandomStream& random) {
  return poisson(rate, age, random, [] { return true; });
}

/// Renewals made when the hazard after n of them is strength * n^c: the largest n <= observed whose
/// hazard an exponential exceeds.
double renewals(double strength, double c, double observed, RandomStream& random) {
  const double reach = std::pow(random.exponential() / strength, 1.0 / c);
  // An infinite strength gives 0, one of 0 infinity.
  return std::isnan(reach) ? observed : std::clamp(std::ceil(reach) - 1.0, 0.0, observed);
}

}  // namespace

DrawnPurchases draw_bg_nbd(const BgNbdParameters& p, double age, RandomStream& random) {
  const double rate = random.gamma(p.r) / p.alpha, leave = random.beta(p.a, p.b);
  return poisson(rate, age, random, [&] { return random.uniform() >= leave; });
}

DrawnPurchases draw_mbg_nbd(const MbgNbdParameters& p, double age, RandomStream& random) {
  const double rate = random.gamma(p.r) / p.alpha, leave = random.beta(p.a, p.b);
  const auto stays = [&] { return random.uniform() >= leave; };
  return stays() ? poisson(rate, age, random, stays) : DrawnPurchases{};
}

DrawnPurchases draw_nbd(const NbdParameters& p, double age, RandomStream& random) {
  return within(random.gamma(p.r) / p.alpha, age, random);
}

DrawnPurchases draw_pareto_nbd(const ParetoNbdParameters& p, double age, RandomStream& random) {
  const double rate = random.gamma(p.r) / p.alpha, leave = random.gamma(p.s) / p.beta;
  const double lifetime = leave > 0.0 ? random.exponential() / leave : kInfinity;
  return within(rate, std::min(age, lifetime), random);
}

DrawnPurchases draw_ggompertz_nbd(const GGompertzNbdParameters& p, double age,
                                  RandomStream& random) {
  const double rate = random.gamma(p.r) / p.alpha, leave = random.gamma(p.s) / p.beta;
  // P(lifetime > t) = exp(-eta (e^(b t) - 1)).
  const double lifetime = leave > 0.0 ? std::log1p(random.exponential() / leave) / p.b : kInfinity;
  return within(rate, std::min(age, lifetime), random);
}

DrawnPurchases draw_bg_bb(const BgBbParameters& at, double age, RandomStream& random) {
  const double buys = random.beta(at.alpha, at.beta), leaves = random.beta(at.gamma, at.delta);
  DrawnPurchases made;
  for (double t = 1.0; t <= age && random.uniform() >= leaves; ++t)
    if (random.uniform() < buys) {
      ++made.frequency;
      made.recency = t;
    }
  return made;
}

double draw_mean_spend(const GammaGammaParameters& p, double frequency, RandomStream& random) {
  // A gamma of a tiny shape underflows to 0; amounts stay finite all the same.
  const double nu = std::max(random.gamma(p.q) / p.gamma, 1e-290);
  return random.gamma(p.p * frequency) / frequency / nu;
}

double draw_renewals(const survival::BetaGeometric& at, double observed, RandomStream& random) {
  return renewals(-std::log1p(-random.beta(at.alpha, at.beta)), 1.0, observed, random);
}

double draw_renewals(const survival::BetaWeibull& at, double observed, RandomStream& random) {
  return renewals(-std::log1p(-random.beta(at.alpha, at.beta)), at.c, observed, random);
}

}  // namespace tenure::clv
