#include "tenure/cohort/contracts.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tenure/events/index.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::cohort {
namespace {

using Counts = std::vector<std::int64_t>;
using Money = std::vector<double>;

constexpr double kNone = 0.0;  // as a log has it

/// Names of events by code.
enum Code : std::uint16_t { kStart, kRenewal, kChange, kCancel };

struct Row {
  std::int64_t customer;
  int month, day;
  Code event;
  double amount = kNone;
};

events::EventLog log_of(const std::vector<Row>& rows, int last_month) {
  std::vector<std::int64_t> customer, time;
  std::vector<double> amount;
  std::vector<std::uint16_t> event;
  for (const Row& r : rows) {
    customer.push_back(r.customer);
    time.push_back(day_of({2024, r.month, r.day}) * kMicrosPerDay);
    amount.push_back(r.amount);
    event.push_back(r.event);
  }
  const auto n = static_cast<std::int64_t>(rows.size());
  events::EventLog log = std::move(
      events::index_events({{n, customer.data(), time.data(), amount.data(), event.data()}}, {1})
          .log);
  log.order_event = {1, 1, 1, 0};
  log.observed_from = day_of({2024, 1, 1}) * kMicrosPerDay;
  log.observed_until = day_of({2024, last_month + 1, 1}) * kMicrosPerDay;
  return log;
}

ContractOptions options(std::int64_t term = 0) {
  return {Period::month,
          {ContractRole::start, ContractRole::renewal, ContractRole::change, ContractRole::cancel},
          term};
}

// 0 stays and grows; 1 leaves in March and is back in April; 2 shrinks; 3 comes and goes in
// February.
const std::vector<Row> kRows{
    {0, 1, 10, kStart, 10},   {0, 2, 5, kChange, 15}, {1, 1, 20, kStart, 20},
    {1, 3, 5, kCancel},       {1, 4, 2, kStart, 25},  {2, 2, 1, kStart, 30},
    {2, 3, 9, kChange, 12.5}, {3, 2, 3, kStart, 99},  {3, 2, 20, kCancel}};

TEST(Contracts, MoveAsCountedByHand) {
  const ContractMoves moves = contract_moves(log_of(kRows, 4), options(), {1});
  const ContractTable t = contract_table(moves);
  EXPECT_EQ(t.opening, (Counts{0, 2, 3, 2}));
  EXPECT_EQ(t.fresh, (Counts{2, 1, 0, 0}));
  EXPECT_EQ(t.reactivated, (Counts{0, 0, 0, 1}));
  EXPECT_EQ(t.churned, (Counts{0, 0, 1, 0}));
  EXPECT_EQ(t.closing, (Counts{2, 3, 2, 3}));
  EXPECT_EQ(t.opening_revenue, (Money{0, 30, 65, 27.5}));
  EXPECT_EQ(t.expansion, (Money{0, 5, 0, 0}));
  EXPECT_EQ(t.contraction, (Money{0, 0, 17.5, 0}));
  EXPECT_EQ(t.churned_revenue, (Money{0, 0, 20, 0}));
  EXPECT_EQ(t.closing_revenue, (Money{30, 65, 27.5, 52.5}));
  EXPECT_TRUE(std::isnan(t.gross_churn[0]));
  EXPECT_EQ(t.gross_churn[2], 37.5 / 65);
  EXPECT_EQ(t.net_churn[1], -5.0 / 30);
  EXPECT_EQ(moves.brief, (Counts{0, 1, 0, 0}));
  EXPECT_EQ(moves.ended, (Counts{0, 1, 1, 0}));
  // February: 0 and 1 all month, 2 all of it from the 1st on, 3 for 17 of 29 days.
  EXPECT_NEAR(moves.exposure[1], 3 + 17.0 / 29, 1e-14);
  // January: 22 and 12 of 31 days.
  EXPECT_NEAR(moves.exposure[0], 34.0 / 31, 1e-14);
  // First contracts of January: both there after one month, one after two and three. Of February: 2
  // of 2 began; one is left.
  EXPECT_EQ(moves.survivors, (Counts{2, 2, 1, 1, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(Contracts, LapseWithThePeriodInWhichTheyWereDue) {
  const std::vector<Row> rows{
      {0, 1, 10, kStart, 10}, {0, 2, 25, kRenewal}, {1, 1, 31, kStart, 5}, {1, 4, 1, kRenewal}};
  const ContractMoves moves = contract_moves(log_of(rows, 5), options(1), {1});
  const ContractTable t = contract_table(moves);
  // 0 renews in February and is due in March; 1 is due in February.
  EXPECT_EQ(t.churned, (Counts{0, 1, 1, 0, 1}));
  EXPECT_EQ(t.reactivated, (Counts{0, 0, 0, 1, 0}));
  EXPECT_EQ(t.closing, (Counts{2, 1, 0, 1, 0}));
  EXPECT_EQ(moves.ended, (Counts{0, 1, 1, 0, 1}));
  EXPECT_NEAR(moves.exposure[2], 1.0, 1e-14);  // to the end of the month in which it lapses
  EXPECT_EQ(t.reactivated_revenue, (Money{0, 0, 0, 5, 0}));  // as before
  EXPECT_EQ(contract_table(contract_moves(log_of(rows, 5), options(), {1})).churned,
            (Counts{0, 0, 0, 0, 0}));
}

TEST(Contracts, EventsOfOneInstantCountTogether) {
  // A switch of plans, a contract cancelled as it begins, and a change with a renewal.
  const std::vector<Row> rows{{0, 1, 5, kStart, 10}, {0, 2, 5, kCancel},    {0, 2, 5, kStart, 12},
                              {1, 2, 7, kStart, 8},  {1, 2, 7, kCancel},    {2, 1, 5, kStart, 1},
                              {2, 2, 5, kChange, 3}, {2, 2, 5, kRenewal, 9}};
  const ContractMoves moves = contract_moves(log_of(rows, 2), options(), {1});
  const ContractTable t = contract_table(moves);
  EXPECT_EQ(t.closing, (Counts{2, 2}));
  EXPECT_EQ(t.expansion, (Money{0, 4}));
  EXPECT_EQ(moves.brief, (Counts{0, 1}));
  EXPECT_EQ(moves.ended, (Counts{0, 1}));
}

TEST(Contracts, TellWhoIsFirstSeenInTheMiddle) {
  const std::vector<Row> rows{{0, 1, 5, kRenewal, 10}, {1, 1, 9, kCancel}, {2, 3, 1, kChange, 4}};
  const ContractMoves moves = contract_moves(log_of(rows, 3), options(), {1});
  EXPECT_EQ(moves.opened_without_start, 2);
  EXPECT_EQ(moves.cancelled_before, 1);
  EXPECT_EQ(moves.without_contract, 1);
  EXPECT_EQ(contract_table(moves).fresh, (Counts{1, 0, 1}));
}

TEST(Contracts, SumMoneyExactly) {
  // A tenth thrice, and an amount beside which it would be lost in a double.
  const std::vector<Row> rows{{0, 1, 5, kStart, 0.1},
                              {1, 1, 5, kStart, 0.1},
                              {2, 1, 5, kStart, 0.1},
                              {3, 1, 5, kStart, 9e12},
                              {3, 2, 5, kCancel}};
  const ContractTable t = contract_table(contract_moves(log_of(rows, 2), options(), {1}));
  EXPECT_EQ(t.closing_revenue[1], 0.3);
}

TEST(Contracts, RefuseAmountsThatAreNoRevenue) {
  for (const double bad : {-1.0, std::nan(""), 1e13, std::numeric_limits<double>::infinity()}) {
    const std::vector<Row> rows{{0, 1, 4, kStart, 1}, {0, 1, 5, kStart, bad}};
    EXPECT_THROW(contract_moves(log_of(rows, 1), options(), {1}), InvalidInput) << bad;
  }
  const std::vector<Row> unseen{{0, 1, 4, kRenewal}};
  EXPECT_THROW(contract_moves(log_of(unseen, 1), options(), {1}), InvalidInput);
  const events::EventLog log = log_of(kRows, 4);
  EXPECT_THROW(contract_moves(log, {Period::month, {}}, {1}), InvalidInput);
  EXPECT_THROW(contract_moves(log, options(-1), {1}), InvalidInput);
  EXPECT_THROW(contract_bootstrap(contract_moves(log, options(), {1}), {1, 0, 0.95}, {1}),
               InvalidInput);
}

TEST(Contracts, ReplicatesAreTheSameBitsForAnyThreads) {
  const ContractMoves moves = contract_moves(log_of(kRows, 4), options(), {1});
  const auto one = contract_bootstrap(moves, {100, 7, 0.9}, {1});
  const auto three = contract_bootstrap(moves, {100, 7, 0.9}, {3});
  EXPECT_EQ(Money(one.net_lower.begin() + 1, one.net_lower.end()),
            Money(three.net_lower.begin() + 1, three.net_lower.end()));
  EXPECT_TRUE(std::isnan(one.gross_lower[0]));
  EXPECT_LE(one.gross_lower[2], 37.5 / 65);
  EXPECT_GE(one.gross_upper[2], 37.5 / 65);
}

}  // namespace
}  // namespace tenure::cohort
