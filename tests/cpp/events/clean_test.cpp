#include "tenure/events/clean.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "tenure/support/calendar.hpp"

namespace tenure::events {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

struct Columns {
  std::vector<std::int64_t> customer{1, 2, 3, 4, 5, 6};
  std::vector<std::int64_t> time{10, 20, 30, 40, 50, 60};
  std::vector<double> amount{1, 2, 3, 4, 5, 6};
  std::vector<std::uint16_t> event{0, 0, 0, 0, 0, 0};

  RawChunk chunk() const {
    RawChunk c;
    c.rows = std::ssize(customer);
    c.customer = customer.data();
    c.time = time.data();
    c.amount = amount.data();
    c.event = event.data();
    return c;
  }
};

TEST(Clean, PassesFaultlessRowsOnWithoutACopy) {
  const Columns columns;
  const CleanRows rows = clean({columns.chunk()}, {}, {1});
  ASSERT_EQ(rows.chunks.size(), 1u);
  EXPECT_EQ(rows.chunks[0].amount, columns.amount.data());
  EXPECT_EQ(rows.report.kept, 6);
}

TEST(Clean, CountsEveryFindingAndDropsWhenAsked) {
  Columns columns;
  columns.time[1] = std::numeric_limits<std::int64_t>::max();
  columns.amount = {1, 2, kNan, kInf, -5, 6};
  RawChunk chunk = columns.chunk();
  const std::uint8_t valid = 0b111110;
  chunk.customer_valid = {&valid, 0};
  const CleanRows rows = clean({columns.chunk(), chunk}, {.drop_invalid = true}, {2});
  EXPECT_EQ(rows.report.rows, 12);
  EXPECT_EQ(rows.report.missing_customer.count, 1);
  EXPECT_EQ(rows.report.missing_customer.first[0], 6);  // counted over all chunks
  EXPECT_EQ(rows.report.impossible_time.count, 2);
  EXPECT_EQ(rows.report.missing_amount.count, 2);
  EXPECT_EQ(rows.report.infinite_amount.first[1], 9);
  EXPECT_EQ(rows.report.refund.count, 2);
  EXPECT_EQ(rows.report.kept, 3 + 2);
  ASSERT_EQ(rows.chunks.size(), 2u);
  EXPECT_EQ(rows.chunks[1].rows, 2);
  EXPECT_EQ(rows.chunks[1].customer[0], 5);
}

TEST(Clean, AmountsMatterInOrdersOnly) {
  Columns columns;
  columns.event = {0, 1, 0, 1, 0, 1};
  columns.amount = {1, kNan, 2, -3, -4, kInf};
  const std::vector<std::uint8_t> is_order{1, 0};
  const CleanRows rows = clean({columns.chunk()}, {.order_event = is_order}, {1});
  EXPECT_EQ(rows.report.missing_amount.count, 0);
  EXPECT_EQ(rows.report.infinite_amount.count, 0);
  EXPECT_EQ(rows.report.refund.count, 1);
  EXPECT_EQ(rows.chunks[0].amount[1], 0.0);  // a missing amount that does not matter
}

TEST(Clean, CutsAtTheEndOfObservation) {
  const Columns columns;
  const CleanRows rows = clean({columns.chunk()}, {.observed_until = 40}, {1});
  EXPECT_EQ(rows.report.after_end.count, 3);
  EXPECT_EQ(rows.chunks[0].rows, 3);
}

TEST(Clean, DropsRefundsWhenAsked) {
  Columns columns;
  columns.amount[2] = -1;
  EXPECT_EQ(clean({columns.chunk()}, {.drop_refunds = true}, {1}).report.kept, 5);
  EXPECT_EQ(clean({columns.chunk()}, {}, {1}).report.kept, 6);
}

}  // namespace
}  // namespace tenure::events
