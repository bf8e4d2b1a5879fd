#include "tenure/clv/repeat_purchases.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

#include "tenure/support/errors.hpp"
#include "tenure/support/random.hpp"

namespace tenure::clv {
namespace {

struct Columns {
  std::vector<double> x, t_x, age, weight;
  RepeatPurchases view() const {
    RepeatPurchases p{x, t_x, age};
    if (!weight.empty()) p.weight = weight;
    return p;
  }
};

Columns random_customers(int n, bool on_days, int seed) {
  RandomStream random(static_cast<std::uint64_t>(seed), 0);
  Columns c;
  for (int i = 0; i < n; ++i) {
    const double age = on_days ? static_cast<double>(20 + random.below(30)) : 50 * random.uniform();
    const auto x = random.below(4) == 0 ? random.below(2000) : random.below(3);
    c.x.push_back(static_cast<double>(x));
    c.age.push_back(age);
    const double t = on_days ? std::ceil(age * random.uniform()) : age * random.uniform();
    c.t_x.push_back(x == 0 ? 0.0 : t);
  }
  return c;
}

using Row = std::tuple<double, double, double>;

std::map<Row, double> weights_of(const Columns& c) {
  std::map<Row, double> sums;
  for (std::size_t i = 0; i < c.x.size(); ++i)
    if (c.x[i] > 0) sums[{c.x[i], c.t_x[i], c.age[i]}] += c.weight.empty() ? 1.0 : c.weight[i];
  return sums;
}

std::map<Row, double> weights_of(const PurchaseSample& s) {
  std::map<Row, double> sums;
  for (std::size_t g = 0; g + 1 < s.first.size(); ++g)
    for (std::int64_t i = s.first[g]; i < s.first[g + 1]; ++i)
      sums[{s.x[g + s.zero_groups()], s.repeat_times[i].recency / s.time_scale,
            s.repeat_times[i].age / s.time_scale}] +=
          s.repeat_weight.empty() ? 1.0 : s.repeat_weight[i];
  return sums;
}

TEST(SamplePurchases, HoldsEveryRowOnceByFrequency) {
  for (const bool on_days : {true, false}) {
    const Columns c = random_customers(3000, on_days, 5);
    const PurchaseSample s = sample_purchases(c.view(), SampleRows::repeat_buyers, {});
    EXPECT_EQ(weights_of(s), weights_of(c));
    EXPECT_TRUE(std::ranges::is_sorted(s.x));
    EXPECT_EQ(s.customers, 3000.0);
    EXPECT_TRUE(s.ages_distinct);
  }
}

TEST(SamplePurchases, SumsByAgeEqualTheRows) {
  Columns c = random_customers(20'000, true, 6);
  for (std::size_t i = 0; i < c.x.size(); ++i) c.weight.push_back(static_cast<double>(i % 3));
  const PurchaseSample s = sample_purchases(c.view(), SampleRows::repeat_buyers, {.threads = 2});
  std::map<double, std::pair<double, double>> sums;
  for (std::size_t i = 0; i < c.x.size(); ++i) {
    sums[c.age[i]].first += c.weight[i];
    sums[c.age[i]].second += c.weight[i] * c.x[i];
  }
  ASSERT_EQ(s.age.size(), std::ssize(sums));
  std::int64_t i = 0;
  for (const auto& [age, sum] : sums) {
    EXPECT_EQ(s.age[i] / s.time_scale, age);
    EXPECT_EQ(s.age_weight[i], sum.first);
    EXPECT_EQ(s.age_purchases[i++], sum.second);
  }
}

TEST(SamplePurchases, MergesEqualRowsWhereThereAreMany) {
  Columns c;
  for (int i = 0; i < 50'000; ++i) {
    c.x.push_back(1.0 + i % 2);
    c.t_x.push_back(1.0 + i % 5);
    c.age.push_back(10.0 + i % 7);
  }
  const PurchaseSample s = sample_purchases(c.view(), SampleRows::repeat_buyers, {});
  EXPECT_EQ(s.repeat_rows(), 70);
  EXPECT_EQ(weights_of(s), weights_of(c));
}

TEST(SamplePurchases, KeepsRowsWhereTimesAreContinuous) {
  RandomStream random(8, 0);
  Columns c;
  for (int i = 0; i < 70'000; ++i) {
    c.x.push_back(1.0);
    c.age.push_back(1.0 + random.uniform());
    c.t_x.push_back(random.uniform());
  }
  const PurchaseSample s = sample_purchases(c.view(), SampleRows::repeat_buyers, {});
  EXPECT_FALSE(s.ages_distinct);
  EXPECT_EQ(s.age.size(), 70'000);
  EXPECT_EQ(s.repeat_rows(), 70'000);
}

TEST(SamplePurchases, ScalesTimeByAPowerOfTwo) {
  const Columns c{{1.0}, {30.0}, {39.0}, {}};
  const PurchaseSample s = sample_purchases(c.view(), SampleRows::repeat_buyers, {});
  EXPECT_EQ(s.time_scale, 1.0 / 32.0);
  EXPECT_EQ(s.age[0], 39.0 / 32.0);
}

struct BadCase {
  Columns columns;
  const char* argument;
  std::int64_t row;
};

TEST(SamplePurchases, NamesTheBadRow) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  const std::vector<BadCase> cases{
      {{{0, -1}, {0, 0}, {1, 1}, {}}, "frequency", 1},
      {{{0, 0.5}, {0, 1}, {1, 1}, {}}, "frequency", 1},
      {{{0, kNaN}, {0, 1}, {1, 1}, {}}, "frequency", 1},
      {{{kInf}, {1}, {1}, {}}, "frequency", 0},
      {{{1}, {-1}, {1}, {}}, "recency", 0},
      {{{1}, {kNaN}, {1}, {}}, "recency", 0},
      {{{1}, {2}, {1}, {}}, "recency", 0},
      {{{1}, {0}, {1}, {}}, "recency", 0},
      {{{0}, {1}, {1}, {}}, "recency", 0},
      {{{1}, {1}, {kInf}, {}}, "T", 0},
      {{{0}, {0}, {-1}, {}}, "T", 0},
      {{{0}, {0}, {kNaN}, {}}, "T", 0},
      {{{0}, {0}, {1}, {-1}}, "weight", 0},
      {{{0}, {0}, {1}, {kNaN}}, "weight", 0},
      {{{0}, {0}, {1}, {kInf}}, "weight", 0},
      {{{0, 0}, {0, 0}, {1, 1}, {0, 0}}, "weight", -1},
      {{{0}, {0, 0}, {1}, {}}, "recency", -1},
      {{{0}, {0}, {1, 1}, {}}, "T", -1},
      {{{}, {}, {}, {}}, "frequency", -1},
  };
  for (const auto& c : cases) {
    try {
      sample_purchases(c.columns.view(), SampleRows::repeat_buyers, {});
      ADD_FAILURE() << "accepted a bad " << c.argument;
    } catch (const InvalidInput& e) {
      EXPECT_EQ(e.argument(), c.argument);
      EXPECT_EQ(e.row(), c.row) << e.what();
    }
  }
}

TEST(SamplePurchases, ReportsTheLowestBadRowAtEveryThreadCount) {
  Columns c = random_customers(100'000, true, 9);
  c.age[99'000] = -1.0;
  c.age[30'001] = -1.0;
  for (const int threads : {1, 2, 4}) {
    try {
      sample_purchases(c.view(), SampleRows::repeat_buyers, {.threads = threads});
      ADD_FAILURE();
    } catch (const InvalidInput& e) {
      EXPECT_EQ(e.row(), 30'001);
    }
  }
}

}  // namespace
}  // namespace tenure::clv
