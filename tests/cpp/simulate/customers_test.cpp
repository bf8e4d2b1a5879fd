#include "tenure/simulate/customers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <tuple>
#include <vector>

#include "tenure/special/hypergeometric.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::simulate {
namespace {

constexpr double kWeek = 7.0 * kMicrosPerDay;
const Channel kDirect[] = {{1.0, 0.0, 1.0}};

Population cdnow(std::int64_t customers) {
  Population s;
  s.customers = customers;
  s.seed = 20261121;
  s.end = 78 * 7 * kMicrosPerDay;
  s.unit = kWeek;
  s.r = 0.553, s.alpha = 10.578, s.dropout_first = 0.606, s.dropout_second = 11.669;
  s.p = 6.25, s.q = 3.74, s.gamma = 15.44;
  s.channels = kDirect;
  return s;
}

Population with_everything(std::int64_t customers) {
  static const Channel channels[] = {{0.2, 5.0, 2.0}, {0.5, 1.0, 1.0}, {0.3, 0.0, 0.5}};
  Population s = cdnow(customers);
  s.arrivals = 30.0;
  s.refunds = 0.1, s.refund_delay = 1.5;
  s.visits = 2.0;
  s.funnel = Funnel{0.7, 0.8, 0.5, 1.0};
  s.channels = channels;
  return s;
}

template <class T>
std::vector<T> values(const Buffer<T>& b) {
  return {b.data(), b.data() + b.size()};
}

auto all_columns(const Base& b) {
  // NaN is unequal to itself, so amounts are compared by a number that never occurs.
  auto amounts = values(b.events.amount);
  for (double& a : amounts)
    if (std::isnan(a)) a = 0.125;
  return std::make_tuple(
      values(b.customers.arrival), values(b.customers.first_order), values(b.customers.channel),
      values(b.customers.rate), values(b.customers.dropout), values(b.customers.dropout_time),
      values(b.customers.mean_spend), values(b.customers.orders), values(b.events.customer),
      values(b.events.time), values(b.events.kind), amounts);
}

/// Rows of one kind as (customer, time, amount).
std::vector<std::tuple<std::int64_t, std::int64_t, double>> rows_of(const Base& b, EventKind kind) {
  std::vector<std::tuple<std::int64_t, std::int64_t, double>> out;
  for (std::int64_t i = 0; i < b.events.time.size(); ++i)
    if (b.events.kind[i] == static_cast<std::uint8_t>(kind))
      out.emplace_back(b.events.customer[i], b.events.time[i], b.events.amount[i]);
  return out;
}

void expect_mean(const std::vector<double>& x, double mean) {
  double sum = 0.0, squares = 0.0;
  const auto n = static_cast<double>(x.size());
  for (const double v : x) sum += v;
  for (const double v : x) squares += (v - sum / n) * (v - sum / n);
  EXPECT_NEAR(sum / n, mean, 3.5 * std::sqrt(squares / n / n));
}

TEST(SimulateBase, GivesTheSameBitsForAnyNumberOfThreads) {
  const auto s = with_everything(5000);
  const auto one = all_columns(simulate_base(s, {1}));
  for (const int threads : {2, 3, 8}) EXPECT_EQ(all_columns(simulate_base(s, {threads})), one);
}

TEST(SimulateBase, DependsOnTheSeed) {
  auto s = with_everything(100);
  const auto one = all_columns(simulate_base(s, {}));
  ++s.seed;
  EXPECT_NE(all_columns(simulate_base(s, {})), one);
}

TEST(SimulateBase, KeepsTheFirstCustomersWhenThereAreMore) {
  const auto few = simulate_base(with_everything(50), {}),
             many = simulate_base(with_everything(60), {});
  auto rates = values(many.customers.rate);
  rates.resize(50);
  EXPECT_EQ(values(few.customers.rate), rates);
  auto times = values(many.events.time);
  times.resize(few.events.time.size());
  EXPECT_EQ(values(few.events.time), times);
}

TEST(SimulateBase, ChangesNoOrderWhenAnotherFeatureIsSwitchedOn) {
  auto s = cdnow(2000);
  const auto plain = rows_of(simulate_base(s, {}), EventKind::order);
  s.refunds = 0.3, s.refund_delay = 1.0, s.visits = 3.0;
  const auto rich = simulate_base(s, {});
  EXPECT_EQ(rows_of(rich, EventKind::order), plain);
  EXPECT_FALSE(rows_of(rich, EventKind::refund).empty());
  EXPECT_FALSE(rows_of(rich, EventKind::visit).empty());
}

TEST(SimulateBase, OrdersRowsByCustomerTimeKindAndAmount) {
  const auto b = simulate_base(with_everything(3000), {});
  for (std::int64_t i = 1; i < b.events.time.size(); ++i) {
    const auto key = [&](std::int64_t k) {
      const double amount = b.events.amount[k];
      return std::make_tuple(b.events.customer[k], b.events.time[k], b.events.kind[k],
                             std::isnan(amount) ? 0.0 : amount);
    };
    ASSERT_LE(key(i - 1), key(i)) << i;
  }
}

// Schmittlein, Morrison & Colombo 1987, eq. 17.
TEST(SimulateBase, HasTheMeanPurchasesOfParetoNbd) {
  const auto s = cdnow(40'000);
  const auto b = simulate_base(s, {2});
  std::vector<double> repeat;
  for (const auto orders : values(b.customers.orders))
    repeat.push_back(static_cast<double>(orders) - 1.0);
  const double d = s.dropout_first - 1.0, beta = s.dropout_second;
  const double expected = s.r * beta / (s.alpha * d) * (1.0 - std::pow(beta / (beta + 78.0), d));
  expect_mean(repeat, expected);
}

// Fader, Hardie & Lee 2005, eq. 9, and P(X(t) = 0) of each model.
TEST(SimulateBase, HasTheMeanPurchasesOfBgNbd) {
  auto s = cdnow(40'000);
  s.r = 0.243, s.alpha = 4.414, s.dropout_first = 0.793, s.dropout_second = 2.426;
  const double a = s.dropout_first, b = s.dropout_second, z = 78.0 / (s.alpha + 78.0);
  const double none = std::pow(s.alpha / (s.alpha + 78.0), s.r);
  for (const auto model : {Dropout::bg_nbd, Dropout::mbg_nbd}) {
    s.dropout = model;
    const auto base = simulate_base(s, {2});
    std::vector<double> repeat, is_none;
    for (const auto orders : values(base.customers.orders)) {
      repeat.push_back(static_cast<double>(orders) - 1.0);
      is_none.push_back(orders == 1);
    }
    if (model == Dropout::bg_nbd) {
      const double f = std::exp(special::log_hyp2f1(s.r, b, a + b - 1.0, z));
      expect_mean(repeat, (a + b - 1.0) / (a - 1.0) * (1.0 - none * f));
      expect_mean(is_none, none);
    } else {
      expect_mean(is_none, a / (a + b) + b / (a + b) * none);
    }
  }
}

TEST(SimulateBase, HasTheMeanSpendOfGammaGamma) {
  auto s = cdnow(40'000);
  s.scale = 0.0;
  const auto b = simulate_base(s, {2});
  expect_mean(values(b.customers.mean_spend), s.p * s.gamma / (s.q - 1.0));
  std::vector<double> ratio;  // amount over the own mean: mean 1, variance 1/p
  std::vector<double> square;
  for (const auto& [customer, time, amount] : rows_of(b, EventKind::order)) {
    ratio.push_back(amount / b.customers.mean_spend[customer]);
    square.push_back((ratio.back() - 1.0) * (ratio.back() - 1.0));
  }
  expect_mean(ratio, 1.0);
  expect_mean(square, 1.0 / s.p);
}

TEST(SimulateBase, WritesWholeCentsAndNoZero) {
  auto s = cdnow(3000);
  s.gamma = 0.01;  // means of a few tenths of a cent
  const auto orders = rows_of(simulate_base(s, {}), EventKind::order);
  for (const auto& [customer, time, amount] : orders) {
    ASSERT_GE(amount, 0.01);
    ASSERT_EQ(amount, std::nearbyint(amount * 100.0) / 100.0);
  }
}

TEST(SimulateBase, KeepsItsTruthConsistent) {
  const auto s = with_everything(4000);
  const auto b = simulate_base(s, {});
  std::vector<std::int64_t> count(s.customers, 0);
  for (const auto& [customer, time, amount] : rows_of(b, EventKind::order)) {
    if (count[customer]++ == 0) {
      EXPECT_EQ(time, b.customers.first_order[customer]);
    }
    EXPECT_LE(time, b.customers.dropout_time[customer]);
    EXPECT_GE(time, b.customers.arrival[customer]);
    EXPECT_LT(time, s.end);
  }
  EXPECT_EQ(count, values(b.customers.orders));
  for (std::int64_t i = 0; i < s.customers; ++i)
    EXPECT_EQ(b.customers.first_order[i] == kNever, count[i] == 0);
}

TEST(SimulateBase, RefundsTheStatedShareInFull) {
  auto s = cdnow(20'000);
  s.refunds = 0.2, s.refund_delay = 0.0;
  const auto b = simulate_base(s, {});
  const auto orders = rows_of(b, EventKind::order), refunds = rows_of(b, EventKind::refund);
  const auto n = static_cast<double>(orders.size());
  EXPECT_NEAR(static_cast<double>(refunds.size()) / n, 0.2, 3.5 * std::sqrt(0.16 / n));
  // Without delay every refund has its order at the same instant, with the same amount.
  auto wanted = refunds;
  for (auto& [customer, time, amount] : wanted) amount = -amount;
  std::sort(wanted.begin(), wanted.end());
  EXPECT_TRUE(std::includes(orders.begin(), orders.end(), wanted.begin(), wanted.end()));
}

TEST(SimulateBase, SendsProspectsThroughTheFunnel) {
  auto s = cdnow(20'000);
  s.funnel = Funnel{0.5, 0.4, 0.1, 1.5};
  const auto b = simulate_base(s, {});
  const auto share = [&](double hits, double p) {
    EXPECT_NEAR(hits / 20'000.0, p, 3.5 * std::sqrt(p * (1.0 - p) / 20'000.0));
  };
  share(static_cast<double>(rows_of(b, EventKind::lead).size()), 0.5);
  const auto first = values(b.customers.first_order);
  share(static_cast<double>(std::ranges::count_if(first, [](auto t) { return t != kNever; })), 0.2);
  // One visit and a geometric number with mean 1.5 and variance 1.5 * 2.5.
  const auto visits = static_cast<double>(rows_of(b, EventKind::visit).size());
  EXPECT_NEAR(visits / 20'000.0, 2.5, 3.5 * std::sqrt(3.75 / 20'000.0));
}

TEST(SimulateBase, DrawsChannelsByShareAndMultipliesTheRate) {
  const auto s = with_everything(30'000);
  const auto b = simulate_base(s, {});
  for (std::size_t k = 0; k < s.channels.size(); ++k) {
    std::vector<double> rates;
    for (std::int64_t i = 0; i < s.customers; ++i)
      if (b.customers.channel[i] == k) rates.push_back(b.customers.rate[i]);
    const double p = s.channels[k].share;
    EXPECT_NEAR(static_cast<double>(rates.size()) / 30'000.0, p,
                3.5 * std::sqrt(p * (1.0 - p) / 30'000.0));
    expect_mean(rates, s.channels[k].multiplier * s.r / s.alpha);
  }
}

TEST(SimulateBase, PutsEventsAtTheStartOfTheirLocalDay) {
  // A zone that goes from -5 h to -4 h after ten days, and back after twenty.
  constexpr std::int64_t hour = 3600 * kMicrosPerSecond;
  const std::int64_t ten = 10 * kMicrosPerDay + 7 * hour, twenty = 20 * kMicrosPerDay + 6 * hour;
  auto s = cdnow(3000);
  s.timezone = TimeZone(-5 * hour, {ten, twenty}, {-4 * hour, -5 * hour});
  s.start = s.timezone.start_of_day(0);
  s.end = s.timezone.start_of_day(30);
  s.arrivals = 2.0;
  s.visits = 20.0;
  const auto days = simulate_base(s, {});
  s.whole_days = false;
  const auto instants = simulate_base(s, {});
  for (const auto time : values(days.events.time))
    ASSERT_EQ(time, s.timezone.start_of_day(s.timezone.local_day(time)));
  auto expected = values(instants.events.time);
  for (auto& t : expected) t = s.timezone.start_of_day(s.timezone.local_day(t));
  EXPECT_EQ(values(days.events.time), expected);
}

TEST(SimulateBase, NamesTheBadSetting) {
  const auto argument = [](const std::function<void(Population&)>& change) -> std::string {
    auto s = with_everything(10);
    change(s);
    try {
      simulate_base(s, {});
    } catch (const InvalidInput& e) {
      return e.argument();
    }
    return "none";
  };
  const double nan = std::nan("");
  EXPECT_EQ(argument([](auto& s) { s.customers = -1; }), "customers");
  EXPECT_EQ(argument([](auto& s) { s.end = s.start; }), "end");
  EXPECT_EQ(argument([](auto& s) { s.unit = 0.0; }), "unit");
  EXPECT_EQ(argument([](auto& s) { s.arrivals = -1.0; }), "arrivals");
  EXPECT_EQ(argument([](auto& s) { s.r = 0.0; }), "r");
  EXPECT_EQ(argument([&](auto& s) { s.alpha = nan; }), "alpha");
  EXPECT_EQ(argument([](auto& s) { s.dropout_first = -1.0; }), "dropout_first");
  EXPECT_EQ(argument([](auto& s) { s.dropout_second = 0.0; }), "dropout_second");
  EXPECT_EQ(argument([](auto& s) { s.p = 0.0; }), "p");
  EXPECT_EQ(argument([](auto& s) { s.q = 0.0; }), "q");
  EXPECT_EQ(argument([](auto& s) { s.gamma = 0.0; }), "gamma");
  EXPECT_EQ(argument([](auto& s) { s.scale = -1.0; }), "scale");
  EXPECT_EQ(argument([](auto& s) { s.refunds = 1.5; }), "refunds");
  EXPECT_EQ(argument([&](auto& s) { s.refund_delay = nan; }), "refund_delay");
  EXPECT_EQ(argument([](auto& s) { s.visits = -1.0; }), "visits");
  EXPECT_EQ(argument([](auto& s) { s.funnel->lead = 2.0; }), "lead");
  EXPECT_EQ(argument([](auto& s) { s.funnel->order = -1.0; }), "order");
  EXPECT_EQ(argument([](auto& s) { s.funnel->delay = -1.0; }), "delay");
  EXPECT_EQ(argument([](auto& s) { s.channels = {}; }), "channels");
  EXPECT_EQ(argument([](auto& s) { s.channels = s.channels.subspan(1); }), "share");
  // 1e9 orders a week.
  EXPECT_EQ(argument([](auto& s) { s.alpha = 1e-9; }), "rate");
}

TEST(SimulateBase, OfNobodyIsEmpty) {
  const auto b = simulate_base(cdnow(0), {});
  EXPECT_EQ(b.events.time.size(), 0);
  EXPECT_EQ(b.customers.rate.size(), 0);
}

}  // namespace
}  // namespace tenure::simulate
