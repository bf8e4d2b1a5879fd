#include "tenure/segment/rfm.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tenure/support/errors.hpp"
#include "tenure/support/random.hpp"

namespace tenure::segment {
namespace {

constexpr double kHuge = std::numeric_limits<double>::max();

TEST(OrderStatistics, AreThoseOfSorting) {
  RandomStream random(1, 0);
  for (const std::int64_t n : {1, 2, 100, 4096, 4097, 50'000})
    for (const int kind : {0, 1, 2, 3}) {
      std::vector<double> x;
      for (std::int64_t i = 0; i < n; ++i)
        x.push_back(kind == 0   ? random.normal() * 1e6
                    : kind == 1 ? static_cast<double>(random.below(3))  // heavy ties
                    : kind == 2 ? 1.0 + static_cast<double>(random.below(5000)) * 0x1p-52
                                : 0.0);
      if (n > 4) x[0] = -kHuge, x[1] = kHuge, x[2] = -0.0, x[3] = 5e-324;
      std::vector<double> sorted = x;
      std::ranges::sort(sorted);
      std::vector<std::int64_t> ranks;
      for (std::int64_t q = 0; q <= 10; ++q) ranks.push_back((n - 1) * q / 10);
      const auto found = order_statistics(x, ranks, {1});
      for (std::size_t r = 0; r < ranks.size(); ++r)
        ASSERT_EQ(found[r], sorted[ranks[r]]) << n << " " << kind << " " << ranks[r];
    }
}

std::vector<int> ints(const Buffer<std::uint8_t>& b) { return {b.span().begin(), b.span().end()}; }

// Seven of ten customers have one order: they lie on the first three cut points and beat none.
TEST(RfmScores, GiveTiesTheLowestScoreTheySpan) {
  const std::vector<double> orders{1, 1, 1, 1, 1, 1, 1, 2, 3, 8};
  const std::vector<double> days{7, 7, 7, 7, 7, 7, 7, 30, 60, 90};
  const auto found = rfm_scores({days, orders}, RfmScoring::quantile, 5, {}, {1});
  EXPECT_EQ(ints(found.score[1]), (std::vector<int>{1, 1, 1, 1, 1, 1, 1, 4, 5, 5}));
  EXPECT_EQ(found.cut[1], (std::vector<double>{1, 1, 1, 2.2}));
  // Fewer days are better: the seven recent ones beat 36 days and lie on the other cut points.
  EXPECT_EQ(ints(found.score[0]), (std::vector<int>{2, 2, 2, 2, 2, 2, 2, 2, 1, 1}));
  EXPECT_EQ(found.cut[0], (std::vector<double>{7, 7, 7, 36}));
  EXPECT_TRUE(found.score[2].empty());
}

TEST(RfmScores, SplitTiesByRowInEqualTiles) {
  const std::vector<double> days(7, 3.0);
  const std::vector<double> orders{5, 1, 1, 4, 1, 1, 9};
  const auto found = rfm_scores({days, orders}, RfmScoring::ntile, 3, {}, {1});
  EXPECT_EQ(ints(found.score[0]), (std::vector<int>{1, 1, 1, 2, 2, 3, 3}));  // 3 + 2 + 2
  EXPECT_EQ(ints(found.score[1]), (std::vector<int>{3, 1, 1, 2, 1, 2, 3}));
}

TEST(RfmScores, NestWithinTheFormerScore) {
  const std::vector<double> days{1, 2, 3, 4};
  const std::vector<double> orders{9, 1, 1, 9};
  const std::vector<double> money{1, 1, 5, 5};
  const auto found = rfm_scores({days, orders, money}, RfmScoring::nested, 2, {}, {1});
  EXPECT_EQ(ints(found.score[0]), (std::vector<int>{2, 2, 1, 1}));
  EXPECT_EQ(ints(found.score[1]), (std::vector<int>{2, 1, 1, 2}));
  EXPECT_EQ(ints(found.score[2]), (std::vector<int>{1, 1, 1, 1}));  // alone in their cells
}

TEST(RfmScores, TakeCutPointsThatAreGiven) {
  const std::vector<double> days{0, 29, 30, 31, 90, 91};
  const std::vector<double> orders{1, 2, 2, 3, 3, 4};
  const auto found = rfm_scores({days, orders}, RfmScoring::fixed, 3,
                                {std::vector<double>{30, 90}, {2, 3}, {}}, {1});
  EXPECT_EQ(ints(found.score[0]), (std::vector<int>{3, 3, 2, 2, 1, 1}));
  EXPECT_EQ(ints(found.score[1]), (std::vector<int>{1, 1, 1, 2, 2, 3}));
}

TEST(RfmScores, DoNotDependOnTheThreadCount) {
  std::vector<double> days, orders, money;
  for (std::uint64_t i = 0; i < 60'000; ++i) {
    RandomStream random(3, i);
    days.push_back(static_cast<double>(random.below(400)));
    orders.push_back(1.0 + std::floor(random.exponential()));
    money.push_back(random.normal());
  }
  for (const RfmScoring how : {RfmScoring::quantile, RfmScoring::ntile, RfmScoring::nested}) {
    const auto once = rfm_scores({days, orders, money}, how, 5, {}, {1});
    for (const int threads : {2, 3, 16}) {
      const auto again = rfm_scores({days, orders, money}, how, 5, {}, {threads});
      for (std::size_t c = 0; c < 3; ++c)
        EXPECT_TRUE(std::ranges::equal(again.score[c].span(), once.score[c].span()));
    }
  }
}

TEST(RfmScores, StopWhenAsked) {
  const std::vector<double> x(2'000'000, 1.0);
  Interrupt interrupt([] { return true; });
  std::this_thread::sleep_for(std::chrono::milliseconds(15));
  EXPECT_THROW(rfm_scores({x, x, x}, RfmScoring::ntile, 5, {}, {1, &interrupt}), Interrupted);
}

template <class Call>
void throws_at(const char* argument, std::int64_t row, const Call& call) {
  try {
    call();
    ADD_FAILURE() << "no error about " << argument;
  } catch (const InvalidInput& e) {
    EXPECT_EQ(e.argument(), argument) << e.what();
    EXPECT_EQ(e.row(), row) << e.what();
  }
}
TEST(RfmScores, NameWhatIsWrong) {
  const std::vector<double> good{1, 2, 3};
  const auto call = [&](std::vector<double> days, std::vector<double> orders,
                        std::vector<double> money, int bins = 5,
                        RfmScoring how = RfmScoring::quantile,
                        std::array<std::vector<double>, 3> cut = {}) {
    return [=] { rfm_scores({days, orders, money}, how, bins, cut, {1}); };
  };
  throws_at("days_since_last", -1, call({}, {}, {}));
  throws_at("days_since_last", 1, call({1, -1, 2}, good, good));
  throws_at("days_since_last", 2, call({1, 1, NAN}, good, good));
  throws_at("orders", 0, call(good, {-0.5, 1, 1}, good));
  throws_at("orders", -1, call(good, {1}, good));
  throws_at("monetary", 2, call(good, good, {1, 1, INFINITY}));
  throws_at("bins", -1, call(good, good, good, 1));
  throws_at("bins", -1, call(good, good, good, 11));
  throws_at("cuts", -1, call(good, good, good, 3, RfmScoring::fixed));
  throws_at(
      "cuts", 1,
      call(good, good, good, 3, RfmScoring::fixed, {std::vector<double>{1, 2}, {2, 1}, {1, 2}}));
}

}  // namespace
}  // namespace tenure::segment
