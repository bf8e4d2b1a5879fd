#include "tenure/churn/survival_measures.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tenure/support/errors.hpp"

namespace tenure::churn {
namespace {

using Doubles = std::vector<double>;
using Flags = std::vector<std::uint8_t>;

IpcwData prepared(const Doubles& duration, const Flags& churned,
                  CensoringTies ties = CensoringTies::churn_first,
                  CensoringLimit limit = CensoringLimit::before) {
  return prepare_ipcw({duration, churned}, std::nullopt, ties, limit);
}

TEST(CensoringCurve, LetsChurnAtATimeComeFirst) {
  // At 2 one of two who are left is censored: the third churned at 2 is gone by then.
  const Doubles duration{1, 2, 2, 3};
  const Flags churned{0, 1, 0, 1};
  const auto first = prepared(duration, churned);
  EXPECT_DOUBLE_EQ(first.censoring.value(first.censoring.through(1.0)), 0.75);
  EXPECT_DOUBLE_EQ(first.censoring.value(first.censoring.through(2.0)), 0.375);
  EXPECT_DOUBLE_EQ(first.inverse[1], 1.0 / 0.75);
  const auto strict = prepared(duration, churned, CensoringTies::strict, CensoringLimit::at);
  EXPECT_DOUBLE_EQ(strict.inverse[1], 1.0 / 0.5);
}

TEST(UnoConcordance, WeighsPairsByWhoWasStillSeen) {
  // The churn at 1 weighs 1 and meets 3; that at 3 weighs (3/2)^2 and meets the one at 4.
  const Doubles duration{1, 2, 3, 4}, score{4, 3, 1, 2};
  const Flags churned{1, 0, 1, 1};
  const auto c = uno_concordance(prepared(duration, churned), score, INFINITY);
  EXPECT_DOUBLE_EQ(c.concordant, 3.0);
  EXPECT_DOUBLE_EQ(c.discordant, 2.25);
  EXPECT_DOUBLE_EQ(c.value, 3.0 / 5.25);
  const auto early = uno_concordance(prepared(duration, churned), score, 3.0);
  EXPECT_DOUBLE_EQ(early.value, 1.0);
  EXPECT_EQ(early.churned, 1);
}

TEST(UnoConcordance, StopsWhereNobodysCensoringIsKnown) {
  const Doubles duration{1, 2, 3}, score{3, 2, 1}, train{1.5, 2.0};
  const Flags churned{1, 1, 1}, censored{0, 0};
  const auto data = prepare_ipcw({duration, churned}, LifetimeRows{train, censored},
                                 CensoringTies::churn_first, CensoringLimit::at);
  const auto c = uno_concordance(data, score, INFINITY);
  EXPECT_EQ(c.tau, 2.0);
  EXPECT_EQ(c.churned, 1);
}

TEST(DynamicAuc, ComparesWhoChurnedWithWhoWasSeenBeyond) {
  const Doubles duration{1, 2, 3, 4}, score{4, 1, 3, 2}, times{2.5, 3.5};
  const Flags churned{1, 1, 0, 0};
  const auto auc = dynamic_auc(prepared(duration, churned), score, times);
  EXPECT_DOUBLE_EQ(auc.value[0], 0.5);
  EXPECT_DOUBLE_EQ(auc.value[1], 0.5);
  EXPECT_EQ(auc.beyond[1], 1.0);
}

TEST(Scorable, LeavesOutTimesThatNobodySawBeyond) {
  const Doubles duration{2, 3, 5, 5}, times{1, 2, 4, 5, 6};
  const auto found = scorable(prepared(duration, Flags{1, 1, 0, 0}), times, true);
  EXPECT_EQ(found, (std::vector{Scorable::nobody_churned, Scorable::yes, Scorable::yes,
                                Scorable::nobody_beyond, Scorable::nobody_beyond}));
}

TEST(Brier, IsThatOfTheCurveWhereEverybodyHasIt) {
  const Doubles duration{1, 2, 3, 4};
  const auto data = prepared(duration, Flags{1, 0, 1, 0});
  const auto b = brier_at(data, Doubles{0.375, 0.375, 0.375, 0.375}, 3.0);
  EXPECT_DOUBLE_EQ(b.score, b.null_score);
  EXPECT_NEAR(b.score, 0.375 * 0.625, 1e-15);
}

TEST(DCalibration, SpreadsWhoWasCensored) {
  const auto d = d_calibration(Doubles{0.9, 0.75}, Flags{1, 0}, 2);
  EXPECT_NEAR(d.expected_share[0], (0.5 / 0.75) / 2.0, 1e-15);
  EXPECT_NEAR(d.expected_share[1], (1.0 + 0.25 / 0.75) / 2.0, 1e-15);
}

TEST(SurvivalMeasures, NameTheBadRow) {
  const Doubles duration{1, 2};
  const Flags churned{1, 0};
  const auto data = prepared(duration, churned);
  const auto row_of = [](const auto& call) {
    try {
      call();
    } catch (const InvalidInput& e) {
      return e.row();
    }
    return std::int64_t{-2};
  };
  EXPECT_EQ(row_of([&] { uno_concordance(data, Doubles{1, NAN}, 1.0); }), 1);
  EXPECT_EQ(row_of([&] { dynamic_auc(data, Doubles{NAN, 1}, Doubles{1.0}); }), 0);
  EXPECT_EQ(row_of([&] { brier_at(data, Doubles{0.5, 1.5}, 1.0); }), 1);
  EXPECT_EQ(row_of([&] { d_calibration(Doubles{0.5, -0.1}, churned, 4); }), 1);
  EXPECT_EQ(row_of([&] { prepared(Doubles{1, -1}, churned); }), 1);
}

}  // namespace
}  // namespace tenure::churn
