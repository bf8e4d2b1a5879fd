#include "tenure/clv/time_varying.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tenure/clv/bg_nbd.hpp"
#include "tenure/clv/pareto_nbd.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/random.hpp"

namespace tenure::clv {
namespace {

constexpr std::array<TimeVaryingModel, 2> kModels{TimeVaryingModel::pareto_nbd,
                                                  TimeVaryingModel::bg_nbd};
const std::vector<double> kPareto{0.55, 10.6, 0.6, 11.7}, kBg{0.24, 4.4, 0.8, 2.4};

const std::vector<double>& usual(TimeVaryingModel model) {
  return model == TimeVaryingModel::pareto_nbd ? kPareto : kBg;
}

/// Customers with own periods of length 1 and two columns.
struct Panel {
  std::vector<double> x, t_x, age, design, phase, bought;
  std::vector<std::int64_t> first, end, both{0, 1}, one{1};
  std::int64_t periods;

  Panel(std::int64_t customers, std::int64_t seen, std::int64_t ahead, std::uint64_t seed)
      : periods(seen + ahead) {
    RandomStream random(seed, 0);
    for (std::int64_t i = 0; i < 2 * customers * periods; ++i)
      design.push_back(2.0 * random.uniform() - 1.0);
    for (std::int64_t i = 0; i < customers; ++i) {
      phase.push_back(random.uniform());
      age.push_back(random.uniform() * (static_cast<double>(seen) - phase.back()));
      x.push_back(static_cast<double>(random.below(4)));
      t_x.push_back(x.back() > 0.0 ? age.back() * (0.1 + 0.9 * random.uniform()) : 0.0);
      first.push_back(i * periods);
      end.push_back((i + 1) * periods);
      bought.push_back(x.back() * 0.1);
      bought.push_back(x.back() * -0.2);
    }
  }

