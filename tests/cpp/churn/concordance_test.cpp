#include "tenure/churn/concordance.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tenure/support/errors.hpp"

namespace tenure::churn {
namespace {

using Doubles = std::vector<double>;
using Flags = std::vector<std::uint8_t>;

TEST(Concordance, CountsThePairsOfFourLives) {
  const Doubles duration{2, 4, 6, 8}, score{3, 1, 2, 0};
  const Flags churned{1, 1, 0, 1};
  const auto c = concordance({duration, churned, score});
  EXPECT_EQ(c.concordant, 4.0);
  EXPECT_EQ(c.discordant, 1.0);
  EXPECT_DOUBLE_EQ(c.value, 0.8);
}

TEST(Concordance, TiesOfScoreCountOneHalfAndTiesOfTimeNothing) {
  const Doubles duration{1, 1, 2, 3}, score{5, 5, 5, 1};
  const Flags churned{1, 1, 0, 0};
  const auto c = concordance({duration, churned, score});
  EXPECT_EQ(c.concordant, 2.0);
  EXPECT_EQ(c.tied_score, 2.0);
  EXPECT_EQ(c.tied_both, 1.0);
  EXPECT_DOUBLE_EQ(c.value, 0.75);
}

TEST(Concordance, IsNotANumberWithoutAPair) {
  const Doubles duration{1, 1}, score{1, 2};
  const auto c = concordance({duration, Flags{0, 0}, score});
  EXPECT_TRUE(std::isnan(c.value));
}

TEST(Concordance, NamesTheBadRow) {
  const Doubles duration{1, 2}, score{1, NAN};
  try {
    concordance({duration, Flags{1, 0}, score});
    FAIL();
  } catch (const InvalidInput& e) {
    EXPECT_EQ(e.argument(), "score");
    EXPECT_EQ(e.row(), 1);
  }
}

}  // namespace
}  // namespace tenure::churn
