#include "tenure/events/index.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <tuple>

namespace tenure::events {
namespace {

struct Rows {
  std::vector<std::int64_t> customer, time;
  std::vector<double> amount;
  std::vector<std::uint16_t> event;

  /// The same rows in `pieces` chunks, so that borders fall anywhere.
  std::vector<EventChunk> chunks(std::int64_t pieces, bool names) const {
    std::vector<EventChunk> out;
    const auto n = std::ssize(customer);
    for (std::int64_t p = 0; p < pieces; ++p) {
      const std::int64_t first = n * p / pieces, last = n * (p + 1) / pieces;
      out.push_back({last - first, customer.data() + first, time.data() + first,
                     amount.data() + first, names ? event.data() + first : nullptr});
    }
    return out;
  }
};

Rows random_rows(std::mt19937_64& rng, std::int64_t n, const std::vector<std::int64_t>& ids,
                 std::int64_t times) {
  Rows r;
  for (std::int64_t i = 0; i < n; ++i) {
    r.customer.push_back(ids[rng() % ids.size()]);
    r.time.push_back(static_cast<std::int64_t>(rng() % static_cast<std::uint64_t>(times)) -
                     times / 2);
    r.amount.push_back(static_cast<double>(rng() % 5) - 1.0);
    r.event.push_back(static_cast<std::uint16_t>(rng() % 3));
  }
  return r;
}

/// The definition: all rows sorted by (customer, time, event, amount).
using Tuple = std::tuple<std::int64_t, std::int64_t, std::uint16_t, double>;
std::vector<Tuple> sorted(const Rows& r, bool names) {
  std::vector<Tuple> rows;
  for (std::size_t i = 0; i < r.customer.size(); ++i)
    rows.emplace_back(r.customer[i], r.time[i], names ? r.event[i] : std::uint16_t{0}, r.amount[i]);
  std::ranges::sort(rows);
  return rows;
}

void expect_is_sorted_rows(const Index& index, const Rows& rows, bool names) {
  const auto expected = sorted(rows, names);
  ASSERT_EQ(index.log.rows(), std::ssize(expected));
  std::size_t row = 0;
  for (std::int64_t c = 0; c < index.log.customers(); ++c) {
    ASSERT_TRUE(c == 0 || index.customer_id[c - 1] < index.customer_id[c]);
    const CustomerEvents e = index.log[c];
    ASSERT_GT(e.size(), 0);
    for (std::size_t i = 0; i < e.time.size(); ++i, ++row)
      ASSERT_EQ(Tuple(index.customer_id[c], e.time[i], names ? e.event[i] : std::uint16_t{0},
                      e.amount[i]),
                expected[row]);
  }
}

std::vector<std::int64_t> ids_like(std::mt19937_64& rng, int kind) {
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  std::vector<std::int64_t> ids;
  for (int i = 0; i < 300; ++i) switch (kind) {
      case 0:
        ids.push_back(i);
        break;  // dense
      case 1:
        ids.push_back(static_cast<std::int64_t>(rng()));
        break;  // all 64 bits
      case 2:
        ids.push_back(i < 299 ? -i : kMax);
        break;  // dense with an outlier
      case 3:
        ids.push_back(i % 2 ? kMin + i : kMax - i);
        break;  // both ends
      case 4:
        ids.push_back(7);
        break;  // one customer
      default:
        ids.push_back(i * 1'000'003LL);
        break;  // a stride
    }
  return ids;
}

TEST(IndexEvents, EqualsSortingTheRows) {
  std::mt19937_64 rng(1);
  for (int kind = 0; kind < 6; ++kind)
    for (const std::int64_t n : {1, 2, 17, 5'000, 60'000})
      for (const bool names : {false, true}) {
        const Rows rows = random_rows(rng, n, ids_like(rng, kind), n % 2 ? 10 : 1'000'000);
        SCOPED_TRACE(testing::Message() << "ids " << kind << ", rows " << n << ", names " << names);
        expect_is_sorted_rows(index_events(rows.chunks(1 + kind, names), {2}), rows, names);
      }
}

TEST(IndexEvents, HasTheSameBitsForEveryThreadCountAndChunking) {
  std::mt19937_64 rng(2);
  const Rows rows = random_rows(rng, 50'000, ids_like(rng, 1), 100);
  const Index one = index_events(rows.chunks(1, true), {1});
  for (const int threads : {2, 3, 4, 8}) {
    const Index other = index_events(rows.chunks(threads, true), {threads});
    EXPECT_TRUE(std::ranges::equal(one.customer_id.span(), other.customer_id.span()));
    EXPECT_TRUE(std::ranges::equal(one.log.offset.span(), other.log.offset.span()));
    EXPECT_TRUE(std::ranges::equal(one.log.time.span(), other.log.time.span()));
    EXPECT_TRUE(std::ranges::equal(one.log.amount.span(), other.log.amount.span()));
    EXPECT_TRUE(std::ranges::equal(one.log.event.span(), other.log.event.span()));
  }
}

TEST(IndexEvents, OfNothingIsEmpty) {
  const Index index = index_events({}, {4});
  EXPECT_EQ(index.log.customers(), 0);
  EXPECT_EQ(index.log.rows(), 0);
  EXPECT_EQ(index_events({EventChunk{}}, {1}).log.customers(), 0);
}

TEST(WithCustomers, KeepsThoseWithoutEvents) {
  const Rows rows{{5, 3, 5}, {1, 1, 2}, {1, 1, 1}, {0, 0, 0}};
  const std::vector<std::int64_t> table{9, 4, 5, 1, 4};
  const Index index = with_customers(index_events(rows.chunks(1, false), {1}), table);
  EXPECT_EQ(std::vector(index.customer_id.span().begin(), index.customer_id.span().end()),
            (std::vector<std::int64_t>{1, 3, 4, 5, 9}));
  EXPECT_EQ(std::vector(index.log.offset.span().begin(), index.log.offset.span().end()),
            (std::vector<std::int64_t>{0, 0, 1, 1, 3, 3}));
}

TEST(IndexEvents, OneCustomerWithManyRowsStaysFast) {
  std::mt19937_64 rng(3);
  const Rows rows = random_rows(rng, 300'000, {42}, 1'000'000'000);
  expect_is_sorted_rows(index_events(rows.chunks(3, true), {2}), rows, true);
}

}  // namespace
}  // namespace tenure::events
