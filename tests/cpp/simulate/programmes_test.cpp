#include "tenure/simulate/programmes.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "tenure/support/errors.hpp"

namespace tenure::simulate {
namespace {

constexpr std::int64_t kDay = kMicrosPerDay;

/// Customers who ordered at day 0, every third of whom dropped out on day 50.
struct Sample {
  std::vector<std::int64_t> first_order, dropout_time;
  std::vector<double> rate, mean_spend;
  Members members;

  explicit Sample(std::size_t n) : first_order(n, 0), rate(n), mean_spend(n, 20.0) {
    for (std::size_t i = 0; i < n; ++i) {
      dropout_time.push_back(i % 3 == 0 ? 50 * kDay : kNever);
      rate[i] = i % 2 == 0 ? 0.5 : 2.0;
    }
    members = {first_order, dropout_time, rate, mean_spend, 7, 365 * kDay, true, {}};
  }
};

template <class T>
std::vector<T> values(const Buffer<T>& b) {
  return {b.data(), b.data() + b.size()};
}

void expect_share(double hits, double n, double p) {
  EXPECT_NEAR(hits / n, p, 3.5 * std::sqrt(p * (1.0 - p) / n));
}

TEST(SimulateSubscriptions, FollowTheShiftedBetaGeometric) {
  const Sample sample(30'000);
  const auto s = simulate_subscriptions(sample.members, {0.8, 0.7, 1.2, 30 * kDay, 9.0}, {2});
  const auto n = static_cast<double>(s.customer.size());
  expect_share(n, 30'000.0, 0.8);
  // S(k) = B(a, b + k) / B(a, b) = prod (b + j) / (a + b + j), j < k.
  double survival = 1.0;
  for (int k = 1; k <= 12; ++k) {
    survival *= (1.2 + k - 1) / (0.7 + 1.2 + k - 1);
    double hits = 0.0;
    for (const auto r : values(s.renewals)) hits += r >= k;
    expect_share(hits, n, survival);
  }
}

TEST(SimulateSubscriptions, KeepEventsAndRowsConsistent) {
  const Sample sample(2000);
  const auto s = simulate_subscriptions(sample.members, {1.0, 0.7, 1.2, 30 * kDay, 9.0}, {});
  std::int64_t row = 0;
  for (std::int64_t i = 0; i < s.customer.size(); ++i) {
    EXPECT_EQ(s.event_kind[row], static_cast<std::uint8_t>(RenewalKind::start));
    EXPECT_EQ(s.event_time[row++], s.start[i]);
    for (std::int64_t k = 1; k <= s.renewals[i]; ++k, ++row) {
      ASSERT_EQ(s.event_kind[row], static_cast<std::uint8_t>(RenewalKind::renewal));
      EXPECT_EQ(s.event_customer[row], s.customer[i]);
      EXPECT_EQ(s.event_time[row], k * 30 * kDay);
      EXPECT_EQ(s.event_amount[row], 9.0);
    }
    if (s.cancelled[i] == kNever) {
      EXPECT_EQ(s.renewals[i], 12);  // days 30 to 360
      continue;
    }
    EXPECT_EQ(s.event_kind[row], static_cast<std::uint8_t>(RenewalKind::cancel));
    EXPECT_EQ(s.event_amount[row], 0.0);
    EXPECT_EQ(s.event_time[row++], s.cancelled[i]);
    EXPECT_EQ(s.cancelled[i], (s.renewals[i] + 1) * 30 * kDay);
  }
  EXPECT_EQ(row, s.event_time.size());
}

TEST(SimulateContacts, HaveTheStatedControlAndUplift) {
  const Sample sample(60'000);
  const Campaign campaign{100 * kDay, 0, 0.9, 0.3, 0.2, 0.1, 0.5, 1.0, 6.0, 100.0};
  const auto c = simulate_contacts(sample.members, campaign, {2});
  double n = 0, control = 0;
  double arm[2] = {0, 0}, responses[2] = {0, 0}, revenue = 0, count = 0;
  for (std::int64_t i = 0; i < c.customer.size(); ++i) {
    n += 1, control += !c.treated[i];
    const auto customer = c.customer[i];
    if (customer % 3 == 0) {  // dropped out on day 50
      ASSERT_FALSE(c.responded[i]);
      ASSERT_EQ(c.base[i] + c.uplift[i], 0.0);
      continue;
    }
    // x = (.5 - 1) / (.5 + 1) or (2 - 1) / (2 + 1)
    EXPECT_DOUBLE_EQ(c.uplift[i], 0.1 * (1.0 + 0.5 * (customer % 2 == 0 ? -1.0 : 1.0) / 3.0));
    arm[c.treated[i]] += 1, responses[c.treated[i]] += c.responded[i];
    EXPECT_EQ(c.revenue[i] > 0.0, c.responded[i] == 1);
    if (c.responded[i]) revenue += c.revenue[i], count += 1;
  }
  expect_share(n, 60'000.0, 0.9);
  expect_share(control, n, 0.3);
  expect_share(responses[0], arm[0], 0.2);
  expect_share(responses[1], arm[1], 0.3);  // x has mean 0 over the two rates
  EXPECT_NEAR(revenue / count, 20.0, 3.5 * 20.0 / std::sqrt(6.0 * count));
}

TEST(SimulateContacts, LeaveOutThoseWhoCameLater) {
  Sample sample(100);
  for (std::size_t i = 0; i < 100; i += 2) sample.first_order[i] = 200 * kDay;
  const auto c = simulate_contacts(sample.members,
                                   {100 * kDay, 0, 1.0, 0.5, 0.2, 0.1, 0.0, 1.0, 6.0, 100.0}, {});
  EXPECT_EQ(c.customer.size(), 50);
  for (const auto i : values(c.customer)) EXPECT_EQ(i % 2, 1);
}

TEST(SimulateSurvey, HasTheStatedSharesAndMarks) {
  const Sample sample(60'000);
  const auto a = simulate_survey(sample.members, {100 * kDay, 0, 0.5, {0.1, 0.5}, {0.6, 0.2}}, {2});
  expect_share(static_cast<double>(a.customer.size()), 60'000.0, 0.5);
  double n[2] = {0, 0}, promoters[2] = {0, 0}, detractors[2] = {0, 0};
  std::vector<double> mark(11, 0.0);
  for (std::int64_t i = 0; i < a.customer.size(); ++i) {
    ASSERT_EQ(a.active[i], a.customer[i] % 3 != 0);
    const int score = a.score[i], satisfaction = a.satisfaction[i];
    n[a.active[i]] += 1;
    promoters[a.active[i]] += score >= 9;
    detractors[a.active[i]] += score <= 6;
    mark.at(score) += 1;
    const int low = score >= 9 ? 4 : score >= 7 ? 3 : 1;
    const int high = score >= 9 ? 5 : score >= 7 ? 4 : 3;
    ASSERT_TRUE(satisfaction >= low && satisfaction <= high) << score << " " << satisfaction;
  }
  expect_share(promoters[0], n[0], 0.1);
  expect_share(promoters[1], n[1], 0.5);
  expect_share(detractors[0], n[0], 0.6);
  expect_share(detractors[1], n[1], 0.2);
  for (int k = 1; k <= 6; ++k) EXPECT_NEAR(mark[k], mark[0], 3.5 * std::sqrt(2.0 * mark[0]));
  EXPECT_NEAR(mark[9], mark[10], 3.5 * std::sqrt(2.0 * mark[9]));
}

TEST(Programmes, GiveTheSameBitsForAnyNumberOfThreads) {
  const Sample sample(5000);
  const Plan plan{1.0, 0.7, 1.2, 30 * kDay, 9.0};
  const Campaign campaign{100 * kDay, 0, 0.9, 0.3, 0.2, 0.1, 0.5, 1.0, 6.0, 100.0};
  const Survey survey{100 * kDay, 0, 0.5, {0.1, 0.5}, {0.6, 0.2}};
  const auto theta = [&](int threads) {
    return values(simulate_subscriptions(sample.members, plan, {threads}).cancel_probability);
  };
  const auto revenue = [&](int threads) {
    return values(simulate_contacts(sample.members, campaign, {threads}).revenue);
  };
  const auto score = [&](int threads) {
    return values(simulate_survey(sample.members, survey, {threads}).score);
  };
  for (const int threads : {2, 7}) {
    EXPECT_EQ(theta(threads), theta(1));
    EXPECT_EQ(revenue(threads), revenue(1));
    EXPECT_EQ(score(threads), score(1));
  }
}

TEST(Programmes, DifferByIndex) {
  const Sample sample(1000);
  Survey survey{100 * kDay, 0, 0.5, {0.1, 0.5}, {0.6, 0.2}};
  const auto first = values(simulate_survey(sample.members, survey, {}).customer);
  survey.index = 1;
  EXPECT_NE(values(simulate_survey(sample.members, survey, {}).customer), first);
}

TEST(Programmes, NameTheBadSetting) {
  Sample sample(10);
  const auto argument = [](const std::function<void()>& call) -> std::string {
    try {
      call();
    } catch (const InvalidInput& e) {
      return e.argument();
    }
    return "none";
  };
  const auto plan = [&](Plan p) {
    return argument([&] { simulate_subscriptions(sample.members, p, {}); });
  };
  EXPECT_EQ(plan({2.0, 1.0, 1.0, kDay, 1.0}), "share");
  EXPECT_EQ(plan({1.0, 0.0, 1.0, kDay, 1.0}), "a");
  EXPECT_EQ(plan({1.0, 1.0, std::nan(""), kDay, 1.0}), "b");
  EXPECT_EQ(plan({1.0, 1.0, 1.0, 0, 1.0}), "period");
  EXPECT_EQ(plan({1.0, 1.0, 1.0, kDay, -1.0}), "price");
  const Campaign good{kDay, 0, 1.0, 0.5, 0.2, 0.1, 0.0, 1.0, 6.0, 100.0};
  const auto campaign = [&](auto change) {
    Campaign c = good;
    change(c);
    return argument([&] { simulate_contacts(sample.members, c, {}); });
  };
  EXPECT_EQ(campaign([](auto& c) { c.audience = -0.1; }), "audience");
  EXPECT_EQ(campaign([](auto& c) { c.control = 1.1; }), "control");
  EXPECT_EQ(campaign([](auto& c) { c.base = std::nan(""); }), "base");
  EXPECT_EQ(campaign([](auto& c) { c.uplift = -1.1; }), "uplift");
  EXPECT_EQ(campaign([](auto& c) { c.spread = 1.1; }), "spread");
  EXPECT_EQ(campaign([](auto& c) { c.typical_rate = 0.0; }), "typical_rate");
  EXPECT_EQ(campaign([](auto& c) { c.p = 0.0; }), "p");
  const auto survey = [&](Survey s) {
    return argument([&] { simulate_survey(sample.members, s, {}); });
  };
  EXPECT_EQ(survey({kDay, 0, 1.5, {0.1, 0.1}, {0.1, 0.1}}), "response");
  EXPECT_EQ(survey({kDay, 0, 0.5, {0.1, 1.1}, {0.1, 0.1}}), "promoters");
  EXPECT_EQ(survey({kDay, 0, 0.5, {0.1, 0.1}, {-0.1, 0.1}}), "detractors");
  EXPECT_EQ(survey({kDay, 0, 0.5, {0.6, 0.1}, {0.6, 0.1}}), "promoters");
  sample.members.rate = sample.members.rate.subspan(1);
  EXPECT_EQ(plan({1.0, 1.0, 1.0, kDay, 1.0}), "members");
}

}  // namespace
}  // namespace tenure::simulate