  RepeatPurchases purchases() const { return {x, t_x, age}; }
  CovariatePeriods look(TimeVaryingModel model) const {
    CovariatePeriods p{design, 2, 1.0, first, end, phase, bought, both, one};
    if (model == TimeVaryingModel::bg_nbd) p.by_dropout = {};
    return p;
  }
};

std::vector<double> effects(TimeVaryingModel model, std::vector<double> values) {
  if (model == TimeVaryingModel::bg_nbd) values.pop_back();
  return values;
}

template <class Call>
std::string refusal(const Call& call) {
  try {
    call();
  } catch (const InvalidInput& e) {
    return e.what();
  }
  return "";
}

TEST(TimeVarying, IsTheModelWithoutCovariatesWhereCoefficientsAreZero) {
  const Panel panel(300, 25, 0, 1);
  for (const auto model : kModels) {
    const auto& at = usual(model);
    const auto e = time_varying_log_likelihood(model, at, effects(model, {0.0, 0.0, 0.0}),
                                               panel.purchases(), panel.look(model), {});
    const auto plain =
        model == TimeVaryingModel::pareto_nbd
            ? pareto_nbd_log_likelihood({at[0], at[1], at[2], at[3]}, panel.purchases(), {})
            : bg_nbd_log_likelihood({at[0], at[1], at[2], at[3]}, panel.purchases(), {});
    EXPECT_NEAR(e.value / plain.value, 1.0, 1e-13);
    for (std::size_t i = 0; i < 4; ++i)
      EXPECT_NEAR(e.gradient[i], plain.gradient[i], 1e-11 * std::abs(plain.value));
  }
}

TEST(TimeVarying, GradientAndHessianAreDifferencesOfTheValue) {
  const Panel panel(50, 20, 0, 2);
  for (const auto model : kModels) {
    const auto coefficients = effects(model, {0.4, -0.3, 0.5});
    const std::size_t n = 4 + coefficients.size();
    const auto at = [&](std::size_t j, double step) {
      std::vector<double> p = usual(model), c = coefficients;
      if (j < 4)
        p[j] *= std::exp(step);
      else
        c[j - 4] += step;
      return time_varying_log_likelihood(model, p, c, panel.purchases(), panel.look(model), {});
    };
    const auto e = at(0, 0.0);
    for (std::size_t j = 0; j < n; ++j) {
      const auto high = at(j, 1e-5), low = at(j, -1e-5);
      EXPECT_NEAR(e.gradient[j], (high.value - low.value) / 2e-5, 1e-6) << j;
      for (std::size_t i = 0; i < n; ++i)
        EXPECT_NEAR(e.hessian[i * n + j], (high.gradient[i] - low.gradient[i]) / 2e-5, 1e-6);
    }
  }
}

TEST(TimeVarying, SplitsOfPeriodsChangeNothing) {
  const Panel whole(80, 12, 0, 3);
  Panel halves = whole;
  halves.design.clear();
  for (std::size_t row = 0; row < whole.design.size() / 2; ++row)
    for (int k = 0; k < 2; ++k)
      halves.design.insert(halves.design.end(), {whole.design[2 * row], whole.design[2 * row + 1]});
  for (std::size_t i = 0; i < halves.first.size(); ++i) {
    const bool second = halves.phase[i] >= 0.5;
    halves.first[i] = 2 * whole.first[i] + second;
    halves.phase[i] -= second ? 0.5 : 0.0;
    halves.end[i] *= 2;
  }
  for (const auto model : kModels) {
    CovariatePeriods split = halves.look(model);
    split.length = 0.5;
    const auto coefficients = effects(model, {1.4, -0.8, 1.5});
    const auto a = time_varying_log_likelihood(model, usual(model), coefficients, whole.purchases(),
                                               whole.look(model), {});
    const auto b = time_varying_log_likelihood(model, usual(model), coefficients, whole.purchases(),
                                               split, {});
    EXPECT_NEAR(a.value / b.value, 1.0, 1e-13);
    for (std::size_t i = 0; i < a.hessian.size(); ++i)
      EXPECT_NEAR(a.hessian[i], b.hessian[i], 1e-10 * std::abs(a.value));
  }
}

TEST(TimeVarying, ThreadsNeverChangeABit) {
  const Panel panel(1000, 10, 6, 4);
  for (const auto model : kModels) {
    const auto coefficients = effects(model, {0.4, -0.3, 0.5});
    const auto one = time_varying_log_likelihood(model, usual(model), coefficients,
                                                 panel.purchases(), panel.look(model), {1});
    const auto four = time_varying_log_likelihood(model, usual(model), coefficients,
                                                  panel.purchases(), panel.look(model), {4});
    EXPECT_EQ(one.value, four.value);
    EXPECT_EQ(one.gradient, four.gradient);
    EXPECT_EQ(one.hessian, four.hessian);
    const auto a = time_varying_expected_purchases(
        model, usual(model), coefficients, panel.purchases(), panel.look(model), 5, .1, {1});
    const auto b = time_varying_expected_purchases(
        model, usual(model), coefficients, panel.purchases(), panel.look(model), 5, .1, {4});
    for (std::int64_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i], b[i]);
  }
}

TEST(TimeVarying, ExpectationsGrowWithTheHorizonAndShrinkWithADiscount) {
  const Panel panel(40, 10, 12, 5);
  for (const auto model : kModels) {
    const auto coefficients = effects(model, {0.4, -0.3, 0.5});
    const auto expected = [&](double horizon, double rate) {
      return time_varying_expected_purchases(model, usual(model), coefficients, panel.purchases(),
                                             panel.look(model), horizon, rate, {});
    };
    const auto none = expected(0.0, 0.0), few = expected(4.0, 0.0), more = expected(9.0, 0.0);
    const auto later = expected(9.0, 0.1), nearly = expected(9.0, 1e-9);
    for (std::int64_t i = 0; i < few.size(); ++i) {
      EXPECT_EQ(none[i], 0.0);
      EXPECT_LT(few[i], more[i]);
      EXPECT_LT(later[i], more[i]);
      EXPECT_GT(later[i], std::exp(-0.9) * more[i]);
      EXPECT_NEAR(nearly[i] / more[i], 1.0, 1e-7);
    }
  }
}

TEST(TimeVarying, ACustomerAtTheEdgeOfEveryRangeHasALikelihood) {
  // Silent since the first purchase, watched for no time, and a buyer of a million.
  const std::vector<double> x{0, 0, 1e6, 3}, t_x{0, 0, 5.0, 10.0}, age{10.0, 0.0, 9.5, 10.0};
  const std::vector<double> design{600, -600, 3, 0, -20, 9, 1, 1, 0, 0}, phase(4, 0.0);
  const std::vector<std::int64_t> first(4, 0), end(4, 10), column{0};
  std::vector<double> bought(4, 0.0);
  CovariatePeriods periods{design, 1, 1.0, first, end, phase, bought, column, column};
  for (const auto model : kModels) {
    if (model == TimeVaryingModel::bg_nbd) periods.by_dropout = {};
    const std::vector<double> c(model == TimeVaryingModel::bg_nbd ? 1 : 2, 0.5);
    const auto e = time_varying_log_likelihood(model, usual(model), c, {x, t_x, age}, periods, {});
    EXPECT_TRUE(std::isfinite(e.value));
    for (const double g : e.gradient) EXPECT_TRUE(std::isfinite(g));
    for (const double h : e.hessian) EXPECT_TRUE(std::isfinite(h));
  }
}

TEST(TimeVarying, NamesWhatIsWrong) {
  Panel panel(5, 6, 0, 6);
  const auto model = TimeVaryingModel::pareto_nbd;
  const std::vector<double> none{0.0, 0.0, 0.0};
  const auto says = [&](const CovariatePeriods& p, const std::vector<double>& c) {
    return refusal(
        [&] { time_varying_log_likelihood(model, kPareto, c, panel.purchases(), p, {}); });
  };
  EXPECT_EQ(says(panel.look(model), none), "");
  EXPECT_NE(says(panel.look(model), {0.0}).find("coefficients"), std::string::npos);
  EXPECT_NE(says(panel.look(model), {1e4, 0.0, 0.0}).find("1e260"), std::string::npos);

  CovariatePeriods p = panel.look(model);
  p.length = 0.0;
  EXPECT_NE(says(p, none).find("length"), std::string::npos);
  p = panel.look(model);
  const std::vector<std::int64_t> wrong{0, 7};
  p.by_purchase = wrong;
  EXPECT_NE(says(p, none).find("by_purchase"), std::string::npos);
  p = panel.look(model);
  std::vector<std::int64_t> short_end = panel.end;
  short_end[3] = panel.first[3];
  p.end = short_end;
  EXPECT_NE(says(p, none).find("first[3]"), std::string::npos);
  EXPECT_NE(refusal([&] {
              time_varying_expected_purchases(model, kPareto, none, panel.purchases(),
                                              panel.look(model), 7.0, 0.0, {});
            }).find("periods[0]"),
            std::string::npos);
  panel.design[9] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_NE(says(panel.look(model), none).find("design[4]"), std::string::npos);
}

}  // namespace
}  // namespace tenure::clv
