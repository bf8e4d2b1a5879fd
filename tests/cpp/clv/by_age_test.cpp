#include "tenure/clv/by_age.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <limits>

#include "tenure/support/random.hpp"

namespace tenure::clv {
namespace {

struct Rows {
  std::vector<double> x, age;
};

Rows rows(int n) {
  RandomStream random(1, 0);
  Rows r;
  for (int i = 0; i < n; ++i) {
    r.x.push_back(static_cast<double>(random.below(3)));
    r.age.push_back(100.0 * random.uniform());
  }
  return r;
}

TEST(ExpByAge, InterpolatesASmoothFunctionWithFewEvaluations) {
  const Rows r = rows(30'000);
  std::atomic<int> calls{0};
  const auto f = [&calls](double x, double age) {
    ++calls;
    return (x + 1.0) * std::log(3.0 + age) - 0.05 * std::sqrt(4.0 + age);
  };
  const auto got = exp_by_age(r.x, r.age, 2.0, f, {.threads = 2});
  EXPECT_LE(calls, 3 * (20 + 40 + 80));
  for (std::size_t i = 0; i < r.x.size(); ++i)
    EXPECT_NEAR(got[static_cast<std::int64_t>(i)] / std::exp(f(r.x[i], r.age[i])), 1.0, 1e-12);
}

TEST(ExpByAge, EvaluatesDirectlyWhatNoPolynomialFits) {
  const Rows r = rows(3000);
  const auto f = [](double, double age) { return std::abs(age - 50.0); };
  const auto got = exp_by_age(r.x, r.age, 1.0, f, {});
  for (std::size_t i = 0; i < r.x.size(); ++i)
    EXPECT_EQ(got[static_cast<std::int64_t>(i)], std::exp(f(r.x[i], r.age[i])));
}

TEST(ExpByAge, KeepsTheOrderOfRowsAndTakesZeroAsAValue) {
  const std::vector<double> x{5, 0, 5, 2000}, age{1, 2, 3, 4};
  const auto f = [](double count, double t) {
    return count == 0.0 ? -std::numeric_limits<double>::infinity() : std::log(count * t);
  };
  const auto got = exp_by_age(x, age, 1.0, f, {});
  const std::vector<double> expected{5, 0, 15, 8000};
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(got[static_cast<std::int64_t>(i)], expected[i], 1e-11);
}

TEST(ExpByAge, OneAgeIsOneEvaluation) {
  const std::vector<double> x(1000, 1.0), age(1000, 7.0);
  int calls = 0;
  const auto got = exp_by_age(x, age, 1.0,
                              [&calls](double, double t) {
                                ++calls;
                                return std::log(t);
                              },
                              {});
  EXPECT_EQ(calls, 1);
  EXPECT_NEAR(got[999], 7.0, 1e-14);
}

}  // namespace
}  // namespace tenure::clv
