#include "tenure/survival/log_rank.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tenure/support/errors.hpp"

namespace tenure::survival {
namespace {

struct Rows {
  std::vector<double> duration;
  std::vector<std::uint8_t> churned;
  std::vector<std::int32_t> group;
  std::int32_t groups = 2;

  GroupedSample view() const { return {duration, churned, group, groups}; }
};

// Weeks in remission of 42 patients with leukaemia, 6-MP and placebo. [Freireich et al. 1963, Blood
// 21:699-716; Cox 1972, JRSS B 34:187-220, table 1]
Rows remissions() {
  return {{6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35,
           1, 1, 2, 2, 3, 4, 4,  5,  5,  8,  8,  8,  8,  11, 11, 12, 12, 15, 17, 22, 23},
          {1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0,
           1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
          {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
           1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}};
}

// R's survdiff prints 19.3 and 10.7 expected, 16.8 on 1 df; the digits are those of the definition
// in rational numbers.
TEST(LogRank, EqualsThePublishedTestOfRemissions) {
  const Rows rows = remissions();
  const RankTest test = log_rank(rows.view());
  EXPECT_EQ(test.events, (std::vector<std::int64_t>{9, 21}));
  EXPECT_NEAR(test.expected[0], 19.25050094803113, 1e-12);
  EXPECT_NEAR(test.expected[1], 10.74949905196887, 1e-12);
  EXPECT_NEAR(test.statistic, 16.792940989216532, 1e-12);
  EXPECT_EQ(test.df, 1);
  EXPECT_NEAR(test.p_value / 4.16880910933e-5, 1.0, 1e-11);
}

TEST(LogRank, WeighsTimesAsAsked) {
  const Rows rows = remissions();
  const auto statistic = [&](RankWeight weight, double rho = 0.0, double gamma = 0.0) {
    return log_rank(rows.view(), {weight, rho, gamma}).statistic;
  };
  EXPECT_NEAR(statistic(RankWeight::gehan), 13.457852049631066, 1e-11);
  EXPECT_NEAR(statistic(RankWeight::fleming_harrington, 1.0), 14.457150818717132, 1e-11);
  EXPECT_NEAR(statistic(RankWeight::fleming_harrington), statistic(RankWeight::log_rank), 1e-11);
}

// At 1: n = 4, d = 1, of group 0 two at risk and one event; at 2: n = 3, d = 2, one and one.
TEST(LogRank, CountsTiesByTheHypergeometricVariance) {
  const Rows rows{{1, 2, 2, 3}, {1, 1, 1, 0}, {0, 0, 1, 1}};
  const RankTest test = log_rank(rows.view());
  EXPECT_NEAR(test.expected[0], 2.0 / 4 + 2.0 / 3, 1e-15);
  const double variance = 1.0 * 3 / 3 * (2.0 / 4) * (2.0 / 4) + 2.0 * 1 / 2 * (1.0 / 3) * (2.0 / 3);
  EXPECT_NEAR(test.variance[0], variance, 1e-15);
  EXPECT_NEAR(test.variance[1], -variance, 1e-15);
  EXPECT_NEAR(test.statistic, std::pow(2.0 - 7.0 / 6, 2) / variance, 1e-14);
}

TEST(LogRank, AStratumIsAWorldOfItsOwn) {
  Rows rows{{1, 2, 5, 9, 1, 3, 3, 4}, {1, 1, 0, 1, 1, 1, 0, 1}, {0, 1, 1, 0, 1, 0, 1, 0}};
  const std::vector<std::int32_t> stratum{0, 0, 0, 0, 1, 1, 1, 1};
  GroupedSample both = rows.view();
  both.stratum = stratum;
  both.strata = 2;
  const RankTest test = log_rank(both);
  double u = 0.0, v = 0.0;
  for (const std::size_t first : {0u, 4u}) {
    const auto part = [&](auto values) {
      return decltype(values)(values.begin() + static_cast<std::ptrdiff_t>(first),
                              values.begin() + static_cast<std::ptrdiff_t>(first) + 4);
    };
    const Rows alone{part(rows.duration), part(rows.churned), part(rows.group)};
    const RankTest one = log_rank(alone.view());
    u += one.observed[0] - one.expected[0];
    v += one.variance[0];
  }
  EXPECT_NEAR(test.statistic, u * u / v, 1e-14);
}

TEST(LogRank, LateEntriesAreNotAtRiskBefore) {
  // Row 3 comes at 2: it is at risk at 3 and not at 1 or 2.
  const Rows rows{{1, 2, 3, 4}, {1, 1, 1, 0}, {0, 1, 0, 1}};
  const std::vector<double> entry{0, 0, 0, 2};
  GroupedSample sample = rows.view();
  sample.entry = entry;
  const RankTest test = log_rank(sample);
  EXPECT_NEAR(test.expected[0], 2.0 / 3 + 1.0 / 2 + 1.0 / 2, 1e-15);
}

TEST(LogRank, HasNoDegreeOfFreedomWithoutOverlap) {
  const Rows apart{{1, 1, 5, 6}, {1, 1, 0, 1}, {0, 0, 1, 1}};
  std::vector<double> entry{0, 0, 2, 2};
  GroupedSample sample = apart.view();
  sample.entry = entry;
  const RankTest test = log_rank(sample);
  EXPECT_EQ(test.df, 0);
  EXPECT_EQ(test.p_value, 1.0);
  // A third group whose rows are gone before the first event does not count either.
  const Rows gone{{1, 2, 3, 4, 0.5}, {1, 1, 1, 1, 0}, {0, 1, 0, 1, 2}, 3};
  EXPECT_EQ(log_rank(gone.view()).df, 1);
  const Rows nobody{{}, {}, {}, 2};
  EXPECT_EQ(log_rank(nobody.view()).p_value, 1.0);
}

TEST(LogRank, RobustVarianceByHand) {
  // At 1 all four are at risk, half of each group, and the first of group 0 leaves: scores 1/2 (1 -
  // 1/4), -1/2 /4, and twice 1/2 /4. At 2 one of group 0, two of 1: 2/3 of -1/3, -1/3 of 2/3, and
  // 1/3 of 1/3. Nothing is left to compare at 3.
  const std::vector<double> time{1.0, 3.0, 2.0, 3.0};
  const std::vector<std::uint8_t> churned{1, 0, 1, 0};
  const std::vector<std::int32_t> group{0, 0, 1, 1};
  const RankTest test = log_rank({time, churned, group, 2}, {RankWeight::log_rank, 0.0, 0.0, true});
  EXPECT_NEAR(test.observed[0] - test.expected[0], 0.5 - 1.0 / 3, 1e-15);
  const double u[] = {3.0 / 8, -1.0 / 8 - 2.0 / 9, 1.0 / 8 - 2.0 / 9, 1.0 / 8 + 1.0 / 9};
  double v = 0.0;
  for (const double x : u) v += x * x;
  EXPECT_NEAR(test.variance[0], v, 1e-15);
  EXPECT_NEAR(test.variance[1], -v, 1e-15);
  EXPECT_EQ(test.df, 1);
}

TEST(LogRank, NamesTheBadRow) {
  const auto blame = [](Rows rows, const char* argument, std::int64_t row) {
    try {
      log_rank(rows.view());
      FAIL() << argument;
    } catch (const InvalidInput& e) {
      EXPECT_EQ(e.argument(), argument);
      EXPECT_EQ(e.row(), row);
    }
  };
  blame({{1, -1}, {1, 1}, {0, 1}}, "duration", 1);
  blame({{1, 1}, {1, 2}, {0, 1}}, "churned", 1);
  blame({{1, 1}, {1, 1}, {0, 2}}, "group", 1);
  blame({{1, 1}, {1, 1}, {-1, 1}}, "group", 0);
  blame({{1, 1}, {1}, {0, 1}}, "churned", -1);
  blame({{1}, {1}, {0}, 0}, "group", -1);
  blame({{1}, {1}, {0}, 5000}, "group", -1);
  const Rows rows = remissions();
  EXPECT_THROW(log_rank(rows.view(), {RankWeight::fleming_harrington, -1.0}), InvalidInput);
}

}  // namespace
}  // namespace tenure::survival
