#include "tenure/clv/cnbd.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "../reference_table.hpp"
#include "simulated.hpp"
#include "tenure/clv/mbg_nbd.hpp"
#include "tenure/clv/nbd.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::clv {
namespace {

using tenure::testing::read_reference;
using testing::Columns;
using testing::simulate;

constexpr BgNbdParameters kCdnow{0.2425945, 4.4136, 0.792922, 2.4259};

/// Columns of one customer, with the logs of the gaps.
struct One {
  double x, t_x, age, gaps;
  RepeatPurchases view() const { return {{&x, 1}, {&t_x, 1}, {&age, 1}}; }
};

/// `row` holds the value, the gradient and the Hessian from `at` on.
template <std::size_t N>
void expect_equal(const Derivatives<N>& d, const std::vector<double>& row, std::size_t at) {
  const std::size_t n = d.gradient.size(), n2 = d.hessian.size();
  EXPECT_NEAR(d.value, row[at], 1e-12 * std::max(1.0, std::abs(row[at])));
  double steepest = 0.0, sharpest = 0.0;
  for (std::size_t i = 0; i < n; ++i) steepest = std::max(steepest, std::abs(row[at + 1 + i]));
  for (std::size_t i = 0; i < n2; ++i) sharpest = std::max(sharpest, std::abs(row[at + 1 + n + i]));
  for (std::size_t i = 0; i < n; ++i) {
    const double slope = row[at + 1 + i];
    EXPECT_NEAR(d.gradient[i], slope, 1e-11 * std::abs(slope) + 1e-12 * steepest + 1e-15);
  }
  for (std::size_t i = 0; i < n2; ++i)
    EXPECT_NEAR(d.hessian[i], row[at + 1 + n + i], 2e-11 * sharpest + 1e-15);
}

TEST(Cnbd, LikelihoodEqualsTheReferenceWithItsDerivatives) {
  for (const auto who : {OneTimeBuyers::stay, OneTimeBuyers::may_leave}) {
    const std::string name = who == OneTimeBuyers::stay ? "bg_cnbd" : "mbg_cnbd";
    const auto table = read_reference("clv_" + name + "_likelihood.csv");
    ASSERT_EQ(table.rows.size(), 500u);
    for (std::size_t i = 0; i < table.rows.size(); ++i) {
      SCOPED_TRACE(name + " " + std::to_string(i));
      const auto& row = table.rows[i];
      const One c{row[5], row[6], row[7], row[8]};
      const auto d =
          cnbd_log_likelihood({static_cast<int>(row[4]), who}, {row[0], row[1], row[2], row[3]},
                              c.view(), std::span(&c.gaps, 1), {});
      expect_equal(d, row, 9);
    }
  }
}

TEST(Nbd, LikelihoodEqualsTheReferenceWithItsDerivatives) {
  const auto table = read_reference("clv_nbd_likelihood.csv");
  ASSERT_EQ(table.rows.size(), 500u);
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    SCOPED_TRACE(i);
    const auto& row = table.rows[i];
    const One c{row[2], row[3], row[4], 0.0};
    expect_equal(nbd_log_likelihood({row[0], row[1]}, c.view(), {}), row, 5);
  }
}

TEST(Cnbd, LikelihoodIsTheSumOverRows) {
  const Columns c = simulate(3000, kCdnow, 3);
  const std::vector<double> gaps(3000, 0.0);
  const BgNbdParameters p{0.6, 2.3, 1.1, 1.6};
  for (const CnbdModel model :
       {CnbdModel{2, OneTimeBuyers::stay}, {12, OneTimeBuyers::may_leave}}) {
    Derivatives<4> sum;
    for (std::size_t i = 0; i < c.x.size(); ++i) {
      const One one{c.x[i], c.t_x[i], c.age[i], 0.0};
      sum += cnbd_log_likelihood(model, p, one.view(), std::span(&one.gaps, 1), {});
    }
    const auto whole = cnbd_log_likelihood(model, p, c.view(), gaps, {.threads = 2});
    EXPECT_NEAR(whole.value, sum.value, 1e-11 * std::abs(sum.value));
    for (std::size_t i = 0; i < 4; ++i)
      EXPECT_NEAR(whole.gradient[i], sum.gradient[i], 1e-8 * 3000);
    for (std::size_t i = 0; i < 10; ++i) EXPECT_NEAR(whole.hessian[i], sum.hessian[i], 1e-8 * 3000);
  }
}

TEST(Cnbd, WithOneTickAPurchaseItIsThePlainModel) {
  const Columns c = simulate(3000, kCdnow, 4);
  const auto plain = bg_nbd_log_likelihood(kCdnow, c.view(), {});
  const auto regular = cnbd_log_likelihood({1}, kCdnow, c.view(), std::nullopt, {});
  EXPECT_NEAR(regular.value, plain.value, 1e-12 * std::abs(plain.value));
  const auto outlived = mbg_nbd_log_likelihood(kCdnow, c.view(), {});
  const auto may = cnbd_log_likelihood({1, OneTimeBuyers::may_leave}, kCdnow, c.view(), {}, {});
  EXPECT_NEAR(may.value, outlived.value, 1e-12 * std::abs(outlived.value));
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(regular.gradient[i], plain.gradient[i], 1e-9);
    EXPECT_NEAR(may.gradient[i], outlived.gradient[i], 1e-9);
  }
}

TEST(Cnbd, FitHasTheSameBitsForEveryThreadCount) {
  const Columns c = simulate(30'000, kCdnow, 5);
  const std::vector<double> gaps(30'000, 0.0);
  const auto fit = [&](int threads) {
    return fit_cnbd(OneTimeBuyers::may_leave, 2, c.view(), gaps, {}, {.threads = threads});
  };
  const auto one = fit(1);
  ASSERT_EQ(one.fit.status, optim::Status::converged);
  for (const int threads : {2, 3}) {
    EXPECT_EQ(fit(threads).fit.parameters, one.fit.parameters);
    EXPECT_EQ(fit(threads).log_likelihoods, one.log_likelihoods);
  }
}

TEST(Cnbd, ManyPurchasesAreFinite) {
  const One c{1e6, 300.0, 365.0, -1e6};
  for (const int k : {2, 12})
    for (const auto who : {OneTimeBuyers::stay, OneTimeBuyers::may_leave}) {
      const auto d =
          cnbd_log_likelihood({k, who}, kCdnow, c.view(), std::span(&c.gaps, 1), {.threads = 1});
      EXPECT_TRUE(std::isfinite(d.value));
      for (const double h : d.hessian) EXPECT_TRUE(std::isfinite(h));
      const double to_come = cnbd_expected_purchases({k, who}, kCdnow, c.view(), 26.0, 0.0, {})[0];
      EXPECT_GE(to_come, 0.0);
    }
}

TEST(Cnbd, NamesWhatIsWrong) {
  const One c{2.0, 5.0, 9.0, std::nan("")};
  const auto at = [&](int k, std::optional<std::span<const double>> gaps) {
    return cnbd_log_likelihood({k}, kCdnow, c.view(), gaps, {});
  };
  EXPECT_THROW(at(0, std::nullopt), InvalidInput);
  EXPECT_THROW(at(13, std::nullopt), InvalidInput);
  EXPECT_THROW(at(2, std::nullopt), InvalidInput);
  EXPECT_THROW(at(2, std::span(&c.gaps, 1)), InvalidInput);
  EXPECT_NO_THROW(at(1, std::nullopt));
}

}  // namespace
}  // namespace tenure::clv
