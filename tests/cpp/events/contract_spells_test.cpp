#include "tenure/events/contract_spells.hpp"

#include <gtest/gtest.h>

#include "tenure/events/index.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::events {
namespace {

enum Code : std::uint16_t { kStart, kRenewal, kChange, kCancel };

struct Row {
  std::int64_t customer;
  int month, day;
  Code event;
};

std::int64_t instant(int month, int day) { return day_of({2024, month, day}) * kMicrosPerDay; }

EventLog log_of(const std::vector<Row>& rows) {
  std::vector<std::int64_t> customer, time;
  std::vector<std::uint16_t> event;
  for (const Row& r : rows) {
    customer.push_back(r.customer);
    time.push_back(instant(r.month, r.day));
    event.push_back(r.event);
  }
  const auto n = static_cast<std::int64_t>(rows.size());
  EventLog log =
      std::move(index_events({{n, customer.data(), time.data(), nullptr, event.data()}}, {1}).log);
  log.order_event = {1, 0, 0, 0};
  log.observed_until = instant(9, 1);
  return log;
}

SpellOptions options(std::int64_t term = 0) {
  return {{ContractRole::start, ContractRole::renewal, ContractRole::change, ContractRole::cancel},
          Period::month,
          term};
}

std::vector<std::int64_t> values(const Buffer<std::int64_t>& b) {
  return {b.span().begin(), b.span().end()};
}

TEST(ContractSpells, OneContractAtATimeUntilItIsCancelled) {
  const auto s = contract_spells(log_of({{0, 1, 10, kStart},
                                         {0, 2, 10, kStart},
                                         {0, 3, 5, kCancel},
                                         {0, 3, 9, kCancel},
                                         {0, 4, 1, kRenewal},
                                         {1, 1, 1, kCancel},
                                         {1, 2, 2, kChange}}),
                                 options(), {});
  EXPECT_EQ(values(s.customer), (std::vector<std::int64_t>{0, 0, 1}));
  EXPECT_EQ(values(s.start), (std::vector{instant(1, 10), instant(4, 1), instant(2, 2)}));
  EXPECT_EQ(values(s.end), (std::vector{instant(3, 5), instant(9, 1), instant(9, 1)}));
  EXPECT_EQ(s.how[0], static_cast<std::uint8_t>(SpellEnd::cancelled));
  EXPECT_EQ(s.how[1], static_cast<std::uint8_t>(SpellEnd::running));
}

TEST(ContractSpells, ATermRunsOutWithItsPeriod) {
  const auto s = contract_spells(
      log_of({{0, 1, 10, kStart}, {0, 3, 31, kRenewal}, {0, 7, 1, kStart}}), options(2), {});
  EXPECT_EQ(values(s.start), (std::vector{instant(1, 10), instant(7, 1)}));
  EXPECT_EQ(values(s.end), (std::vector{instant(6, 1), instant(9, 1)}));
  EXPECT_EQ(s.how[0], static_cast<std::uint8_t>(SpellEnd::lapsed));
  EXPECT_EQ(s.how[1], static_cast<std::uint8_t>(SpellEnd::running));
}

TEST(ContractSpells, ALapseAtTheEndOfObservationIsKnown) {
  const auto s = contract_spells(log_of({{0, 8, 10, kStart}}), options(1), {});
  EXPECT_EQ(s.how[0], static_cast<std::uint8_t>(SpellEnd::running));
  const auto over = contract_spells(log_of({{0, 7, 10, kStart}}), options(1), {});
  EXPECT_EQ(over.how[0], static_cast<std::uint8_t>(SpellEnd::lapsed));
  EXPECT_EQ(over.end[0], instant(9, 1));
}

TEST(ContractSpells, EventsOfOneInstantCountTogether) {
  const auto s = contract_spells(log_of({{0, 1, 1, kStart},
                                         {0, 2, 1, kCancel},
                                         {0, 2, 1, kStart},
                                         {1, 3, 1, kStart},
                                         {1, 3, 1, kCancel}}),
                                 options(), {});
  EXPECT_EQ(values(s.start), (std::vector{instant(1, 1), instant(3, 1)}));
  EXPECT_EQ(values(s.end), (std::vector{instant(9, 1), instant(3, 1)}));
}

TEST(ContractSpells, RolesFitTheLog) {
  const EventLog log = log_of({{0, 1, 1, kStart}});
  EXPECT_THROW(contract_spells(log, {{ContractRole::start}}, {}), InvalidInput);
  SpellOptions asked = options(-1);
  EXPECT_THROW(contract_spells(log, asked, {}), InvalidInput);
}

}  // namespace
}  // namespace tenure::events
