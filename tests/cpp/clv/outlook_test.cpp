#include "tenure/clv/outlook.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "../reference_table.hpp"
#include "simulated.hpp"
#include "tenure/clv/bg_nbd.hpp"
#include "tenure/clv/cnbd.hpp"
#include "tenure/clv/ggompertz_nbd.hpp"
#include "tenure/clv/mbg_nbd.hpp"
#include "tenure/clv/nbd.hpp"
#include "tenure/clv/pareto_nbd.hpp"
#include "tenure/support/errors.hpp"

// What each customer will do, for every model of repeat purchases at any time.
// Needs tests/reference/clv_<model>_outlook.csv.
namespace tenure::clv {
namespace {

using testing::Columns;
using testing::simulate;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// A model as it is tested: usual parameters, and those of a row of the reference table.
template <class Model>
struct Of {
  using Kernel = Model;
  using Parameters = typename Model::Parameters;
  static std::string name() { return Model::kName; }
  static double alpha() { return usual().alpha; }
  static Parameters usual() {
    if constexpr (std::is_same_v<Model, Nbd>) {
      return {0.4, 12.0};
    } else if constexpr (std::is_same_v<Model, GGompertzNbd>) {
      return {0.55, 10.6, 0.01, 0.6, 0.2};
    } else if constexpr (std::is_same_v<Model, ParetoNbd>) {
      return {0.55, 10.6, 0.61, 11.7};
    } else {
      return {0.4, 5.0, 0.8, 2.0};
    }
  }
  static Parameters point(const std::vector<double>& row) {
    Parameters p;
    std::memcpy(&p, row.data(), sizeof p);
    return p;
  }
};

template <OneTimeBuyers who>
struct Regular {
  using Kernel = Cnbd;
  using Parameters = CnbdPoint;
  static std::string name() { return who == OneTimeBuyers::stay ? "bg_cnbd" : "mbg_cnbd"; }
  static double alpha() { return usual().parameters.alpha; }
  static CnbdPoint usual() { return {{3, who}, {0.8, 3.0, 0.8, 2.0}}; }
  static CnbdPoint point(const std::vector<double>& row) {
    return {{static_cast<int>(row[0]), who}, {row[1], row[2], row[3], row[4]}};
  }
};

template <class Tested>
class Outlook : public ::testing::Test {
 protected:
  static typename Tested::Parameters usual() { return Tested::usual(); }

