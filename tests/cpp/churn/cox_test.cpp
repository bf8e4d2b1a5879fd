#include "tenure/churn/cox.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tenure/churn/cox_exact.hpp"
#include "tenure/churn/cox_net.hpp"
#include "tenure/churn/cox_residuals.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::churn {
namespace {

using Doubles = std::vector<double>;
using Flags = std::vector<std::uint8_t>;

// Therneau's first case: Breslow's estimate is log((3 + sqrt(33)) / 2).
const Doubles kTime{9, 1, 1, 6, 6, 8};
const Flags kChurned{1, 1, 0, 1, 1, 0};
const Doubles kX{0, 1, 1, 1, 0, 0};

CoxData first_case() { return prepare_cox({kX, 1, kTime, kChurned}); }

CoxFit fit(const CoxData& d, CoxMethod ties) { return fit_cox(d, {.ties = ties}); }

TEST(Cox, MeetsTheClosedFormOfBreslow) {
  const CoxData d = first_case();
  const CoxFit f = fit(d, CoxMethod::breslow);
  EXPECT_EQ(f.status, CoxStatus::converged);
  EXPECT_NEAR(f.beta[0] / d.scale[0], std::log((3 + std::sqrt(33.0)) / 2), 1e-12);
  EXPECT_NEAR(f.log_likelihood, -3.824749505003, 1e-11);
}

TEST(Cox, MeetsThePublishedValueOfEfron) {
  const CoxData d = first_case();
  const CoxFit f = fit(d, CoxMethod::efron);
  EXPECT_NEAR(f.beta[0] / d.scale[0], 1.676857485593, 1e-11);
  EXPECT_NEAR(f.null_log_likelihood, -4.276666119016, 1e-11);
}

TEST(Cox, ProvesThatExactTiesHaveNoMaximum) {
  const CoxFit f = fit(first_case(), CoxMethod::exact);
  EXPECT_EQ(f.status, CoxStatus::monotone);
  ASSERT_EQ(f.direction.size(), 1u);
  EXPECT_GT(f.direction[0], 0.0);
}

TEST(Cox, LeavesOutRowsThatMeetNoChurn) {
  // Censored before the first churn, and under observation only between two of them.
  const Doubles x{1, 2, 3, 4, 9}, time{5, 7, 1, 8, 6.5}, entry{0, 0, 0, 0, 5.5};
  const Flags churned{1, 1, 0, 0, 0};
  CoxSample sample{x, 1, time, churned};
  sample.entry = entry;
  const CoxData d = prepare_cox(sample);
  EXPECT_EQ(d.rows(), 3);
  EXPECT_EQ(d.slots(), 3);
  EXPECT_TRUE(d.deaths.back() == 0);
}

TEST(Cox, ScoreResidualsAddUpToTheScore) {
  const CoxData d = first_case();
  CoxLikelihood l(d, Ties::efron);
  const Doubles beta{0.7};
  l.move(beta, {});
  double sum = 0.0;
  for (const double r : score_residuals(l)) sum += r;
  EXPECT_NEAR(sum, l.point({}).score[0], 1e-12);
}

TEST(Cox, NamesTheBadCell) {
  const Doubles x{0, 1, NAN, 1, 0, 0};
  try {
    prepare_cox({x, 1, kTime, kChurned});
    FAIL();
  } catch (const InvalidInput& e) {
    EXPECT_EQ(e.argument(), "X");
    EXPECT_EQ(e.row(), 2);
  }
}

TEST(Cox, RefusesALifeThatEndsBeforeItBegins) {
  const Doubles entry{0, 0, 0, 7, 0, 0};
  CoxSample sample{kX, 1, kTime, kChurned};
  sample.entry = entry;
  EXPECT_THROW(prepare_cox(sample), InvalidInput);
}

TEST(Cox, SaysThatNobodyChurned) {
  const Flags nobody(6, 0);
  const CoxData d = prepare_cox({kX, 1, kTime, nobody});
  EXPECT_THROW(fit(d, CoxMethod::efron), InvalidInput);
}

TEST(Cox, RefusesOffsetsThatCannotBeCompared) {
  const auto refused = [](const Doubles& offset, std::int64_t row) {
    CoxSample sample{kX, 1, kTime, kChurned};
    sample.offset = offset;
    try {
      prepare_cox(sample);
    } catch (const InvalidInput& e) {
      return e.argument() == "offset" && e.row() == row;
    }
    return false;
  };
  EXPECT_TRUE(refused({0, 0, -1e300, 0, 0, 0}, 2));
  EXPECT_TRUE(refused({0, 0, 0, 0, 701, 0}, 0));
  EXPECT_FALSE(refused({1e6, 1e6, 1e6, 1e6, 1e6, 1e6 - 700}, 5));
}

TEST(Cox, PathIsTheSameForAnyThreads) {
  Doubles x, time;
  Flags churned;
  for (int i = 0; i < 20'000; ++i) {
    x.push_back(std::sin(i));
    x.push_back(std::cos(i * i));
    time.push_back(1.0 + (i * 7919) % 5000 / (2.0 + std::sin(i)));
    churned.push_back(i % 3 != 0);
  }
  const CoxData d = prepare_cox({x, 2, time, churned});
  const Doubles one{1.0, 1.0};
  ElasticNetSettings settings;
  settings.lasso = settings.ridge = one;
  settings.penalties = 20;
  const ElasticNetPath alone = cox_net(d, Ties::breslow, settings),
                       together = cox_net(d, Ties::breslow, settings, {.threads = 3});
  EXPECT_EQ(alone.beta, together.beta);
  EXPECT_EQ(alone.log_likelihood, together.log_likelihood);
}

TEST(Cox, SaysWhatIsNotIdentified) {
  const Doubles x{0, 0, 1, 2, 1, 2, 1, 2, 0, 0, 0, 0};
  const CoxData d = prepare_cox({x, 2, kTime, kChurned});
  const CoxFit f = fit(d, CoxMethod::breslow);
  EXPECT_EQ(f.status, CoxStatus::unidentified);
  EXPECT_NEAR(f.unidentified[0] + f.unidentified[3], 1.0, 1e-9);
}

TEST(Cox, PathBeginsAtZeroAndEndsNearTheMaximum) {
  const CoxData d = first_case();
  const Doubles one{1.0};
  ElasticNetSettings settings;
  settings.lasso = settings.ridge = one;
  settings.least = 1e-8;
  settings.tolerance = 1e-10;
  const ElasticNetPath path = cox_net(d, Ties::breslow, settings);
  EXPECT_EQ(path.beta.front(), 0.0);
  EXPECT_NEAR(path.beta.back() / d.scale[0], 1.475284914829, 1e-6);
  for (const auto converged : path.converged) EXPECT_TRUE(converged);
}

}  // namespace
}  // namespace tenure::churn
