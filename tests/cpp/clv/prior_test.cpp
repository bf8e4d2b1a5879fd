#include "tenure/clv/prior.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tenure/support/errors.hpp"

namespace tenure::clv {
namespace {

optim::Evaluation at(const PriorTerm& term, const std::vector<double>& u) {
  optim::Evaluation e{0.0, std::vector<double>(u.size()), std::vector<double>(u.size() * u.size())};
  add_log_density(term, u, e);
  return e;
}

const std::vector<PriorTerm> kTerms{
    {PriorFamily::log_normal, 0.3, 1.5, {1.0, -1.0, 0.0}, false},
    {PriorFamily::log_normal, -2.0, 0.7, {1.0, 0.0, 1.0}, true},
    {PriorFamily::gamma, 2.5, 0.8, {0.0, 1.0, 0.0}, false},
    {PriorFamily::gamma, 0.5, 3.0, {0.0, 1.0, 1.0}, true},
    {PriorFamily::half_normal, 1.7, 1.0, {0.0, 0.0, 1.0}, false},
    {PriorFamily::beta, 2.0, 0.6, {0.0, 1.0, -1.0}, false},
};

TEST(Prior, GradientAndHessianAreThoseOfTheDensity) {
  const std::vector<double> u{0.4, -0.9, 0.2};
  const double h = 1e-5;
  for (const PriorTerm& term : kTerms) {
    const auto e = at(term, u);
    for (std::size_t i = 0; i < 3; ++i) {
      auto up = u, down = u;
      up[i] += h;
      down[i] -= h;
      const auto above = at(term, up), below = at(term, down);
      EXPECT_NEAR(e.gradient[i], (above.value - below.value) / (2 * h), 1e-8);
      for (std::size_t j = 0; j < 3; ++j)
        EXPECT_NEAR(e.hessian[i * 3 + j], (above.gradient[j] - below.gradient[j]) / (2 * h), 1e-8);
    }
  }
}

TEST(Prior, DensitiesOfTheCoordinateIntegrateToOne) {
  for (PriorTerm term : kTerms) {
    term.weight = {1.0};
    term.of_sum = false;
    double sum = 0.0;
    for (double v = -80.0; v < 80.0; v += 0.01) sum += 0.01 * std::exp(at(term, {v}).value);
    EXPECT_NEAR(sum, 1.0, 1e-9);
  }
}

TEST(Prior, StaysFiniteFarOut) {
  const PriorTerm share{PriorFamily::beta, 2.0, 3.0, {1.0}, false};
  for (const double v : {-700.0, 700.0}) EXPECT_TRUE(std::isfinite(at(share, {v}).value));
  // log of the sum of e^-800 and e^700, of which neither may be formed by itself.
  const PriorTerm sum{PriorFamily::log_normal, 0.0, 1.0, {1.0, 1.0}, true};
  EXPECT_NEAR(at(sum, {-800.0, 700.0}).gradient[1], -700.0, 1e-9);
  EXPECT_NEAR(at(sum, {800.0, 790.0}).gradient[0] / -800.0, 1.0, 1e-4);
}

TEST(Prior, RefusesWhatIsNoDensity) {
  const double inf = std::numeric_limits<double>::infinity();
  for (PriorTerm bad : {PriorTerm{PriorFamily::log_normal, inf, 1.0, {1.0}, false},
                        PriorTerm{PriorFamily::log_normal, 0.0, 0.0, {1.0}, false},
                        PriorTerm{PriorFamily::gamma, 0.0, 1.0, {1.0}, false},
                        PriorTerm{PriorFamily::half_normal, -1.0, 1.0, {1.0}, false},
                        PriorTerm{PriorFamily::beta, 1.0, inf, {1.0}, false},
                        PriorTerm{PriorFamily::gamma, 1.0, 1.0, {1.0, 0.0}, false}})
    EXPECT_THROW(require_valid({bad}, 1), InvalidInput);
}

}  // namespace
}  // namespace tenure::clv