  static double pmf(const typename Tested::Parameters& p, const Columns& c, double n, double h) {
    return purchase_pmf<typename Tested::Kernel>(p, c.view(), std::vector<double>{n}, h, {})[0];
  }
};

Columns customer(double x, double t_x, double age) { return {{x}, {t_x}, {age}}; }

using Models = ::testing::Types<Of<BgNbd>, Of<MbgNbd>, Of<ParetoNbd>, Of<Nbd>, Of<GGompertzNbd>,
                                Regular<OneTimeBuyers::stay>, Regular<OneTimeBuyers::may_leave>>;
TYPED_TEST_SUITE(Outlook, Models);

TYPED_TEST(Outlook, EqualsTheReference) {
  using Kernel = typename TypeParam::Kernel;
  const auto table = tenure::testing::read_reference("clv_" + TypeParam::name() + "_outlook.csv");
  ASSERT_EQ(table.rows.size(), 30u);
  const std::size_t at = table.columns.size() - 8;
  for (const auto& row : table.rows) {
    const auto p = TypeParam::point(row);
    const Columns c = customer(row[at], row[at + 1], row[at + 2]);
    const double h = row[at + 3], n = row[at + 4], chance = row[at + 5];
    EXPECT_NEAR(this->pmf(p, c, n, h), chance, 1e-11 * chance);
    EXPECT_NEAR((purchase_probability<Kernel>(p, c.view(), h, {})[0]), row[at + 6],
                1e-11 * row[at + 6]);
    const double later = log_odds_alive_later<Kernel>(p, c.view(), h, {})[0];
    EXPECT_NEAR(1.0 / (1.0 + std::exp(-later)), row[at + 7], 1e-11 * row[at + 7]);
  }
}

TYPED_TEST(Outlook, ChancesAddUpToOneAndToTheExpectation) {
  using Kernel = typename TypeParam::Kernel;
  for (const double x : {0.0, 3.0, 40.0})
    for (const double horizon : {0.5, 26.0, 200.0}) {
      const Columns c = customer(x, x > 0 ? 30.0 : 0.0, 38.0);
      double sum = 0.0, mean = 0.0;
      for (double n = 0.0; n < 1500.0; n += 1.0) {
        const double chance = this->pmf(this->usual(), c, n, horizon);
        sum += chance;
        mean += n * chance;
        if (n > 2.0 * x * horizon / 38.0 + 20.0 && chance < 1e-17) break;
      }
      EXPECT_NEAR(sum, 1.0, 1e-11);
      const double expected =
          Kernel::expected_purchases(this->usual(), c.view(), horizon, 0.0, {})[0];
      EXPECT_NEAR(mean, expected, 1e-9 * expected);
      EXPECT_NEAR((purchase_probability<Kernel>(this->usual(), c.view(), horizon, {})[0]),
                  1.0 - this->pmf(this->usual(), c, 0.0, horizon), 1e-13);
    }
}

TYPED_TEST(Outlook, QuantilesAreTheFirstCountsThatReachTheLevel) {
  using Kernel = typename TypeParam::Kernel;
  const std::vector<double> levels{0.025, 0.5, 0.9, 0.975, 1.0 - 1e-11};
  // Few purchases, which are walked through, and many, which are searched.
  for (const double x : {0.0, 1.0, 8.0, 60.0, 900.0})
    for (const double horizon : {0.0, 3.0, 39.0, 400.0}) {
      const Columns c = customer(x, x > 0 ? 37.0 : 0.0, 38.0);
      const auto got = purchase_quantiles<Kernel>(this->usual(), c.view(), horizon, levels, {});
      double below = 0.0, n = 0.0;
      for (std::size_t k = 0; k < levels.size(); ++k) {
        // From the tail where the level is close to 1: a sum of chances rounds there.
        if (levels[k] > 0.999) {
          double more = 0.0;
          for (double m = got[4] + 1.0;; m += 1.0) {
            const double chance = this->pmf(this->usual(), c, m, horizon);
            more += chance;
            if (chance <= 1e-3 * 1e-11 * 1e-6) break;
          }
          const double last = this->pmf(this->usual(), c, got[4], horizon);
          EXPECT_LE(more, 1e-11 * (1 + 1e-6));
          if (got[4] > 0.0) {
            EXPECT_GT(more + last, 1e-11 * (1 - 1e-6));
          }
          continue;
        }
        while (below + this->pmf(this->usual(), c, n, horizon) < levels[k])
          below += this->pmf(this->usual(), c, n++, horizon);
        EXPECT_EQ(got[k], n) << x << " " << horizon << " " << levels[k];
      }
    }
}

TYPED_TEST(Outlook, AHundredThousandPurchasesAreNoTrouble) {
  using Kernel = typename TypeParam::Kernel;
  const Columns c = customer(1e5, 37.999, 38.0);
  const auto q = purchase_quantiles<Kernel>(this->usual(), c.view(), 19.0,
                                            std::vector<double>{0.25, 0.5, 0.75}, {});
  const double alive = Kernel::probability_alive(this->usual(), c.view(), {})[0];
  ASSERT_GT(alive, 0.95);
  // Leaving takes its share of the lower quartile; the others are those of a Poisson count.
  EXPECT_LT(q[0], q[1]);
  EXPECT_NEAR(q[1] / (1e5 * 19.0 / (38.0 + TypeParam::alpha())), 1.0, 0.2);
  double around = 0.0;
  for (double n = q[1] - 40.0; n <= q[1] + 40.0; n += 1.0)
    around += this->pmf(this->usual(), c, n, 19.0);
  EXPECT_GT(around, 0.0);
  EXPECT_LT(around, 1.0);
}

TYPED_TEST(Outlook, TimesAreWhereTheChancesReachTheLevel) {
  using Kernel = typename TypeParam::Kernel;
  for (const double x : {0.0, 2.0, 50.0, 3000.0}) {
    const Columns c = customer(x, x > 0 ? 36.0 : 0.0, 38.0);
    for (const double level : {1e-6, 0.1, 0.5, 0.8}) {
      const double time = time_to_purchase<Kernel>(this->usual(), c.view(), level, {})[0];
      if (std::isinf(time)) {
        EXPECT_LE((purchase_probability<Kernel>(this->usual(), c.view(), 1e12, {})[0]), level);
        continue;
      }
      EXPECT_NEAR((purchase_probability<Kernel>(this->usual(), c.view(), time, {})[0]), level,
                  1e-10 * level);
    }
    for (const double level : {0.9, 0.5, 0.05}) {
      const double time = time_to_lapse<Kernel>(this->usual(), c.view(), level, {})[0];
      const double now = Kernel::probability_alive(this->usual(), c.view(), {})[0];
      if (time == 0.0) {
        EXPECT_LE(now, level);
      } else if (std::isinf(time)) {
        EXPECT_EQ(now, 1.0);
      } else {
        const Columns silent = customer(x, x > 0 ? 36.0 : 0.0, 38.0 + time);
        EXPECT_NEAR(Kernel::probability_alive(this->usual(), silent.view(), {})[0], level, 1e-10);
      }
    }
  }
}

TYPED_TEST(Outlook, AliveLaterIsAliveNowAndStaying) {
  using Kernel = typename TypeParam::Kernel;
  const Columns c = customer(4.0, 20.0, 38.0);
  const double now = Kernel::log_odds_alive(this->usual(), c.view(), {})[0];
  if constexpr (std::is_same_v<Kernel, Nbd>) {
    EXPECT_EQ((log_odds_alive_later<Kernel>(this->usual(), c.view(), 9.0, {})[0]), kInfinity);
    return;
  }
  EXPECT_NEAR((log_odds_alive_later<Kernel>(this->usual(), c.view(), 0.0, {})[0]), now, 1e-13);
  double before = now;
  for (const double ahead : {1.0, 10.0, 1000.0}) {
    const double later = log_odds_alive_later<Kernel>(this->usual(), c.view(), ahead, {})[0];
    EXPECT_LT(later, before);
    before = later;
  }
}

TYPED_TEST(Outlook, HasTheSameBitsForEveryThreadCount) {
  using Kernel = typename TypeParam::Kernel;
  const Columns c = simulate(5000, {0.24, 4.4, 0.8, 2.4}, 8);
  const std::vector<double> levels{0.025, 0.5, 0.975};
  const auto all = [&](int threads) {
    const Execution e{.threads = threads};
    std::vector<double> bits;
    const auto add = [&](const Buffer<double>& b) {
      bits.insert(bits.end(), b.data(), b.data() + b.size());
    };
    add(purchase_pmf<Kernel>(this->usual(), c.view(), c.x, 39.0, e));
    add(purchase_quantiles<Kernel>(this->usual(), c.view(), 39.0, levels, e));
    add(time_to_purchase<Kernel>(this->usual(), c.view(), 0.25, e));
    add(time_to_lapse<Kernel>(this->usual(), c.view(), 0.5, e));
    return bits;
  };
  const auto one = all(1);
  EXPECT_EQ(all(2), one);
  EXPECT_EQ(all(8), one);
}

TYPED_TEST(Outlook, RefusesWhatHasNoAnswer) {
  using Kernel = typename TypeParam::Kernel;
  const Columns c = customer(2.0, 20.0, 38.0);
  const auto p = this->usual();
  const std::vector<double> two{1.0, 2.0}, half{0.5}, falling{0.5, 0.1};
  EXPECT_THROW(this->pmf(p, c, -1.0, 1.0), InvalidInput);
  EXPECT_THROW(this->pmf(p, c, 0.5, 1.0), InvalidInput);
  EXPECT_THROW(this->pmf(p, c, 1.0, kInfinity), InvalidInput);
  EXPECT_THROW((purchase_pmf<Kernel>(p, c.view(), two, 1.0, {})), InvalidInput);
  EXPECT_THROW((purchase_quantiles<Kernel>(p, c.view(), -1.0, half, {})), InvalidInput);
  EXPECT_THROW((purchase_quantiles<Kernel>(p, c.view(), 1.0, falling, {})), InvalidInput);
  EXPECT_THROW((purchase_quantiles<Kernel>(p, c.view(), 1.0, two, {})), InvalidInput);
  EXPECT_THROW((time_to_purchase<Kernel>(p, c.view(), 1.0, {})), InvalidInput);
  EXPECT_THROW((time_to_lapse<Kernel>(p, c.view(), 0.0, {})), InvalidInput);
  EXPECT_THROW((log_odds_alive_later<Kernel>(p, c.view(), -1.0, {})), InvalidInput);
}

}  // namespace
}  // namespace tenure::clv
