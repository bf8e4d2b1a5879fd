#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "tenure/clv/bg_nbd.hpp"
#include "tenure/support/random.hpp"

/// Customers for the tests of the models of repeat purchases.
namespace tenure::clv::testing {

struct Columns {
  std::vector<double> x, t_x, age;
  RepeatPurchases view() const { return {x, t_x, age}; }
};

/// Draws from the BG/NBD model, times rounded up to sevenths.
inline Columns simulate(int n, const BgNbdParameters& p, std::uint64_t seed) {
  Columns c;
  for (int i = 0; i < n; ++i) {
    RandomStream random(seed, static_cast<std::uint64_t>(i));
    const double age = static_cast<double>(180 + random.below(180)) / 7.0;
    const double rate = random.gamma(p.r) / p.alpha, leave = random.beta(p.a, p.b);
    double x = 0.0, last = 0.0;
    for (double t = random.exponential() / rate; t <= age; t += random.exponential() / rate) {
      const double day = std::min(age, std::ceil(7.0 * t) / 7.0);
      x += day > last;
      last = day;
      if (random.uniform() < leave) break;
    }
    c.x.push_back(x);
    c.t_x.push_back(last);
    c.age.push_back(age);
  }
  return c;
}

}  // namespace tenure::clv::testing
