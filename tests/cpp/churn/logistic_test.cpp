#include "tenure/churn/logistic.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tenure/churn/logistic_likelihood.hpp"
#include "tenure/churn/logistic_net.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::churn {
namespace {

using Doubles = std::vector<double>;
using Flags = std::vector<std::uint8_t>;

// Two groups: 1 of 4 and 2 of 3 have the event, so that the estimates are log-odds by hand.
const Doubles kX{0, 0, 0, 0, 1, 1, 1};
const Flags kEvent{1, 0, 0, 0, 1, 1, 0};

LogisticData groups() { return prepare_logistic({kX, 1, kEvent}); }

TEST(Logistic, MeetsTheLogOddsOfTwoGroups) {
  const LogisticData d = groups();
  const LogisticFit f = fit_logistic(d, {});
  ASSERT_EQ(f.status, LogisticStatus::converged);
  const double slope = f.beta[1] / d.scale[0];
  EXPECT_NEAR(slope, std::log(2.0) - std::log(1.0 / 3.0), 1e-12);
  EXPECT_NEAR(f.beta[0] - d.centre[0] * slope, std::log(1.0 / 3.0), 1e-12);
  EXPECT_NEAR(f.log_likelihood,
              std::log(0.25) + 3 * std::log(0.75) + 2 * std::log(2.0 / 3) + std::log(1.0 / 3),
              1e-12);
  // Woolf's variance of a log odds ratio.
  EXPECT_NEAR(f.covariance[3] / d.scale[0] / d.scale[0], 1.0 + 1.0 / 3 + 1.0 / 2 + 1.0, 1e-7);
}

TEST(Logistic, NamesTheBadRow) {
  Doubles x = kX;
  x[5] = std::numeric_limits<double>::quiet_NaN();
  try {
    prepare_logistic({x, 1, kEvent});
    FAIL();
  } catch (const InvalidInput& error) {
    EXPECT_EQ(error.argument(), "X");
    EXPECT_EQ(error.row(), 5);
  }
  const Doubles weight{1, 1, 1, -1, 1, 1, 1};
  LogisticSample sample{kX, 1, kEvent};
  sample.weight = weight;
  EXPECT_THROW(prepare_logistic(sample), InvalidInput);
}

TEST(Logistic, RefusesOneClass) {
  const Flags all(7, 1);
  EXPECT_THROW(fit_logistic(prepare_logistic({kX, 1, all}), {}), InvalidInput);
}

TEST(Logistic, ProvesCompleteSeparation) {
  const Doubles x{1, 2, 3, 4, 5, 6};
  const Flags event{0, 0, 0, 1, 1, 1};
  const LogisticFit f = fit_logistic(prepare_logistic({x, 1, event}), {});
  EXPECT_EQ(f.status, LogisticStatus::complete_separation);
  ASSERT_EQ(f.direction.size(), 2u);
  EXPECT_EQ(f.direction[1], 1.0);
  EXPECT_EQ(f.separated, 6);
}

TEST(Logistic, ProvesQuasiSeparationAndCountsItsRows) {
  // The second column is 1 for two rows only, both events.
  const Doubles x{0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 1, 1, 1, 2, 0};
  const Flags event{0, 1, 0, 1, 0, 1, 1, 1};
  const LogisticFit f = fit_logistic(prepare_logistic({x, 2, event}), {});
  EXPECT_EQ(f.status, LogisticStatus::quasi_separation);
  ASSERT_EQ(f.direction.size(), 3u);
  EXPECT_GT(f.direction[2], 0.3);
  EXPECT_NEAR(f.direction[1], 0.0, 1e-6);
  EXPECT_EQ(f.separated, 2);
}

TEST(Logistic, FindsWhatIsNotIdentified) {
  const Doubles x{1, 2, 2, 4, 3, 6, 4, 8, 5, 10, 6, 12};
  const Flags event{0, 1, 0, 1, 0, 1};
  const LogisticFit f = fit_logistic(prepare_logistic({x, 2, event}), {});
  EXPECT_EQ(f.status, LogisticStatus::unidentified);
  EXPECT_NEAR(f.unidentified[0], 0.0, 1e-9);
  EXPECT_NEAR(f.unidentified[4], 0.5, 1e-9);
  EXPECT_NEAR(f.unidentified[5], -0.5, 1e-9);
}

/// Rows enough for several blocks and for a start from some of them.
struct Many {
  std::int64_t rows = 150'001;
  Doubles x, weight, offset;
  Flags event;
  Many() {
    std::uint64_t state = 12345;
    const auto uniform = [&] {
      state = state * 6364136223846793005u + 1442695040888963407u;
      return static_cast<double>(state >> 11) * 0x1p-53;
    };
    for (std::int64_t i = 0; i < rows; ++i) {
      const double a = uniform() * 4 - 2, b = 1e6 + uniform(), c = uniform() < 0.1 ? 1.0 : 0.0;
      x.insert(x.end(), {a, b, c});
      weight.push_back(i % 3 == 0 ? 2.0 : i % 7 == 0 ? 0.0 : 1.0);
      offset.push_back(uniform() - 0.5);
      const double eta = -1.0 + a - 0.5 * c + offset.back();
      event.push_back(uniform() < 1 / (1 + std::exp(-eta)) ? 1 : 0);
    }
  }
  LogisticData prepared() const {
    LogisticSample sample{x, 3, event};
    sample.weight = weight;
    sample.offset = offset;
    return prepare_logistic(sample);
  }
};

TEST(Logistic, HasAScoreOfZeroAndTheSameBitsForEveryThreadCount) {
  const Many many;
  const LogisticData d = many.prepared();
  const LogisticFit one = fit_logistic(d, {}, {1}), three = fit_logistic(d, {}, {3});
  ASSERT_EQ(one.status, LogisticStatus::converged);
  EXPECT_EQ(one.beta, three.beta);
  EXPECT_EQ(one.covariance, three.covariance);
  EXPECT_LE(one.iterations, 3);  // a start from a sixteenth of the rows leaves little to do
  // The definition, row by row, of what should be zero.
  Doubles score(4, 0.0);
  double value = 0.0;
  for (std::int64_t i = 0; i < d.rows; ++i) {
    const auto at = static_cast<std::size_t>(i);
    double eta = one.beta[0] + many.offset[at];
    Doubles z{1.0, 0, 0, 0};
    for (std::size_t j = 0; j < 3; ++j) {
      z[j + 1] = (many.x[3 * at + j] - d.centre[j]) / d.scale[j];
      eta += z[j + 1] * one.beta[j + 1];
    }
    const double mu = 1 / (1 + std::exp(-eta));
    value += many.weight[at] * std::log(many.event[at] ? mu : 1 - mu);
    for (std::size_t j = 0; j < 4; ++j) score[j] += many.weight[at] * (many.event[at] - mu) * z[j];
  }
  for (const double s : score) EXPECT_NEAR(s, 0.0, 1e-6);
  EXPECT_NEAR(one.log_likelihood, value, 1e-7);
}

TEST(Logistic, ClustersOfOneRowAreRows) {
  const LogisticData d = groups();
  const LogisticFit f = fit_logistic(d, {});
  const std::vector<std::int32_t> own{6, 5, 4, 3, 2, 1, 0};
  const auto rows = logistic_score_products(d, f.beta, {}, 0, {});
  const auto clusters = logistic_score_products(d, f.beta, own, 7, {});
  for (std::size_t k = 0; k < rows.size(); ++k) EXPECT_NEAR(rows[k], clusters[k], 1e-14);
}

TEST(LogisticNet, BeginsWhereTheFirstColumnEnters) {
  const LogisticData d = groups();
  ElasticNetSettings settings;
  settings.lasso = settings.ridge = {0, 1};
  settings.penalties = 5;
  settings.tolerance = 1e-10;
  const ElasticNetPath path = logistic_net(d, settings);
  ASSERT_EQ(path.penalty.size(), 5u);
  EXPECT_EQ(path.beta[1], 0.0);
  EXPECT_GT(path.beta[3], 0.0);
  // At no column, the score is the covariance of the column with the event.
  EXPECT_NEAR(path.penalty[0], (2.0 - 3.0 * 3.0 / 7.0) / 7.0 / d.scale[0], 1e-12);
}

}  // namespace
}  // namespace tenure::churn
